"""The border between physics and networks: network space begins at `forward` and ends at
`inverse`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array


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
  # log1p and expm1: most cells hold a tiny share, of which 1 + x would keep few digits.
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
