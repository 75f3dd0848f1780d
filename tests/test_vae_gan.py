"""The VAE-GAN: two phases of one training, each resumed bitwise. What it makes: test_framed."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.methods import schedules
from calojax.methods.build import build
from calojax.showers import take

WARM, STEPS = 4, 8


def build_tiny(embedded, training, **changes):
  lengths = {'warm_start__steps': WARM, 'train__steps': STEPS}
  config = tiny.config('vae_gan', **{**lengths, **changes})
  return build(config, embedded.geometry, training)


@pytest.fixture(scope='module')
def trained(embedded, few):
  """The method, its states at steps 0 to 8 and the metrics of each step."""
  method = build_tiny(embedded, few)
  states, told = [jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))], []
  update = jax.jit(method.update)
  for step in range(STEPS):
    batch = jax.tree.map(lambda leaf: leaf[None, 8 * step : 8 * step + 8], few)
    state, metrics = update(states[-1], batch)
    states, told = [*states, state], [*told, metrics]
  return method, states, told


def changed(before, after) -> bool:
  """Whether any parameter of a network moved."""
  return any((a != b).any() for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after)))


def test_each_phase_trains_its_own_networks(trained):
  _, states, told = trained
  for step in range(STEPS):
    before, after = states[step], states[step + 1]
    warm = step < WARM
    assert changed(before.generator.params, after.generator.params)
    assert changed(before.partner.params['encoder'], after.partner.params['encoder'])
    assert changed(before.partner.params['critic'], after.partner.params['critic']) != warm
    assert float(told[step]['generator/kl']) > 0  # the bound stays on
    assert (float(told[step]['discriminator/adversarial']) > 0) != warm


@pytest.mark.parametrize('step', [1, WARM + 1])
def test_an_update_of_a_phase_alone_makes_the_same_step(trained, few, step):
  method, states, told = trained
  (first, _), (second, _) = method.stages
  assert (first, second) == (0, WARM)
  update = jax.jit(method.stages[step > WARM][1])
  after, metrics = update(
    states[step], jax.tree.map(lambda leaf: leaf[None, 8 * step : 8 * step + 8], few)
  )
  chex.assert_trees_all_close(metrics, told[step], rtol=1e-3, atol=1e-5)
  chex.assert_trees_all_close(after.generator, states[step + 1].generator, atol=1e-4)
  chex.assert_trees_all_close(after.partner, states[step + 1].partner, atol=1e-4)


def test_without_the_bound_the_encoder_rests_in_the_second_phase(embedded, few):
  method = build_tiny(embedded, few, warm_start__steps=0, adversarial__likelihood=0.0)
  start: Any = jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))
  after, told = jax.jit(method.update)(start, jax.tree.map(lambda leaf: leaf[None, :8], few))
  assert not changed(start.partner.params['encoder'], after.partner.params['encoder'])
  assert changed(start.partner.params['critic'], after.partner.params['critic'])
  assert float(told['generator/kl']) == 0


def test_every_number_of_the_training_is_finite(trained):
  _, states, told = trained
  for tree in (states[-1].generator, states[-1].partner, told):
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(tree))


def test_average_is_the_generator_itself_in_the_warm_start(trained):
  _, states, _ = trained
  chex.assert_trees_all_equal(states[WARM].generator.ema['params'], states[WARM].generator.params)
  assert changed(states[-1].generator.ema['params'], states[-1].generator.params)


@pytest.fixture(scope='module')
def again(embedded, few):
  """The step of a method that was built once more."""
  return jax.jit(build_tiny(embedded, few).update)


@pytest.mark.parametrize('stopped', [2, 6])
def test_a_state_goes_on_bitwise_in_either_phase(few, trained, again, stopped):
  """A method that was built again goes on where the first one was."""
  _, states, _ = trained
  state = jax.tree.map(jnp.array, states[stopped])
  for step in range(stopped, STEPS):
    batch = jax.tree.map(lambda leaf: leaf[None, 8 * step : 8 * step + 8], few)
    state, _ = again(state, batch)
  for new, old in zip(state[2:], states[-1][2:]):
    chex.assert_trees_all_equal(new, old)


def test_schedule_of_the_phases():
  schedule = schedules.Schedule(100, 1100, 1e-3, 1e-4, 2e-4)
  at_step = lambda step: schedule.at(jnp.asarray(step))
  start, end, first, last = (at_step(step) for step in (0, 99, 100, 1100))
  assert float(start.generator) == pytest.approx(1e-3) and float(start.critic) == 0
  assert float(end.generator) < 3e-5 and float(start.kl) == pytest.approx(schedules.KL_START)
  assert float(at_step(80).kl) == 1
  assert float(first.generator) < 1e-6 and float(first.encoder) == 0  # the rates rise from 0
  assert float(last.generator) == pytest.approx(schedules.END * 1e-4)
  assert float(last.critic) == pytest.approx(2 * float(last.generator))
  assert int(first.adam.steps) == 1 and float(first.adam.beta1) == 0


def test_adam_is_optax_adam():
  import optax

  params = {'w': jnp.asarray([1.0, -2.0])}
  ours, moments = params, schedules.moments(params)
  optimiser = optax.adam(0.01, 0.9, 0.999)
  theirs, state = params, optimiser.init(params)
  for step, gradient in enumerate(([0.5, -1.0], [2.0, 0.1], [-0.3, 0.0])):
    gradients = {'w': jnp.asarray(gradient)}
    now = schedules.Adam(jnp.asarray(0.9), jnp.asarray(0.999), jnp.asarray(step + 1))
    ours, moments = schedules.adam(ours, moments, gradients, jnp.asarray(0.01), now)
    updates, state = optimiser.update(gradients, state)
    theirs = optax.apply_updates(theirs, updates)
  chex.assert_trees_all_close(ours, theirs, rtol=1e-5)


def test_more_warm_steps_than_steps_are_refused(embedded, few):
  config = tiny.config('vae_gan', warm_start__steps=9, train__steps=8)
  with pytest.raises(ValueError, match='warm_start.steps is 9, expected at most train.steps, 8'):
    build(config, embedded.geometry, few)


def test_several_batches_an_update_are_refused(embedded, few):
  config = tiny.config('vae_gan', train__discriminator_steps=2)
  with pytest.raises(ValueError, match='train.discriminator_steps is 2, expected 1'):
    build(config, embedded.geometry, few)


def test_a_network_that_has_no_form_for_the_frame_is_refused(embedded):
  for player, name in (('generator', 'voxel'), ('discriminator', 'voxel')):
    config = tiny.full_config('cnn')
    config[player].name = name
    with pytest.raises(ValueError, match=f"{player}.name is '{name}', which has no form"):
      build(config, embedded.geometry)


def test_dense_networks_compute_in_single_precision_only(embedded, few):
  with pytest.raises(ValueError, match="dtype is 'bfloat16', expected float32"):
    build_tiny(embedded, few, dtype='bfloat16')


def test_convolutional_networks_compute_in_bfloat16_and_keep_their_parameters(embedded, few):
  config = tiny.config('cnn_aux', dtype='bfloat16')
  method = build(config, embedded.geometry, few)
  state: Any = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))
  batch = jax.tree.map(lambda leaf: leaf[None, :8], few)
  program = jax.make_jaxpr(method.update)(state, batch)
  assert 'bf16' in str(program)
  assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(state.generator.params))


def test_the_dense_discriminator_has_no_regressor(embedded, few):
  method = build_tiny(embedded, few, weights__regression=1.0)
  with pytest.raises(ValueError, match='no regressor, expected weights of 0'):
    jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))


def test_the_spectral_norm_leaves_the_ends_of_a_generator_alone(embedded, few):
  """Its first layer and its last have to reach any scale; those between have a largest singular
  value of one.
  """
  method = build(tiny.config('cnn_aux_sn'), embedded.geometry, few)
  state: Any = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))
  normalised = jax.tree_util.tree_leaves_with_path(state.generator.stats['spectral'])
  layers = {path[1].key for path, _ in normalised}
  hidden = {f'Normalised_{i}' for i in (1, 2, 3)}
  assert layers == hidden, layers
  assert 'spectral' in state.partner.stats


def test_a_regressor_learns_the_summaries_of_the_showers(embedded, few):
  """Trained on the same few showers its error falls; without one there is none."""
  config = tiny.config('cnn_aux', warm_start__steps=0, train__steps=40)
  config.weights.update(regression=1.0, regression_fake=1.0)
  config.adversarial.discriminator_rate = 3e-3
  method = build(config, embedded.geometry, few)
  state: Any = jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))
  update, errors = jax.jit(method.update), []
  batch = jax.tree.map(lambda leaf: leaf[None, :32], few)
  for _ in range(40):
    state, told = update(state, batch)
    errors.append(float(told['discriminator/regression']))
  assert np.mean(errors[-5:]) < 0.9 * np.mean(errors[:5])
