"""Generators in the canonical frame: what they make is physical and lies where the particle goes,
on any calorimeter; all that they need of the training showers lies in their variables.
"""

from typing import Any

import jax
import numpy as np
import pytest

import tiny
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.methods.build import build
from calojax.methods.state import Method
from calojax.showers import Condition, Shower, at, take

SYSTEMS = {'vae_gan': {'warm_start__steps': 1, 'train__steps': 2}, 'autoregressive': {}}
SYSTEM = pytest.mark.parametrize('name', SYSTEMS)


def trained(name: str, geometry: Geometry, showers: Shower) -> tuple[Method, Any, list]:
  """The method after two steps, and the metrics of each."""
  method, told = build(tiny.config(name, **SYSTEMS[name]), geometry, showers), []
  state = jax.jit(method.init)(jax.random.key(0), take(showers, slice(2)))
  update = jax.jit(method.update)
  for _ in range(2):
    state, metrics = update(state, jax.tree.map(lambda a: a[None, :8], showers))
    told.append(metrics)
  return method, state.generator.ema, told


@pytest.fixture(scope='module')
def generators(embedded, few):
  return {name: trained(name, embedded.geometry, few)[:2] for name in SYSTEMS}


def sampled(method, variables, condition, seed=0):
  noise = np.random.default_rng(seed).standard_normal(
    (len(condition.energy), method.latent), np.float32
  )
  return np.asarray(jax.jit(method.sample)(variables, noise, condition))


@SYSTEM
def test_method_built_without_showers_samples_alike(name, embedded, few, generators):
  """Everything that the frame took from the showers lies in the variables."""
  method, variables = generators[name]
  other = build(tiny.config(name, **SYSTEMS[name]), embedded.geometry, None)
  condition = at(few.condition, slice(16))
  np.testing.assert_array_equal(
    sampled(method, variables, condition), sampled(other, variables, condition)
  )


@SYSTEM
def test_showers_are_physical(name, few, generators):
  """Energies of about Geant4's response, in cells of 0 or more, many of them dark."""
  method, variables = generators[name]
  made = sampled(method, variables, few.condition)
  assert np.isfinite(made).all() and (made >= 0).all() and 0.1 < (made == 0).mean() < 0.99
  response = made.sum(1) / few.condition.energy
  real = few.energies.sum(1) / few.condition.energy
  np.testing.assert_allclose(response.mean(), real.mean(), rtol=0.02)


@SYSTEM
def test_showers_follow_the_particle_over_the_front_face(name, embedded, generators):
  """Also to where no training shower was: the frame moves them."""
  at_point = [(x, y) for x in (-150.0, 0.0, 150.0) for y in (-150.0, 0.0, 150.0)]
  condition = Condition.of(20_000.0, np.repeat(at_point, 16, axis=0), (0, 0, 1))
  method, variables = generators[name]
  made = sampled(method, variables, condition)
  centre = made @ embedded.geometry.positions[:, :2] / made.sum(1, keepdims=True)
  found = centre.reshape(9, 16, 2).mean(1)
  np.testing.assert_allclose(found, at_point, atol=12)


@SYSTEM
def test_images_of_a_particle_get_images_of_the_shower(name, generators):
  """Given the noise, a particle on the other side gets the mirror image."""
  method, variables = generators[name]
  condition = Condition.of(20_000.0, [(31.0, 9.0), (-31.0, 9.0), (9.0, 31.0)], (0, 0, 1))
  noise = np.random.default_rng(1).standard_normal((1, method.latent)).astype(np.float32)
  made = jax.jit(method.sample)(variables, np.repeat(noise, 3, 0), condition)
  shower, mirrored, exchanged = np.asarray(made).reshape(3, 30, 30)
  np.testing.assert_allclose(mirrored[::-1], shower, rtol=1e-4, atol=1e-3)
  np.testing.assert_allclose(exchanged.T, shower, rtol=1e-4, atol=1e-3)


@SYSTEM
@pytest.mark.parametrize(
  'geometry',
  [
    Geometry('layered', (Layer((12, 3), (5.0, 40.0), 5.0), Layer((6, 6), (10.0, 10.0), 20.0))),
    Geometry('polar', (PolarLayer((0.0, 5.0, 20.0), 4, 0.0), PolarLayer((0.0, 10.0), 1, 9.0))),
  ],
  ids=lambda geometry: geometry.name,
)
def test_other_calorimeters_train_and_keep_the_shares_of_their_layers(name, geometry):
  rng = np.random.default_rng(0)
  energy = np.exp(rng.uniform(np.log(1e3), np.log(1e5), 400))
  condition = Condition.of(energy, rng.uniform(-3, 3, (400, 2)), (0, 0, 1))
  cells = rng.gamma(4, 0.25, (400, geometry.cells))
  front = np.zeros(geometry.cells)
  front[: geometry.layers[0].cells] = 1
  shares = 0.6 * front / front.sum() + 0.2 * (1 - front) / (1 - front).sum()
  showers = Shower((cells * shares * energy[:, None]).astype(np.float32), condition)
  method, variables, told = trained(name, geometry, showers)
  assert all(np.isfinite(float(value)) for metrics in told for value in metrics.values())
  made = sampled(method, variables, condition)
  split = geometry.layers[0].cells
  for part in (slice(None, split), slice(split, None)):
    real = (showers.energies[:, part].sum(1) / energy).mean()
    np.testing.assert_allclose((made[:, part].sum(1) / energy).mean(), real, rtol=0.1)
