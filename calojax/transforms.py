"""The border between physics and networks: network space begins at `forward` and ends at `inverse`."""

from __future__ import annotations

from typing import Callable, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.showers import Condition
from calojax.units import GEV


class Transform(NamedTuple):
  """A pair of inverse maps between cell energies `[..., v]` in MeV and network space, given the incident energy `[...]` in MeV."""

  forward: Callable[[Array, Array], Array]
  inverse: Callable[[Array, Array], Array]


def log_fraction(floor: float = 1e-6) -> Transform:
  """Log of the cell's share of the incident energy: x = ln(1 + E / (floor E_p)) / ln(1 + 1 / floor), in [0, 1].

  Below `floor` the map is linear (an empty cell is 0), above it logarithmic, alike at every incident energy.
  """
  norm = float(np.log1p(1 / floor))
  return Transform(
      lambda energies, incident: jnp.log1p(energies / (floor * incident[..., None])) / norm,
      lambda x, incident: jnp.expm1(x * norm) * floor * incident[..., None])


def log_energy(scale: float = 1.0) -> Transform:
  """Log of the cell energy, the papers' log(1 + E): x = ln(1 + E / scale) / 10; `scale` in MeV."""
  return Transform(
      lambda energies, incident: jnp.log1p(energies / scale) / 10,
      lambda x, incident: jnp.expm1(x * 10) * scale)


def linear(scale: float = 1000.0) -> Transform:
  """The cell energy itself in units of `scale` MeV."""
  return Transform(lambda energies, incident: energies / scale, lambda x, incident: x * scale)


TRANSFORMS = {'log_fraction': log_fraction, 'log_energy': log_energy, 'linear': linear}


def energy_only(condition: Condition, geometry: Geometry) -> Float[Array, '*b 1']:
  """ln(E / 10 GeV): the energy-only (1D) case of Chekalina et al. 2018."""
  return jnp.log(condition.energy / (10 * GEV))[..., None]


def full(condition: Condition, geometry: Geometry) -> Float[Array, '*b 5']:
  """Momentum and impact point (the 5D case), one-to-one with (px, py, pz, x, y): ln(E / 10 GeV), 5 dx/dz, 5 dy/dz and where the
  trajectory crosses the first layer's reference plane, in units of half a cell.

  The crossing is what decides the energy sharing of the central cells; on the front face it is hidden under the slope.
  """
  slopes = condition.direction[..., :2] / condition.direction[..., 2:]
  layer = geometry.layers[0]
  crossing = (condition.position + slopes * layer.depth) / (np.asarray(layer.pitch, np.float32) / 2)
  return jnp.concatenate([energy_only(condition, geometry), 5 * slopes, crossing], axis=-1)


CONDITIONS = {'energy': energy_only, 'full': full}
