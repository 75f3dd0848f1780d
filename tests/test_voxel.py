"""The networks for irregular layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.models import voxel
from conftest import network

PHOTONS = ((1, 8), (10, 16), (10, 19), (1, 5), (1, 5))
DETECTORS = {
  'photons': PHOTONS,
  'electrons': ((16, 9),) * 45,
  'fine electrons': ((50, 18),) * 45,
  'calogan': ((96, 3), (12, 12), (6, 12)),
  'lhcb': ((30, 30),),
  'clic': ((25, 25),) * 25,
}
COUNTS = {
  'photons': (574_960, 325_441),
  'electrons': (3_989_968, 2_070_849),
  'fine electrons': (8_378_548, 4_248_129),
}


def shapes(module, x, condition):
  """What a network gives and its parameters, found without computing."""
  outputs, variables = jax.eval_shape(
    lambda: module.init_with_output(jax.random.key(0), x, condition, True)
  )
  return outputs, sum(leaf.size for leaf in jax.tree.leaves(variables['params']))


@pytest.mark.parametrize('name', DETECTORS)
def test_any_calorimeter_fits(name):
  grids = DETECTORS[name]
  voxels = sum(nx * ny for nx, ny in grids)
  x, generator = shapes(voxel.Generator(grids), jnp.zeros((2, 256)), jnp.zeros((2, 1)))
  heads, discriminator = shapes(
    voxel.Discriminator(grids, targets=3), jnp.zeros((2, voxels)), jnp.zeros((2, 1))
  )
  assert x.shape == (2, voxels) and x.dtype == jnp.float32
  assert {head: array.shape for head, array in heads.items()} == {'score': (2,), 'targets': (2, 3)}
  assert max(generator, discriminator) < 10_000_000


@pytest.mark.parametrize('name', COUNTS)
def test_parameter_counts(name):
  grids = DETECTORS[name]
  x = jnp.zeros((2, sum(nx * ny for nx, ny in grids)))
  counts = (
    shapes(voxel.Generator(grids), jnp.zeros((2, 256)), jnp.zeros((2, 1)))[1],
    shapes(voxel.Discriminator(grids), x, jnp.zeros((2, 1)))[1],
  )
  assert counts == COUNTS[name]


@pytest.mark.parametrize('spectral', (False, True))
def test_showers_are_sparse_and_judged_singly(spectral):
  z, condition = jax.random.normal(jax.random.key(0), (6, 16)), jnp.linspace(-1, 1, 6)[:, None]
  generator = voxel.Generator(PHOTONS, widths=(32, 32), rank=8, spectral=spectral)
  x, _ = jax.jit(lambda: generator.init_with_output(jax.random.key(0), z, condition, True))()
  assert (np.asarray(x) >= 0).all() and 0.1 < (np.asarray(x) == 0).mean() < 0.9
  discriminator = network(voxel.Discriminator(PHOTONS, widths=(32, 32), rank=8, spectral=spectral))
  variables = jax.jit(lambda: discriminator.init(jax.random.key(1), x, condition, True))()
  score = jax.jit(lambda x, condition: discriminator.apply(variables, x, condition, False)['score'])
  np.testing.assert_allclose(score(x, condition)[:2], score(x[:2], condition[:2]), atol=1e-6)
  slope = np.asarray(jax.grad(lambda x: score(x, condition).sum())(x))
  assert np.isfinite(slope).all() and (np.abs(slope).max(0) > 0).all(), 'every voxel counts'
  assert (np.abs(score(x, condition + 1) - score(x, condition)) > 1e-7).all(), (
    'and so does the condition'
  )
