"""The VAE-GAN: two phases of one training, each resumed bitwise; what it makes lies where the
particle goes; its generator is one graph.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.methods import schedules
from calojax.methods.build import build
from calojax.showers import Condition, Shower, at, take

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


def sampled(method, state, condition, seed=0):
  noise = np.random.default_rng(seed).standard_normal(
    (len(condition.energy), method.latent), np.float32
  )
  return np.asarray(jax.jit(method.sample)(state.generator.ema, noise, condition))


def test_method_built_without_showers_samples_alike(embedded, few, trained):
  """Everything that the frame took from the showers lies in the variables."""
  method, states, _ = trained
  other = build_tiny(embedded, None)
  condition = at(few.condition, slice(16))
  np.testing.assert_array_equal(
    sampled(method, states[-1], condition), sampled(other, states[-1], condition)
  )


def test_showers_are_physical(few, trained):
  """Energies of about Geant4's response, in cells of 0 or more, many of them dark."""
  method, states, _ = trained
  made = sampled(method, states[-1], few.condition)
  assert np.isfinite(made).all() and (made >= 0).all() and 0.1 < (made == 0).mean() < 0.99
  response = made.sum(1) / few.condition.energy
  real = few.energies.sum(1) / few.condition.energy
  np.testing.assert_allclose(response.mean(), real.mean(), rtol=0.02)


def test_showers_follow_the_particle_over_the_front_face(embedded, few, trained):
  """Also to where no training shower was: the frame moves them."""
  method, states, _ = trained
  at_point = [(x, y) for x in (-150.0, 0.0, 150.0) for y in (-150.0, 0.0, 150.0)]
  condition = Condition.of(20_000.0, np.repeat(at_point, 16, axis=0), (0, 0, 1))
  made = sampled(method, states[-1], condition)
  centre = made @ embedded.geometry.positions[:, :2] / made.sum(1, keepdims=True)
  found = centre.reshape(9, 16, 2).mean(1)
  np.testing.assert_allclose(found, at_point, atol=12)


def test_images_of_a_particle_get_images_of_the_shower(trained):
  """Given the noise, a particle on the other side gets the mirror image."""
  method, states, _ = trained
  condition = Condition.of(20_000.0, [(31.0, 9.0), (-31.0, 9.0), (9.0, 31.0)], (0, 0, 1))
  noise = np.random.default_rng(1).standard_normal((1, method.latent)).astype(np.float32)
  made = jax.jit(method.sample)(states[-1].generator.ema, np.repeat(noise, 3, 0), condition)
  shower, mirrored, exchanged = np.asarray(made).reshape(3, 30, 30)
  np.testing.assert_allclose(mirrored[::-1], shower, rtol=1e-4, atol=1e-3)
  np.testing.assert_allclose(exchanged.T, shower, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
  'geometry',
  [
    Geometry('layered', (Layer((12, 3), (5.0, 40.0), 5.0), Layer((6, 6), (10.0, 10.0), 20.0))),
    Geometry('polar', (PolarLayer((0.0, 5.0, 20.0), 4, 0.0), PolarLayer((0.0, 10.0), 1, 9.0))),
  ],
  ids=lambda geometry: geometry.name,
)
def test_other_calorimeters_train_and_keep_the_shares_of_their_layers(geometry):
  rng = np.random.default_rng(0)
  energy = np.exp(rng.uniform(np.log(1e3), np.log(1e5), 400))
  condition = Condition.of(energy, rng.uniform(-3, 3, (400, 2)), (0, 0, 1))
  cells = rng.gamma(4, 0.25, (400, geometry.cells))
  front = np.zeros(geometry.cells)
  front[: geometry.layers[0].cells] = 1
  shares = 0.6 * front / front.sum() + 0.2 * (1 - front) / (1 - front).sum()
  showers = Shower((cells * shares * energy[:, None]).astype(np.float32), condition)
  method = build(tiny.config('vae_gan', warm_start__steps=1, train__steps=2), geometry, showers)
  state = jax.jit(method.init)(jax.random.key(0), take(showers, slice(2)))
  update = jax.jit(method.update)
  for _ in range(2):
    state, metrics = update(state, jax.tree.map(lambda a: a[None, :8], showers))
    assert all(np.isfinite(float(value)) for value in metrics.values())
  made = sampled(method, state, condition)
  split = geometry.layers[0].cells
  for part in (slice(None, split), slice(split, None)):
    real = (showers.energies[:, part].sum(1) / energy).mean()
    np.testing.assert_allclose((made[:, part].sum(1) / energy).mean(), real, rtol=0.1)


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
