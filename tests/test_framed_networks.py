"""The papers' networks in the form for the canonical frame: each shower is made and judged for
itself, of what is told of its particle.
"""

import functools

import jax
import numpy as np
import pytest

from calojax.models import DISCRIMINATORS, GENERATORS
from calojax.models.hurdle import HEADS

SQUARE, LAYERS, CUBE = ((30, 30),), ((96, 3), (12, 12), (12, 6)), ((25, 25),) * 25
NETWORKS = {  # name -> grids, fields of the generator, of the discriminator
  'cnn': (SQUARE, {'channels': (8, 4, 4, 4)}, {'channels': (4, 4, 4, 8), 'hearing': 4}),
  'sagan': (SQUARE, {'channels': (8, 4, 4, 4)}, {'channels': (4, 4, 4, 8)}),
  'wgan': (SQUARE, {'channels': (8, 4, 4, 4)}, {'channels': (4, 4, 4, 8)}),
  'calogan': (LAYERS, {'channels': (4, 4, 2)}, {'channels': (4, 4, 2, 2), 'hearing': 4}),
  'conv3d': (CUBE, {'channels': (1, 2, 2, 1)}, {'channels': (2, 1), 'hearing': 4}),
  'conv2d': (CUBE, {'width': 2}, {'width': 2, 'hearing': 4}),
}
COUNT, TOLD = 3, 5
NAMES = pytest.mark.parametrize('name', NETWORKS)


def numbers(seed, *shape):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@functools.cache
def generated(name):
  """A generator as a function of noise and what is told, with two of each."""
  grids, fields, _ = NETWORKS[name]
  network = GENERATORS[name](grids, framed=True, **fields)
  z, told = numbers(0, COUNT, 6), numbers(1, COUNT, TOLD)
  variables = jax.jit(network.init, static_argnums=3)(jax.random.key(0), z, told, True)
  apply = lambda z, told: network.apply(
    variables, z, told, True, mutable=[key for key in variables if key != 'params']
  )[0]
  return jax.jit(apply), (z, told)


@functools.cache
def judged(name):
  """A discriminator as a function of cells, condition and what is told, with two of each."""
  grids, _, fields = NETWORKS[name]
  network = DISCRIMINATORS[name](grids, framed=True, targets=2, **fields)
  x = numbers(2, COUNT, sum(a * b for a, b in grids))
  told = numbers(3, COUNT, TOLD)
  condition = np.concatenate([numbers(4, COUNT, 7), told], axis=1)
  variables = jax.jit(network.init, static_argnums=3)(jax.random.key(0), x, condition, True, told)
  apply = lambda *given: network.apply(
    variables, *given[:2], True, given[2], mutable=[key for key in variables if key != 'params']
  )[0]
  return jax.jit(apply), (x, condition, told)


@NAMES
def test_a_shower_is_made_for_itself_of_its_noise_and_particle(name):
  generate, (z, told) = generated(name)
  made = np.asarray(generate(z, told))
  cells = sum(a * b for a, b in NETWORKS[name][0])
  assert made.shape == (COUNT, cells, HEADS) and np.isfinite(made).all()
  mixed = np.asarray(generate(z[[0, 2, 1]], told[[0, 1, 1]]))
  np.testing.assert_allclose(mixed[0], made[0], rtol=0, atol=1e-5 * np.abs(made).max())
  np.testing.assert_allclose(mixed[2], made[1], rtol=0, atol=1e-5 * np.abs(made).max())
  assert np.abs(mixed[1] - made[1]).max() > 1e-4  # another noise
  other = np.asarray(generate(z, told[::-1]))
  still = name == 'sagan'  # its particle moves the channels; at the start by nothing
  assert np.abs(other[0] - made[0]).max() > (0 if still else 1e-4)


@NAMES
def test_a_shower_is_judged_for_itself_by_a_critic_that_hears_its_particle(name):
  judge, (x, condition, told) = judged(name)
  found = judge(x, condition, told)
  assert found['score'].shape == (COUNT,) and found['targets'].shape == (COUNT, 2)
  mixed = judge(x[[0, 2, 1]], condition[[0, 1, 2]], told[[0, 1, 2]])
  np.testing.assert_allclose(mixed['score'][0], found['score'][0], rtol=1e-4, atol=1e-5)
  other = judge(x, condition[::-1], told[::-1])
  assert np.abs(other['score'][0] - found['score'][0]) > 1e-6
  # What it reads off the cells is not what it was told.
  if not NETWORKS[name][2].get('hearing'):
    np.testing.assert_allclose(other['targets'], found['targets'], rtol=1e-4, atol=1e-5)
