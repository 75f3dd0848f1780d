"""The self-attention GAN and the WGAN's networks: conditional batch norm, projection, shapes and
parameter counts.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from calojax.models import sagan, wgan
from conftest import network

GRIDS = ((30, 30),)
SMALL = (8, 8, 8, 8)


def parameters(module, *arguments) -> int:
  """Number of parameters, found without computing."""
  variables = jax.eval_shape(lambda: module.init(jax.random.key(0), *arguments, True))
  return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))


def normal(seed: int, *shape: int) -> jax.Array:
  return jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.parametrize(
  'model, generator, discriminator', [(sagan, 663_682, 390_658), (wgan, 1_461_697, 903_041)]
)
def test_parameter_counts(model, generator, discriminator):
  z, condition, x = jnp.zeros((2, 256)), jnp.zeros((2, 5)), jnp.zeros((2, 900))
  assert parameters(model.Generator(GRIDS), z, condition) == generator
  assert parameters(model.Discriminator(GRIDS), x, condition) == discriminator


def test_spectral_normalisation_adds_no_parameters():
  z, condition, x = jnp.zeros((2, 256)), jnp.zeros((2, 5)), jnp.zeros((2, 900))
  assert parameters(sagan.Generator(GRIDS, spectral=True), z, condition) == 663_682
  assert parameters(sagan.Discriminator(GRIDS, spectral=False), x, condition) == 390_658


@pytest.mark.parametrize('model', (sagan, wgan))
@pytest.mark.parametrize('grid', ((30, 30), (16, 21)))
def test_generators_give_showers(model, grid):
  z, condition = normal(0, 3, 8), normal(1, 3, 5)
  generator = model.Generator((grid,), channels=SMALL)
  x, _ = jax.jit(lambda z: generator.init_with_output(jax.random.key(0), z, condition, True))(z)
  assert x.shape == (3, grid[0] * grid[1]) and x.dtype == jnp.float32
  assert (np.asarray(x) >= 0).all() and 0 < (np.asarray(x) == 0).mean() < 1


@pytest.mark.parametrize('model, channels', [(sagan, SMALL), (wgan, SMALL[:3])])
def test_discriminators_give_a_score_and_targets(model, channels):
  x, condition = jax.nn.relu(normal(0, 3, 900)), normal(1, 3, 7)
  network = model.Discriminator(GRIDS, channels=channels, targets=4)
  heads, variables = jax.jit(
    lambda x: network.init_with_output(jax.random.key(0), x, condition, True)
  )(x)
  assert {name: head.shape for name, head in heads.items()} == {'score': (3,), 'targets': (3, 4)}
  assert 'batch_stats' not in variables, "a score is the shower's own"
  assert parameters(model.Discriminator(GRIDS, channels=channels), x, condition) < parameters(
    network, x, condition
  )


@pytest.mark.parametrize(
  'module', [sagan.Generator, sagan.Discriminator, wgan.Generator, wgan.Discriminator]
)
def test_several_layers_are_refused(module):
  with pytest.raises(ValueError, match='2 layers of 4x4, 5x5 cells, expected 1'):
    parameters(module(((4, 4), (5, 5))), jnp.zeros((2, 41)), jnp.zeros((2, 5)))


def test_a_small_grid_is_refused():
  with pytest.raises(ValueError, match='8x8 cells is too small for 4'):
    parameters(sagan.Discriminator(((8, 8),)), jnp.zeros((2, 64)), jnp.zeros((2, 5)))


def test_conditional_batch_norm_begins_as_batch_norm_and_then_follows_the_condition():
  x, condition = 3 + 2 * normal(0, 16, 4, 4, 6), normal(1, 16, 5)
  layer = network(sagan.ConditionalBatchNorm())
  plain = network(nn.BatchNorm(use_running_average=False))
  variables = layer.init(jax.random.key(0), x, condition, True)
  apply = lambda params, condition: layer.apply(
    {**variables, 'params': params}, x, condition, True, mutable=['batch_stats']
  )[0]
  expected = plain.apply(plain.init(jax.random.key(0), x), x, mutable=['batch_stats'])[0]
  np.testing.assert_allclose(apply(variables['params'], condition), expected, atol=1e-5)

  params = variables['params']
  params['scale']['kernel'] = params['scale']['kernel'].at[0, 2].set(1.0)
  params['shift']['kernel'] = params['shift']['kernel'].at[1, 3].set(1.0)
  wanted = np.array(expected)
  wanted[..., 2] *= 1 + np.asarray(condition)[:, 0, None, None]
  wanted[..., 3] += np.asarray(condition)[:, 1, None, None]
  np.testing.assert_allclose(apply(params, condition), wanted, atol=1e-5)


def test_the_score_is_linear_in_the_condition():
  x = jax.nn.relu(normal(0, 4, 900))
  discriminator = network(sagan.Discriminator(GRIDS, channels=SMALL))
  variables = jax.jit(lambda: discriminator.init(jax.random.key(0), x, normal(1, 4, 5), True))()
  score = jax.jit(lambda condition: discriminator.apply(variables, x, condition, False)['score'])
  a, b, nothing = normal(1, 4, 5), normal(2, 4, 5), jnp.zeros((4, 5))
  effect = lambda condition: score(condition) - score(nothing)
  np.testing.assert_allclose(effect(2 * a + b), 2 * effect(a) + effect(b), atol=1e-5)
  assert float(jnp.abs(effect(a)).min()) > 1e-6


def test_the_parameter_regressor():
  x = jax.nn.relu(normal(0, 3, 900))
  assert parameters(wgan.Regressor(GRIDS, targets=5), x) == 902_661
  network = wgan.Regressor(GRIDS, targets=5, channels=SMALL[:3])
  outputs, variables = jax.jit(lambda x: network.init_with_output(jax.random.key(0), x, True))(x)
  assert {name: output.shape for name, output in outputs.items()} == {
    'targets': (3, 5),
    'features': (3, 4 * 4 * 8),
  }
  assert set(variables) == {'params'}
