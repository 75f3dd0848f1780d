"""Rings and cells of showers in the frame as one row of numbers: the shares of its layer that each
ring has and each cell has, in network space.
"""

from __future__ import annotations

import math
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
from calojax.showers import Shower

# Added to the spread of a number that the networks see: most far cells are mostly dark.
CELL_FLOOR, FEW_FLOOR = 0.1, 0.02
NOTHING = 1e-6  # share below which nothing is left: float32 rounds the ledger so
WHOLE = 0.98  # of what is left, which is as good as all


def count(order: Order) -> int:
  """How many numbers there are: r rings and v cells."""
  return len(order.parents)


def ring_sums(shares: Float[Array, 'b v'], order: Order) -> Float[Array, 'b r']:
  """Sums over the cells of each ring."""
  return shares @ (order.ring[:, None] == np.arange(len(order.layer))).astype(np.float32)


def row(x: Float[Array, 'b v'], order: Order) -> Float[Array, 'b n']:
  """Cells in network space with their rings before them."""
  return jnp.concatenate([from_shares(ring_sums(to_shares(x), order)), x], axis=1)


def left(order: Order, change: Float[Array, '... k']) -> Array:
  """The ledger in network space after these changes of it: at first all of every layer."""
  layers = order.moves.shape[1] - len(order.layer)
  whole = (np.arange(order.moves.shape[1]) < layers).astype(np.float32)
  rest = whole + change
  return from_shares(jnp.where(rest > NOTHING, rest, 0))


def before(order: Order) -> np.ndarray:
  """`[p, s]`, 1 for the small numbers that are drawn before each of their passes, else 0."""
  steps, _ = where(order)
  return (steps < np.arange(len(order.steps))[:, None]).astype(np.float32)


def where(order: Order) -> tuple[np.ndarray, np.ndarray]:
  """The pass of every small number, and its place in it."""
  few = order.steps < len(order.small)
  turn = np.argsort(order.steps[few])
  steps, slots = np.nonzero(few)
  return steps[turn], slots[turn]


def ledgers(x: Float[Array, 'b n'], order: Order) -> tuple[Array, Array]:
  """Of showers that are known, the ledger before each pass of small numbers `[p, b, l + r]`, and
  what each of those could hold at most `[b, s]`.
  """
  known = to_shares(x)[:, order.small] * before(order)[:, None]
  ledger = left(order, known @ order.moves[order.small])
  return ledger, ledger[where(order)[0], :, order.parents[order.small]].T


def freed(x: Float[Array, '... m'], most: Float[Array, '... m']) -> Array:
  """Numbers below those that they could be at most, as numbers without a limit: a share s of what
  is left, l, becomes s / (1 - s / l), so that no draw can take more than there is.
  """
  share, rest = to_shares(x), to_shares(most)
  part = jnp.minimum(share / jnp.maximum(rest, NOTHING), WHOLE)
  return from_shares(share / (1 - part))


def bounded(x: Float[Array, '... m'], most: Float[Array, '... m']) -> Array:
  """Inverse of `freed`; from `WHOLE` on it takes all."""
  share, rest = to_shares(x), to_shares(most)
  part = share / jnp.maximum(share + rest, NOTHING)
  return from_shares(rest * jnp.where(part < WHOLE, part, 1.0))


def fit(frame: standard.Frame, order: Order, showers: Shower, geometry: Geometry) -> Cells:
  """What the small numbers are in the training showers, `freed`; but mean and deviation as they
  are seen.
  """
  borders = spectra.edges(float(frame.response.low[0]), float(frame.response.high[0]))

  @jax.jit
  def sums(piece: Shower) -> tuple[spectra.Sums, ...]:
    real = standard.enter(frame, piece, geometry)
    x = row(real.x, order)
    few = x[:, order.small]
    of = lambda y: spectra.sums(y, to_shares(y), jnp.ones_like(y), real.log_energy, borders)
    return of(freed(few, ledgers(x, order)[1])), of(few)

  parts = [jax.tree.map(np.asarray, sums(piece)) for piece in standard.in_memory(showers)]
  total = jax.tree.map(lambda *leaves: np.sum(leaves, 0, np.float64), *parts)
  drawn, seen = (spectra.fit(part, np.arange(len(order.small)), borders) for part in total)
  return drawn._replace(mean=seen.mean, deviation=seen.deviation)


def scales(variables: dict[str, Any], order: Order, log_energy: Float[Array, ' b']) -> Scales:
  """Scales of the numbers for showers of these ln(E / 10 GeV)."""
  few, cells = _parts(variables)
  # The small numbers are `freed`: they have no end.
  few, cells = spectra.scales(few, log_energy, math.inf), spectra.scales(cells, log_energy)
  both = lambda a, b: _together(order, a, b)
  return Scales(
    middle=both(few.middle, cells.middle),
    spread=both(few.spread, cells.spread),
    odds=both(few.odds, cells.odds),
    shape=both(few.shape.T, cells.shape.T).T,
  )


def of(every: Scales, members: Array | np.ndarray) -> Scales:
  """The scales of some of the numbers."""
  middle, spread, odds, shape = every
  return Scales(middle[:, members], spread[:, members], odds[:, members], shape[members])


def whitening(variables: dict[str, Any], order: Order) -> tuple[Array, Array]:
  """Mean and spread by which networks see the numbers, `[r + v]` each."""
  few, cells = _parts(variables)
  return (
    _together(order, few.mean, cells.mean),
    _together(order, few.deviation + FEW_FLOOR, cells.deviation + CELL_FLOOR),
  )


def _together(order: Order, few: Array, cells: Array) -> Array:
  """Values `[.., s]` of the small numbers and `[.., v]` of all cells as `[.., r + v]`, of the small
  numbers the former.
  """
  both = jnp.concatenate([few, cells], axis=-1)
  places = len(order.small) - len(order.layer) + np.arange(count(order))
  places[order.small] = np.arange(len(order.small))
  return both[..., places]


def _parts(variables: dict[str, Any]) -> tuple[Cells, Cells]:
  """What small numbers and cells are, of a generator's variables."""
  return Cells(**variables['small']), Cells(**variables['frame']['cells'])
