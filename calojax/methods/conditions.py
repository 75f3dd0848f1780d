"""Condition features: what networks see of a particle, on every calorimeter."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.registry import Registry, find
from calojax.showers import Condition
from calojax.units import GEV


def features(name: str, geometry: Geometry) -> Callable[[Condition], Array]:
  """`Condition[*b] -> [*b, m]`, the features of this name on a calorimeter.

  Raises:
    ValueError: an unknown name.
  """
  feature = find(CONDITIONS, name, 'condition')
  return lambda condition: feature(condition, geometry)


def energy_only(condition: Condition, geometry: Geometry) -> Float[Array, '*b 1']:
  """ln(E / 10 GeV): the energy-only (1D) case of Chekalina et al. 2018."""
  # 10 GeV: the middle of 1 to 100 GeV on a logarithmic scale, so that the feature lies around 0.
  return jnp.log(condition.energy / (10 * GEV))[..., None]


def full(condition: Condition, geometry: Geometry) -> Float[Array, '*b 5']:
  """Momentum and impact point (the 5D case), one-to-one with (px, py, pz, x, y): ln(E / 10 GeV), 5
  dx/dz, 5 dy/dz and where the trajectory crosses the first layer's reference plane, in units of
  half a cell (in rings around the axis of half the innermost ring's width).

  The crossing is what decides the energy sharing of the central cells; on the front face it is
  hidden under the slope.
  """
  # Slopes are tenths: five times them are of the size of the other features.
  slopes = condition.direction[..., :2] / condition.direction[..., 2:]
  layer = geometry.layers[0]
  crossing = (condition.position + slopes * layer.depth) / (np.asarray(layer.pitch, np.float32) / 2)
  return jnp.concatenate([energy_only(condition, geometry), 5 * slopes, crossing], axis=-1)


def scaled_energy(condition: Condition, geometry: Geometry) -> Float[Array, '*b 1']:
  """E_p / 100 GeV, what the 3D GAN and, in images linear in the energy, CaloGAN multiply their
  noise by.
  """
  return condition.energy[..., None] / (100 * GEV)


def energy_root(condition: Condition, geometry: Geometry) -> Float[Array, '*b 1']:
  """(E_p / 100 GeV)^(1/4), the scale of the noise where network space holds fractions of E_p: at 1
  GeV a hundredth would be no noise.
  """
  return scaled_energy(condition, geometry) ** 0.25


def root_and_log(condition: Condition, geometry: Geometry) -> Float[Array, '*b 2']:
  """(E_p / 100 GeV)^(1/4), by which noise is scaled, and ln(E_p / 10 GeV) / 2 beside it: from the
  noise's scale alone a generator learns slowly how the shape of a shower depends on its energy.
  """
  return jnp.concatenate(
    [energy_root(condition, geometry), energy_only(condition, geometry) / 2], axis=-1
  )


def attributes(condition: Condition, geometry: Geometry) -> Float[Array, '*b 6']:
  """Xi of de Oliveira et al. 2017: (E_p / 100 GeV)^(1/4), x0 and y0 in 50 mm, theta in 20 degrees,
  cos phi and sin phi.

  phi itself jumps by 2 pi and has no value at theta = 0, where its cosine and sine are taken as 1
  and 0.
  """
  x, y, z = (condition.direction[..., i] for i in range(3))
  across = jnp.hypot(x, y)
  upright = across == 0
  theta = jnp.arctan2(across, z) / np.radians(20)
  turn = jnp.stack([(x + upright) / (across + upright), y / (across + upright)], axis=-1)
  return jnp.concatenate(
    [energy_root(condition, geometry), condition.position / 50, theta[..., None], turn], axis=-1
  )


CONDITIONS = Registry(
  'condition',
  {
    'energy': energy_only,
    'full': full,
    'scaled_energy': scaled_energy,
    'energy_root': energy_root,
    'root_and_log': root_and_log,
    'attributes': attributes,
  },
  Callable,
)
