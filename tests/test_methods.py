"""Losses, averages, batches of steps and sharding: what the loop must not change."""

import dataclasses
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

import tiny
from calojax.geometry import Geometry, Layer
from calojax.methods import gan, losses, state, transforms
from calojax.methods.build import build
from calojax.showers import Condition, Shower, take
from calojax.training import feed, loop, sharding
from conftest import ROOT, many_devices, network


def test_hinge_against_known_answers():
  real, fake = jnp.array([2.0, 0.5]), jnp.array([-3.0, 0.25])
  np.testing.assert_allclose(losses.hinge.discriminator(real, fake), [0.0, 0.5 + 1.25])
  np.testing.assert_allclose(losses.hinge.generator(fake), [3.0, -0.25])


def test_non_saturating_is_binary_cross_entropy():
  real, fake = jnp.array([0.3]), jnp.array([-0.7])
  sigmoid = lambda s: 1 / (1 + np.exp(-s))
  np.testing.assert_allclose(
    losses.non_saturating.discriminator(real, fake),
    -np.log(sigmoid(0.3)) - np.log(1 - sigmoid(-0.7)),
    rtol=1e-6,
  )
  np.testing.assert_allclose(
    losses.non_saturating.generator(fake), -np.log(sigmoid(-0.7)), rtol=1e-6
  )


def test_absolute_error_is_one_value_a_shower():
  np.testing.assert_allclose(
    losses.absolute_error(jnp.array([[1.0, 4.0], [0.0, 0.0]]), jnp.array([[2.0, 1.0], [0.0, 5.0]])),
    [2.0, 2.5],
  )


def test_mean_distance_is_unbiased():
  """(2, 0) apart it is 4 on average; if they change with the condition by (2, 0) a unit, another 4;
  0 for one distribution, however wide.
  """
  real, fake, condition = jax.random.normal(jax.random.key(3), (3, 4000, 64, 2))
  condition, shift = condition[..., :1], jnp.array([2.0, 0])
  for change, expected in ((fake + shift, 4.0), (fake + condition * shift, 4.0), (3 * fake, 0.0)):
    values = jax.vmap(losses.mean_distance)(change, real, condition)
    assert abs(values.mean() - expected) < 0.06 * expected + 0.03


def test_penalty_of_a_share_of_the_batch():
  """Half of the showers: the loss's penalty is that of the first half, and the other terms do not
  change.
  """

  def metrics(share):
    config = tiny.config('published/cnn_aux', penalised=share)
    showers, geometry, _ = tiny.showers('lhcb_ecal')
    method = build(config, geometry, showers)
    batch = jax.tree.map(lambda leaf: leaf[None, :8], showers)
    return jax.jit(method.update)(method.init(jax.random.key(0), take(showers, slice(2))), batch)[1]

  whole, half = metrics(1.0), metrics(0.5)
  assert half['discriminator/gradient_penalty'] != whole['discriminator/gradient_penalty'] > 0
  np.testing.assert_allclose(
    half['discriminator/adversarial'], whole['discriminator/adversarial'], rtol=1e-5
  )
  with pytest.raises(ValueError, match='penalised is 1.5, expected a share above 0 and up to 1'):
    metrics(1.5)


LINEAR = lambda x: x @ jnp.array([3.0, 4.0])
KEY = jax.random.key(0)


def test_zero_centred_penalty_is_the_squared_slope_at_each_real_shower():
  nowhere = jnp.full((5, 2), jnp.nan)
  np.testing.assert_allclose(
    losses.zero_centred_penalty(LINEAR, jnp.ones((5, 2)), nowhere, KEY), np.full(5, 25.0)
  )
  x = jnp.array([[1.0, 0.0], [0.0, 2.0]])  # of |x|^2 it is |2 x|^2: neither per pixel nor per batch
  np.testing.assert_allclose(
    losses.zero_centred_penalty(lambda x: (x**2).sum(-1), x, x, KEY), [4.0, 16.0]
  )


def test_one_centred_penalty_takes_one_norm_a_shower():
  """Of a slope (3, 4): (5 - 1)^2. A norm per pixel would give (3 - 1)^2 and (4 - 1)^2, one over n
  showers (5 sqrt(n) - 1)^2.
  """
  for count in (1, 7):
    x = jnp.ones((count, 2))
    np.testing.assert_allclose(
      losses.one_centred_penalty(LINEAR, x, 3 * x, KEY), np.full(count, 16.0), rtol=1e-6
    )


def test_one_centred_penalty_looks_between_real_and_generated():
  score = lambda x: (x**2 / 2 + 2 * x).sum(-1)  # of slope x + 2
  t = (
    np.sqrt(
      np.asarray(losses.one_centred_penalty(score, jnp.zeros((6, 1)), jnp.full((6, 1), 2.0), KEY))
    )
    - 1
  )
  assert ((t > 0) & (t < 2)).all() and len(np.unique(t)) == 6


def test_penalties_have_finite_gradients_where_the_slope_is_zero():
  for penalty in losses.PENALTIES.values():
    gradient = jax.grad(
      lambda w: penalty(lambda x: x @ w, jnp.ones((4, 2)), jnp.ones((4, 2)), KEY).sum()
    )(jnp.zeros(2))
    assert np.isfinite(gradient).all()


def test_wasserstein_discriminator_minimises_fake_minus_real():
  np.testing.assert_allclose(
    losses.wasserstein.discriminator(jnp.array([2.0]), jnp.array([-1.0])), [-3.0]
  )
  np.testing.assert_allclose(losses.wasserstein.generator(jnp.array([-1.0])), [1.0])


def test_flipped_showers_carry_the_other_label():
  real, fake = jnp.array([0.3, 0.3]), jnp.array([-0.7, -0.7])
  loss = losses.non_saturating.discriminator(
    real, fake, (jnp.array([False, True]), jnp.array([False, False]))
  )
  plain = losses.non_saturating.discriminator(real, fake)
  np.testing.assert_allclose(loss[0], plain[0])
  np.testing.assert_allclose(loss[1] - plain[1], 0.3, rtol=1e-5)  # softplus(s) - softplus(-s) = s


def test_percentage_error_is_relative_to_the_target():
  np.testing.assert_allclose(
    losses.percentage_error(jnp.array([[1.1, 4.0]]), jnp.array([[1.0, 8.0]])), [30.0], rtol=1e-5
  )


def test_energy_terms_against_known_answers():
  geometry = Geometry('d', (Layer((1, 2), (1.0, 1.0), 0.0),), sampling_fraction=0.2)
  particle = Condition(jnp.array([50_000.0]), jnp.zeros((1, 2)), jnp.array([[0.0, 0.0, 1.0]]))
  generated, real = (Shower(jnp.array([[0.0, e]]), particle) for e in (12_000.0, 10_000.0))
  np.testing.assert_allclose(losses.requested_energy(real, real, geometry), [0.0], atol=1e-6)
  np.testing.assert_allclose(
    losses.requested_energy(generated, real, geometry), [10.0], rtol=1e-5
  )  # 60 GeV seen, 50 GeV asked
  np.testing.assert_allclose(losses.paired_energy(generated, real, geometry), [20.0], rtol=1e-5)


def test_gradients_are_clipped_to_the_norm_asked_for():
  import ml_collections

  from calojax.methods.optimisers import optimiser

  settings = ml_collections.ConfigDict(
    {'name': 'adam', 'beta1': 0.0, 'beta2': 0.999, 'clip': 2.0, 'cooldown': 0.0}
  )
  gradients = [
    {'w': jnp.array([30.0, 40.0])},
    {'w': jnp.array([0.6, 0.8])},
  ]  # norms 50, cut to 2, and 1
  moments = []
  for gradient in gradients:
    rule = optimiser(settings, 1.0, 10)
    state: Any  # optax: a tuple of the chained rules' states
    _, state = rule.update(gradient, rule.init(gradient))
    moments.append(float(jnp.linalg.norm(state[1][0].mu['w'])))
  np.testing.assert_allclose(moments, [2.0, 1.0], rtol=1e-5)


def test_rates_stay_and_then_fall_to_zero():
  import ml_collections

  from calojax.methods.optimisers import optimiser

  settings = ml_collections.ConfigDict(
    {'name': 'adam', 'beta1': 0.0, 'beta2': 0.999, 'clip': 0.0, 'cooldown': 0.5}
  )
  adam = optimiser(settings, 0.1, 8)
  moments, moves = adam.init(jnp.zeros(1)), []
  updates: Any  # optax: a tree like the parameters, here one array
  for _ in range(8):
    updates, moments = adam.update(jnp.ones(1), moments)
    moves.append(-float(updates[0]))
  np.testing.assert_allclose(moves, [0.1, 0.1, 0.1, 0.1, 0.1, 0.075, 0.05, 0.025], atol=1e-6)


def test_total_weighs_the_named_terms():
  value, means = losses.total(
    {'a': jnp.array([1.0, 3.0]), 'b': jnp.array([10.0])}, {'a': 2.0, 'b': 0.1, 'unused': 9.0}
  )
  assert float(value) == pytest.approx(5.0) and {k: float(v) for k, v in means.items()} == {
    'a': 2.0,
    'b': 10.0,
  }


def test_the_average_forgets_its_start_and_then_moves_slowly():
  player = state.player(
    {'params': {'w': jnp.zeros(2)}, 'batch_stats': {'m': jnp.zeros(2)}},
    optax.sgd(1.0),
    averaged=True,
  )
  player = player._replace(
    params={'w': jnp.ones(2)}, stats={'batch_stats': {'m': jnp.full(2, 3.0)}}
  )
  early = state.average(player, jnp.int32(0), 0.999)
  assert early.ema is not None
  np.testing.assert_allclose(early.ema['params']['w'], 0.9)
  np.testing.assert_allclose(early.ema['batch_stats']['m'], 2.7)
  late = state.average(player, jnp.int32(10**6), 0.999)
  assert late.ema is not None
  np.testing.assert_allclose(late.ema['params']['w'], 1e-3, rtol=1e-4)


# Adam without a first moment moves every weight by its rate, whatever the gradient: rounding may
# turn a sign, so weights are compared where the rates are small, and the steps by their losses.
SLOW = {'optimiser__generator': 1e-5, 'optimiser__discriminator': 1e-5}


def start(name, embedded, few, k=1):
  config = tiny.config(name, **SLOW)
  method = build(config, embedded.geometry, few)
  mesh = sharding.data_mesh()
  batches = feed.Resident(few, config.seed, 8, k, mesh)
  return method, mesh, batches, loop.initial_state(method, take(few, slice(2)), 0, mesh)


def test_several_steps_a_dispatch_are_the_same_steps(embedded, few):
  method, mesh, batches, begin = start('published/cnn_aux', embedded, few)
  step = loop.dispatcher(method, mesh)
  copy = jax.tree.map(jnp.copy, begin)
  together, metrics = step(begin, batches(0, 4))
  for i in range(4):
    copy, alone = step(copy, batches(i, 1))
    for name, values in metrics.items():
      np.testing.assert_allclose(values[i], alone[name][0], rtol=1e-2, atol=1e-3, err_msg=name)
  assert int(together.step) == 4 and len(np.unique(metrics['generator/adversarial'])) == 4
  for a, b in zip(
    jax.tree.leaves(together.generator.params), jax.tree.leaves(copy.generator.params)
  ):
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_dispatch_makes_the_updates_of_its_stage(embedded, few):
  """And of none where it begins in one and ends in another, or does not know where it is."""
  method, mesh, batches, begin = start('published/cnn', embedded, few)

  def named(number):
    told = {'stage': jnp.float32(number)}
    return lambda state_, _: (state_._replace(step=state_.step + 1), told)

  staged = dataclasses.replace(method, update=named(9), stages=((0, named(0)), (4, named(1))))
  step = loop.dispatcher(staged, mesh)
  cases = ((0, 1, 0), (2, 2, 0), (3, 1, 0), (3, 2, 9), (4, 2, 1), (None, 1, 9))
  for first, count, expected in cases:
    _, metrics = step(jax.tree.map(jnp.copy, begin), batches(0, count), first)
    assert metrics['stage'].tolist() == [expected] * count


def test_k_micro_batches_move_the_discriminator_k_times(embedded, few):
  moved = {}
  for k in (1, 3):
    method, mesh, batches, begin = start('published/cnn', embedded, few, k)
    state_, _ = jax.jit(method.update)(begin, jax.tree.map(lambda leaf: leaf[0], batches(0, 1)))
    moved[k] = (
      int(state_.discriminator.opt_state[0].count),
      int(state_.generator.opt_state[0].count),
    )
  assert moved == {1: (1, 1), 3: (3, 1)}


SHARDED = """
import sys; sys.path[:0] = ['tests', 'configs']
import conftest, tiny, jax, numpy as np
from calojax import data
from calojax.training import feed, loop, sharding
from calojax.methods.build import build
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower, take
loaded = data.load('lhcb_ecal'); few = take(loaded.showers, slice(256))
rates = {'optimiser__generator': 1e-5, 'optimiser__discriminator': 1e-5}
method = build(tiny.config('published/cnn_aux_sn', **rates), loaded.geometry, few)
mesh = sharding.data_mesh()
batches = feed.Resident(few, 0, 16, 1, mesh)
state = loop.initial_state(method, take(few, slice(2)), 0, mesh)
step = loop.dispatcher(method, mesh)
for i in range(2):
  state, metrics = step(state, batches(i, 1))
batch = batches(2, 1).energies
print(jax.device_count(), len(batch.sharding.device_set), batch.addressable_shards[0].data.shape)
leaves = jax.tree.leaves((state.generator, state.discriminator))
np.savez(sys.argv[1], *[np.asarray(leaf) for leaf in leaves], *metrics.values())
"""


def test_eight_devices_give_the_result_of_one(tmp_path):
  results = {}
  for devices in (1, 8):
    path = tmp_path / f'{devices}.npz'
    output = subprocess.run(
      [sys.executable, '-c', SHARDED, str(path)],
      cwd=ROOT,
      capture_output=True,
      text=True,
      env=many_devices(devices),
    )
    assert output.returncode == 0, output.stderr[-2000:]
    assert (
      output.stdout.split()[:2] == [str(devices), str(devices)]
      and f'(1, 1, {16 // devices}, 900)' in output.stdout
    )
    results[devices] = np.load(path)
  for name in results[1].files:
    np.testing.assert_allclose(
      results[8][name], results[1][name], rtol=2e-3, atol=2e-4, err_msg=name
    )


def test_bfloat16_networks_keep_float32_parameters_and_make_finite_showers(embedded, few):
  method = build(tiny.config('published/cnn', dtype='bfloat16'), embedded.geometry, few)
  state_ = jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))
  batch = jax.tree.map(lambda leaf: leaf[:8].reshape(1, 8, *leaf.shape[1:]), few)
  state_, metrics = jax.jit(method.update)(state_, batch)
  assert {leaf.dtype for leaf in jax.tree.leaves(state_.generator.params)} == {np.dtype('float32')}
  assert all(np.isfinite(value) for value in metrics.values())
  showers = method.sample(
    state_.generator.ema, jnp.ones((3, method.latent)), take(few, slice(3)).condition
  )
  assert showers.dtype == jnp.float32 and np.isfinite(showers).all()


def test_a_period_that_no_dispatch_hits_is_refused():
  config = tiny.config('published/cnn', train__steps_per_dispatch=3)
  with pytest.raises(ValueError, match='train.steps is 8.*multiple of the 3'):
    loop.steps_per_dispatch(config)


class Line(nn.Module):
  """A generator that is linear in its noise."""

  @nn.compact
  def __call__(self, z, condition, train):
    return nn.Dense(3)(z)


class Scale(nn.Module):
  """A score that is linear in the shower."""

  @nn.compact
  def __call__(self, x, condition, train):
    return {'score': nn.Dense(1)(x)[:, 0]}


def linear_gan(generator_steps: int):
  """A GAN whose generator's gradient is that of the mean of its noise: two calls with one key move
  it twice as far as one.
  """
  terms = ('regression', 'regression_fake', 'regression_generator', 'gradient_penalty')
  terms += ('energy', 'mean_image', 'outputs', 'perceptual')
  return gan.method(
    gan.Gan(
      generator=network(Line()),
      discriminator=network(Scale()),
      transform=transforms.linear(1.0),
      features=lambda condition: condition.energy[:, None],
      shown=None,
      target=None,
      error=losses.absolute_error,
      adversarial=losses.wasserstein,
      flips=0.0,
      penalty=losses.zero_centred_penalty,
      penalised=1.0,
      energy=lambda generated, real: real.condition.energy,
      pretrained=None,
      weights={'adversarial': 1.0} | dict.fromkeys(terms, 0.0),
      generator_steps=generator_steps,
      generator_optimiser=optax.sgd(0.1),
      discriminator_optimiser=optax.sgd(0.1),
      ema_decay=0.0,
      latent=4,
    )
  )


def moved(generator_steps: int = 1, step: int = 0) -> np.ndarray:
  """How far an update of that number moves the linear generator's kernel from the first state."""
  showers = Shower(np.ones((5, 3), np.float32), Condition.of(np.full(5, 1e3)))
  method = linear_gan(generator_steps)
  start: Any = method.init(jax.random.key(0), showers)
  batch = jax.tree.map(lambda leaf: leaf[None], showers)
  end, _ = method.update(start._replace(step=jnp.int32(step)), batch)
  kernel = lambda state: np.asarray(state.generator.params['Dense_0']['kernel'])
  return kernel(end) - kernel(start)


def test_the_noise_is_a_function_of_the_number_of_the_step():
  np.testing.assert_array_equal(moved(step=3), moved(step=3))
  assert np.abs(moved(step=4) - moved(step=3)).max() > 1e-3


def test_every_step_of_the_generator_has_its_own_noise():
  once, twice = moved(1), moved(2)
  assert np.abs(twice - 2 * once).max() > 0.1 * np.abs(once).max() > 0
