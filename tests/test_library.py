"""The shower library against showers that it was given."""

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

from calojax.methods import conditions, library
from calojax.showers import take

CONFIG = ml_collections.ConfigDict(
  {'condition': 'full', 'train': {'steps': 3, 'batch': 16, 'discriminator_steps': 1}}
)


def batches(showers, steps: int = 3, batch: int = 16):
  """The first batches `[1, b]` of the showers."""
  return [
    jax.tree.map(lambda leaf: leaf[None, s * batch : (s + 1) * batch], showers)
    for s in range(steps)
  ]


def filled(geometry, showers, steps: int = 3):
  method = library.from_config(CONFIG, geometry, None)
  state, update = method.init(jax.random.key(0), take(showers, slice(2))), jax.jit(method.update)
  for batch in batches(showers, steps):
    state, metrics = update(state, batch)
  return method, state, metrics


def ask(method, state, condition):
  return np.asarray(
    method.sample(state.generator.ema, jnp.zeros((len(condition.energy), method.latent)), condition)
  )


def test_gives_back_the_stored_showers(embedded, few):
  method, state, metrics = filled(embedded.geometry, few)
  assert int(metrics['generator/stored']) == 48 and int(state.step) == 3
  stored = take(few, slice(48))
  np.testing.assert_allclose(ask(method, state, stored.condition), stored.energies, rtol=1e-6)


def test_rescales_the_energy(embedded, few):
  method, state, _ = filled(embedded.geometry, few)
  stored = take(few, slice(48))
  near = stored.condition._replace(energy=stored.condition.energy * 1.001)
  np.testing.assert_allclose(ask(method, state, near), stored.energies * 1.001, rtol=1e-5)
  alone = take(few, slice(16))
  method, state, _ = filled(
    embedded.geometry, jax.tree.map(lambda leaf: np.repeat(leaf[:1], 48, axis=0), alone)
  )
  twice = take(alone, slice(1)).condition._replace(energy=2 * alone.condition.energy[:1])
  np.testing.assert_allclose(ask(method, state, twice), 2 * alone.energies[:1], rtol=1e-6)


def test_a_library_half_full_gives_what_it_has(embedded, few):
  method, state, _ = filled(embedded.geometry, few, steps=1)
  showers = ask(method, state, few.condition) / few.condition.energy[:, None]
  stored = few.energies[:16] / few.condition.energy[:16, None]
  assert np.abs(showers[:, None] - stored[None]).max(-1).min(-1).max() < 1e-6


def test_nearest_in_units_of_the_spread(embedded, few):
  method, state, _ = filled(embedded.geometry, few)
  assert state.generator.ema is not None
  spread = state.generator.ema['library']['spread']
  features = np.asarray(conditions.features('full', embedded.geometry)(few.condition))
  np.testing.assert_allclose(spread, features[:48].std(0), rtol=1e-3)
  scaled = features / spread
  rows = np.linalg.norm(scaled[:, None] - scaled[None, :48], axis=-1).argmin(1)
  expected = few.energies[rows] * (few.condition.energy / few.condition.energy[rows])[:, None]
  np.testing.assert_allclose(ask(method, state, few.condition), expected, rtol=1e-4)


def test_the_state_is_finite_before_and_after(embedded, few):
  method = library.from_config(CONFIG, embedded.geometry, None)
  start = method.init(jax.random.key(0), take(few, slice(2)))
  for state in (start, filled(embedded.geometry, few, 1)[1]):
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.generator))
  assert (ask(method, start, few.condition) == 0).all(), 'an empty library gives empty showers'


def test_shapes_follow_from_the_config_alone(embedded, few):
  method, state, _ = filled(embedded.geometry, few)
  like = jax.eval_shape(method.init, jax.random.key(1), take(few, slice(2)))
  assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), like) == jax.tree.map(
    lambda leaf: (leaf.shape, leaf.dtype), state
  )


def test_two_batches_an_update_are_refused(embedded, few):
  method = library.from_config(CONFIG, embedded.geometry, None)
  state = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))
  with pytest.raises(ValueError, match='discriminator_steps is 2, expected 1'):
    jax.eval_shape(
      method.update,
      state,
      jax.tree.map(lambda leaf: leaf[:32].reshape(2, 16, *leaf.shape[1:]), few),
    )
