"""What each cell of the frame holds in the training showers, by the particle's energy: where a
generator starts from, and the units of what it changes.

A far cell has nearly the same spectrum in MeV at every energy, so as a share of the shower it moves
with the energy. A network that has to find that for hundreds of rarely lit cells makes their
spectra too wide; polynomials in ln E with what neighbours at the same radius hold do not. The shape
of the spectrum is that of all cells at the same radius: boosted trees tell a normal one at once.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from calojax.geometry import Geometry, Layer
from calojax.models.hurdle import KNOTS, Scales
from calojax.showers import Array

ORDER = 3  # terms of the polynomials
BINS = 10  # of ln(E / 10 GeV) that showers are counted in
RANGE = (-2.5, 2.5)  # of the bins at least: 1 to 100 GeV
NEIGHBOURS = 30.0  # showers that the cells at the same radius count as
SPREAD = 0.05  # of a lit cell where none ever was
FINE = np.linspace(-6, 6, 481)  # edges of the histograms behind the quantiles
FEW = 50  # lit cells at least, of which a shape is known
NEWTON = 30  # steps of the regression of the odds
FARTHEST = 2.0  # that one of them moves log odds
MOST = 2.0  # in network space: a cell that holds all of its layer


class Cells(NamedTuple):
  """Numbers of each of the v cells of the frame, in network space.

  Attributes:
    middle: `[ORDER, v]`, polynomial in ln(E / 10 GeV) of what it holds where it is lit.
    spread: `[ORDER, v]`, the same of the logarithm of the standard deviation about that.
    odds: `[ORDER, v]`, the same of the logarithm of the odds that it is lit.
    shape: `[v, KNOTS]`, quantiles of what it holds, in spreads about the middle.
    mean, deviation: `[v]`, of all showers, dark ones too.
    share: `[v]`, mean share of the layer's energy.
  """

  middle: Array
  spread: Array
  odds: Array
  shape: Array
  mean: Array
  deviation: Array
  share: Array


class Sums(NamedTuple):
  """Sums over the showers in bins of energy, `[bins, v]`: those that have the cell, those that have
  it lit, what it holds and the square of that; and its share `[v]`.
  """

  seen: Array
  bright: Array
  content: Array
  square: Array
  share: Array


def blank(cells: int) -> Cells:
  """The numbers before they are known."""
  one, polynomial = np.ones(cells, np.float32), np.zeros((ORDER, cells), np.float32)
  shape = np.tile(KNOTS, (cells, 1))
  return Cells(polynomial, polynomial, polynomial, shape, 0 * one, one, one)


def scales(cells: Cells, log_energy: Array, most: float = MOST) -> Scales:
  """Spectra of the cells in showers of these ln(E / 10 GeV) `[b]`, whatever the polynomials of a
  cell that was hardly ever lit say: middles from 0 to `most`, spreads up to half of that, the
  largest that numbers in this range can have.
  """
  powers = log_energy[:, None, None] ** jnp.arange(ORDER, dtype=jnp.float32)[:, None]
  polynomials = (cells.middle, cells.spread, cells.odds)
  middle, spread, odds = ((powers * jnp.asarray(p)).sum(1) for p in polynomials)
  spread = jnp.minimum(jnp.exp(spread), most / 2)
  return Scales(jnp.clip(middle, 0, most), spread, odds, jnp.asarray(cells.shape))


def edges(low: float, high: float) -> np.ndarray:
  """Of the bins of ln(E / 10 GeV) for training showers within this range."""
  return np.linspace(min(low, RANGE[0]), max(high, RANGE[1]), BINS + 1)


def sums(x: Array, share: Array, observed: Array, log_energy: Array, borders: np.ndarray) -> Sums:
  """The sums over some showers `[b, v]` in network space, ln(E / 10 GeV) `[b]`, in bins between
  these borders.
  """
  number = jnp.searchsorted(jnp.asarray(borders[1:-1], jnp.float32), log_energy)
  bins = (number[:, None] == jnp.arange(len(borders) - 1)).astype(jnp.float32).T
  lit = (x > 0).astype(jnp.float32)
  return Sums(bins @ observed, bins @ lit, bins @ x, bins @ jnp.square(x), share.sum(0))


def fit(found: Sums, rings: np.ndarray, borders: np.ndarray) -> Cells:
  """The numbers from the sums over all training showers in bins between these borders, of a normal
  shape; cells of the same number in `rings` `[v]` know of each other.
  """
  centres = (borders[1:] + borders[:-1]) / 2
  seen = found.seen.sum(0)
  mean = found.content.sum(0) / np.maximum(seen, 1)
  variance = found.square.sum(0) / np.maximum(seen, 1) - mean**2
  middle, spread = _lit(found, rings, centres)
  cells = blank(len(rings))._replace(
    middle=middle,
    spread=spread,
    odds=_odds(found, rings, centres),
    mean=mean,
    deviation=np.sqrt(np.maximum(variance, 0)),
    share=found.share / np.maximum(seen, 1),
  )
  return Cells(*(np.asarray(field, np.float32) for field in cells))


def counts(x: np.ndarray, middle: np.ndarray, spread: np.ndarray, rings: np.ndarray) -> np.ndarray:
  """Histograms `[rings, bins of FINE]` of lit cells `[b, v]`, in spreads about their middle."""
  lit = x > 0
  standard = (x[lit] - middle[lit]) / spread[lit]
  place = np.clip(np.searchsorted(FINE[1:-1], standard), 0, len(FINE) - 2)
  ring = np.broadcast_to(rings, x.shape)[lit]
  size = (rings.max() + 1) * (len(FINE) - 1)
  return np.bincount(ring * (len(FINE) - 1) + place, minlength=size).reshape(-1, len(FINE) - 1)


def shaped(cells: Cells, histograms: np.ndarray, rings: np.ndarray) -> Cells:
  """The cells with the shapes of these `counts`; a ring with few lit cells keeps the normal one.

  The more often a cell is lit, the nearer to normal: what the core holds follows the particle,
  which the network is told, and about that it is normal. With the shapes of their ring, trees told
  the core's cells with an area of .67 in place of .55 after the warm start.
  """
  shapes = []
  for histogram in histograms:
    below = np.concatenate([[0], np.cumsum(histogram)]) / max(1, histogram.sum())
    # Rising, also where nothing lies between two edges: a shape has an inverse.
    quantiles = np.interp(ndtr(KNOTS), below + 1e-9 * np.arange(len(below)), FINE)
    shapes.append(quantiles if histogram.sum() >= FEW else KNOTS)
  dark = 1 / (1 + np.exp(cells.odds[0]))[:, None]  # how often, at 10 GeV
  shape = dark * np.asarray(shapes)[rings] + (1 - dark) * KNOTS
  return cells._replace(shape=shape.astype(np.float32))


def _lit(found: Sums, rings: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Polynomials `[ORDER, v]` of the mean of lit cells and of the logarithm of their spread."""
  bright, content, square = (
    _with_neighbours(values, found.bright, rings)
    for values in (found.bright, found.content, found.square)
  )
  known = bright > 1e-3
  mean = np.where(known, content / np.maximum(bright, 1e-3), 0)
  # About the mean of the bin, which is that of the middle: what it drifts within a bin is little.
  variance = square / np.maximum(bright, 1e-3) - mean**2
  deviation = np.sqrt(np.maximum(variance, 0)) + 0.005
  middle = _polynomial(mean, bright * known, centres)
  spread = _polynomial(np.log(deviation), bright * known, centres)
  never = ~known.any(0)
  constant = np.eye(ORDER)[:, :1]
  return (
    np.where(never, constant * 2 * SPREAD, middle),
    np.where(never, constant * np.log(SPREAD), spread),
  )


def _odds(found: Sums, rings: np.ndarray, centres: np.ndarray) -> np.ndarray:
  """Polynomials `[ORDER, v]` of the log odds by logistic regression on the counts in bins of energy
  and `NEIGHBOURS` showers of the ring's.

  By Newton's method. Least squares of the logarithm of the counted odds would give the bins where a
  cell was hardly ever lit no weight, and turn up there: below 6 GeV 27 times as many cells of
  25x25x25 were lit as should be (experiments/results/frame_alone.json).
  """
  ring_seen, ring_bright = (_of_ring(values, rings) for values in (found.seen, found.bright))
  rate = (ring_bright + 0.1) / (ring_seen + 0.2)  # of a ring never lit small, not 0
  filled = found.seen.max(1, keepdims=True) > 0  # bins of energy with training showers
  seen = (found.seen + NEIGHBOURS) * filled
  bright = (found.bright + NEIGHBOURS * rate) * filled
  start = bright.sum(0) / seen.sum(0)
  odds = np.eye(ORDER)[:, :1] * np.log(start / (1 - start))
  powers = centres ** np.arange(ORDER)[:, None]
  for _ in range(NEWTON):
    p = 1 / (1 + np.exp(-(powers.T @ odds)))
    weight = (seen * p * (1 - p) + 1e-6) * filled
    step = _polynomial((bright - seen * p) / np.where(filled, weight, 1), weight, centres, 1e-10)
    # Far from the end a whole step may lead away from it.
    moved = np.abs(powers.T @ step).max(0)
    odds = odds + step * np.minimum(1, FARTHEST / np.maximum(moved, FARTHEST))
  return odds


def _polynomial(
  values: np.ndarray, weight: np.ndarray, centres: np.ndarray, smallest: float = 1e-4
) -> np.ndarray:
  """Coefficients `[ORDER, v]` of the weighted least squares of values `[bins, v]` by ln E at the
  bins' centres; the smallest ones where they are not determined, as of one energy alone: in
  directions that have less than the part `smallest` of the largest weight.
  """
  powers = centres ** np.arange(2 * ORDER - 1)[:, None]
  moments, content = powers @ weight, powers[:ORDER] @ (weight * values)
  matrix = np.stack([moments[i : i + ORDER] for i in range(ORDER)]).transpose(2, 0, 1)
  scale = np.maximum(matrix[:, :1, :1], 1e-9)
  inverse = np.linalg.pinv(matrix / scale, rcond=smallest, hermitian=True)
  return np.einsum('vij,jv->iv', inverse / scale, content)


def _with_neighbours(values: np.ndarray, bright: np.ndarray, rings: np.ndarray) -> np.ndarray:
  """Sums `[bins, v]` with those over the cells of the same ring, as of `NEIGHBOURS` lit showers."""
  ring, count = _of_ring(values, rings), _of_ring(bright, rings)
  return values + NEIGHBOURS * ring / np.maximum(count, NEIGHBOURS)


def _of_ring(sums: np.ndarray, rings: np.ndarray) -> np.ndarray:
  """Sums `[k, v]` over all cells of each cell's ring."""
  total = np.stack([np.bincount(rings, row) for row in sums])
  return total[:, rings]


def rings_of(geometry: Geometry) -> np.ndarray:
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
