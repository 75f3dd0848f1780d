"""Rings and cells of showers in the frame as one row of numbers: the shares of its layer that each
ring has and each cell has, in network space.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods.frame import spectra, standard
from calojax.methods.frame.passes import Order
from calojax.methods.frame.spectra import Cells
from calojax.methods.frame.standard import from_shares, to_shares
from calojax.models.hurdle import Scales
from calojax.showers import Shower, pieces

# Added to the spread of a number that the networks see: most far cells are mostly dark.
CELL_FLOOR, RING_FLOOR = 0.1, 0.02


def count(order: Order) -> int:
  """How many numbers there are: r rings and v cells."""
  return len(order.parents)


def ring_sums(shares: Float[Array, 'b v'], order: Order) -> Float[Array, 'b r']:
  """Sums over the cells of each ring."""
  return shares @ (order.ring[:, None] == np.arange(len(order.layer))).astype(np.float32)


def row(x: Float[Array, 'b v'], order: Order) -> Float[Array, 'b n']:
  """Cells in network space with their rings before them."""
  return jnp.concatenate([from_shares(ring_sums(to_shares(x), order)), x], axis=1)


def fit_rings(frame: standard.Frame, order: Order, showers: Shower, geometry: Geometry) -> Cells:
  """What the rings of the training showers hold, as `frame.cells` of the cells."""

  @jax.jit
  def sums(piece: Shower) -> spectra.Sums:
    real = standard.enter(frame, piece, geometry)
    shares = ring_sums(to_shares(real.x), order)
    return spectra.sums(from_shares(shares), shares, jnp.ones_like(shares), real.log_energy)

  parts = [jax.tree.map(np.asarray, sums(piece)) for piece in pieces(showers, standard.PIECE)]
  total = jax.tree.map(lambda *leaves: np.sum(leaves, 0, np.float64), *parts)
  return spectra.fit(total, np.arange(len(order.layer)))


def scales(variables: dict[str, Any], log_energy: Float[Array, ' b']) -> Scales:
  """Scales of the numbers for showers of these ln(E / 10 GeV)."""
  rings, cells = (spectra.scales(part, log_energy) for part in _parts(variables))
  both = lambda *pair: jnp.concatenate(pair, axis=1)
  return Scales(
    middle=both(rings.middle, cells.middle),
    spread=both(rings.spread, cells.spread),
    odds=both(rings.odds, cells.odds),
    shape=jnp.concatenate([rings.shape, cells.shape]),
  )


def of(every: Scales, members: Array | np.ndarray) -> Scales:
  """The scales of some of the numbers."""
  middle, spread, odds, shape = every
  return Scales(middle[:, members], spread[:, members], odds[:, members], shape[members])


def whitening(variables: dict[str, Any]) -> tuple[Array, Array]:
  """Mean and spread by which networks see the numbers, `[r + v]` each."""
  rings, cells = _parts(variables)
  spread = [rings.deviation + RING_FLOOR, cells.deviation + CELL_FLOOR]
  return jnp.concatenate([rings.mean, cells.mean]), jnp.concatenate(spread)


def _parts(variables: dict[str, Any]) -> tuple[Cells, Cells]:
  """What rings and cells hold, of a generator's variables."""
  return Cells(**variables['rings']), Cells(**variables['frame']['cells'])
