"""What each cell of the frame holds in the training showers, by the particle's energy: where a
generator starts from, and the units of what it changes.

A far cell has nearly the same spectrum in MeV at every energy, so as a share of the shower it moves
with the energy. A network that has to find that for hundreds of rarely lit cells makes their
spectra too wide; polynomials in ln E with what neighbours at the same radius hold do not.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from calojax.geometry import Geometry, Layer
from calojax.models.hurdle import Scales
from calojax.showers import Array

ORDER = 3  # terms of the polynomials
EDGES = np.linspace(-2.5, 2.5, 11)  # of the bins of ln(E / 10 GeV) that the odds are counted in
NEIGHBOURS = 30.0  # showers that the cells at the same radius count as
SPREAD = 0.05  # of a lit cell where none ever was


class Cells(NamedTuple):
  """Numbers of each of the v cells of the frame, in network space.

  Attributes:
    middle: `[ORDER, v]`, polynomial in ln(E / 10 GeV) of what it holds where it is lit.
    odds: `[ORDER, v]`, the same of the logarithm of the odds that it is.
    spread: `[v]`, standard deviation about the middle.
    mean, deviation: `[v]`, of all showers, dark ones too.
    share: `[v]`, mean share of the layer's energy.
  """

  middle: Array
  odds: Array
  spread: Array
  mean: Array
  deviation: Array
  share: Array


class Sums(NamedTuple):
  """Sums over showers.

  Attributes:
    lit, content: `[2 ORDER - 1, v]` and `[ORDER, v]`, of powers of ln E where a cell is lit, alone
      and times what it holds.
    square: `[v]`, of the square of that.
    seen, bright: `[bins, v]`, showers in bins of energy that have the cell, and have it lit.
    share: `[v]`.
  """

  lit: Array
  content: Array
  square: Array
  seen: Array
  bright: Array
  share: Array


def blank(cells: int) -> Cells:
  """The numbers before they are known."""
  one, polynomial = np.ones(cells, np.float32), np.zeros((ORDER, cells), np.float32)
  return Cells(polynomial, polynomial, one, 0 * one, one, one)


def scales(cells: Cells, log_energy: Array) -> Scales:
  """Spectra of the cells in showers of these ln(E / 10 GeV) `[b]`."""
  powers = log_energy[:, None, None] ** jnp.arange(ORDER, dtype=jnp.float32)[:, None]
  middle, odds = ((powers * jnp.asarray(p)).sum(1) for p in (cells.middle, cells.odds))
  return Scales(middle, jnp.asarray(cells.spread), odds)


def sums(x: Array, share: Array, observed: Array, log_energy: Array) -> Sums:
  """The sums over some showers `[b, v]` in network space, ln(E / 10 GeV) `[b]`."""
  lit = (x > 0).astype(jnp.float32)
  powers = log_energy[:, None] ** jnp.arange(2 * ORDER - 1)
  number = jnp.searchsorted(jnp.asarray(EDGES[1:-1], jnp.float32), log_energy)
  bins = (number[:, None] == jnp.arange(len(EDGES) - 1)).astype(jnp.float32)
  return Sums(
    lit=powers.T @ lit,
    content=powers[:, :ORDER].T @ x,
    square=jnp.square(x).sum(0),
    seen=bins.T @ observed,
    bright=bins.T @ lit,
    share=share.sum(0),
  )


def fit(found: Sums, geometry: Geometry) -> Cells:
  """The numbers from the sums over all training showers."""
  rings = _rings(geometry)
  seen = found.seen.sum(0)
  pool = lambda sums: _with_neighbours(sums, found.lit[0], rings)
  lit, content, square = pool(found.lit), pool(found.content), pool(found.square[None])[0]
  middle = _solved(lit, content)
  # Sum of (x - middle(E))^2, by the normal equations.
  rest = (square - (middle * content).sum(0)) / np.maximum(lit[0], 1e-9)
  known = lit[0] > 1e-3
  mean = found.content[0] / np.maximum(seen, 1)
  cells = Cells(
    middle=np.where(known, middle, 0) + np.where(known, 0, np.eye(ORDER)[:, :1] * 2 * SPREAD),
    odds=_odds(found, rings),
    spread=np.where(known, np.sqrt(np.maximum(rest, 0)) + 0.005, SPREAD),
    mean=mean,
    deviation=np.sqrt(np.maximum(found.square / np.maximum(seen, 1) - mean**2, 0)),
    share=found.share / np.maximum(seen, 1),
  )
  return Cells(*(np.asarray(field, np.float32) for field in cells))


def _odds(found: Sums, rings: np.ndarray) -> np.ndarray:
  """Polynomials `[ORDER, v]` of the log odds in bins of energy, each bin with the weight that its
  number of showers gives the odds.
  """
  ring_seen, ring_bright = (_of_ring(counts, rings) for counts in (found.seen, found.bright))
  rate = (ring_bright + 0.1) / (ring_seen + 0.2)  # of a ring never lit small, not 0
  seen = found.seen + NEIGHBOURS
  rate = np.clip((found.bright + NEIGHBOURS * rate) / seen, 1e-6, 1 - 1e-6)
  weight = np.where(_filled(found), seen * rate * (1 - rate), 0)
  centres = (EDGES[1:] + EDGES[:-1]) / 2
  powers = centres ** np.arange(2 * ORDER - 1)[:, None]
  logit = np.log(rate / (1 - rate))
  return _solved(powers @ weight, powers[:ORDER] @ (weight * logit))


def _filled(found: Sums) -> np.ndarray:
  """Which bins of energy have training showers, `[bins, 1]`."""
  return found.seen.max(1, keepdims=True) > 0


def _solved(moments: np.ndarray, content: np.ndarray) -> np.ndarray:
  """Coefficients `[ORDER, v]` of the weighted least squares with these sums of powers; the smallest
  where they are not determined, of one energy alone.
  """
  matrix = np.stack([moments[i : i + ORDER] for i in range(ORDER)]).transpose(2, 0, 1)
  scale = np.maximum(matrix[:, :1, :1], 1e-9)
  inverse = np.linalg.pinv(matrix / scale, rcond=1e-4, hermitian=True)
  return np.einsum('vij,jv->iv', inverse / scale, content)


def _with_neighbours(sums: np.ndarray, lit: np.ndarray, rings: np.ndarray) -> np.ndarray:
  """Sums `[k, v]` with those over the cells of the same ring, as of `NEIGHBOURS` lit showers."""
  ring, count = _of_ring(sums, rings), _of_ring(lit[None], rings)
  return sums + NEIGHBOURS * ring / np.maximum(count, NEIGHBOURS)


def _of_ring(sums: np.ndarray, rings: np.ndarray) -> np.ndarray:
  """Sums `[k, v]` over all cells of each cell's ring."""
  total = np.stack([np.bincount(rings, row) for row in sums])
  return total[:, rings]


def _rings(geometry: Geometry) -> np.ndarray:
  """Number `[v]` of the ring about the middle that a cell lies in, a cell wide, in its layer."""
  numbers, first = [], 0
  for layer in geometry.layers:
    if isinstance(layer, Layer):
      distance = np.hypot(*((layer.positions()[:, :2] - layer.centre) / layer.pitch).T)
      ring = np.rint(distance).astype(int)
    else:
      ring = np.arange(layer.cells) % layer.shape[1]
    numbers.append(first + ring)
    first += ring.max() + 1
  return np.concatenate(numbers)
