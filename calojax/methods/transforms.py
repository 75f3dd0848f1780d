"""The border between physics and networks: network space begins at `forward` and ends at
`inverse`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.showers import Condition
from calojax.units import GEV


class Transform(NamedTuple):
  """A pair of inverse maps between cell energies `[..., v]` in MeV and network space, given the
  incident energy `[...]` in MeV.
  """

  forward: Callable[[Array, Array], Array]
  inverse: Callable[[Array, Array], Array]


def log_fraction(scale: float) -> Transform:
  """Log of the cell's share of the incident energy: x = ln(1 + E / (scale E_p)) / 3, from 0 to a
  few.

  Below `scale` the map is linear (an empty cell is 0), above it logarithmic, alike at every
  incident energy.
  """
  return Transform(
    lambda energies, incident: jnp.log1p(energies / (scale * incident[..., None])) / 3,
    lambda x, incident: jnp.expm1(x * 3) * scale * incident[..., None],
  )


def log_energy(scale: float) -> Transform:
  """Log of the cell energy, the papers' log(1 + E): x = ln(1 + E / scale) / 3; `scale` in MeV."""
  return Transform(
    lambda energies, incident: jnp.log1p(energies / scale) / 3,
    lambda x, incident: jnp.expm1(x * 3) * scale,
  )


def power_fraction(exponent: float) -> Transform:
  """A power of the cell's share of the incident energy (Box-Cox without its offset): x = 3 (E /
  E_p)^exponent, from 0 to 3.

  An exponent of 1/4 keeps relative errors of the core small, as a linear map does, and the faint
  halo visible, as a logarithm does.
  """
  return Transform(
    lambda energies, incident: 3 * (energies / incident[..., None]) ** exponent,
    lambda x, incident: (x / 3) ** (1 / exponent) * incident[..., None],
  )


def linear(scale: float) -> Transform:
  """The cell energy itself in units of `scale` MeV."""
  return Transform(lambda energies, incident: energies / scale, lambda x, incident: x * scale)


TRANSFORMS = {
  'power_fraction': power_fraction,
  'log_fraction': log_fraction,
  'log_energy': log_energy,
  'linear': linear,
}


def energy_only(condition: Condition, geometry: Geometry) -> Float[Array, '*b 1']:
  """ln(E / 10 GeV): the energy-only (1D) case of Chekalina et al. 2018."""
  return jnp.log(condition.energy / (10 * GEV))[..., None]


def full(condition: Condition, geometry: Geometry) -> Float[Array, '*b 5']:
  """Momentum and impact point (the 5D case), one-to-one with (px, py, pz, x, y): ln(E / 10 GeV), 5
  dx/dz, 5 dy/dz and where the trajectory crosses the first layer's reference plane, in units of
  half a cell.

  The crossing is what decides the energy sharing of the central cells; on the front face it is
  hidden under the slope.
  """
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


CONDITIONS = {
  'energy': energy_only,
  'full': full,
  'scaled_energy': scaled_energy,
  'energy_root': energy_root,
  'root_and_log': root_and_log,
  'attributes': attributes,
}
