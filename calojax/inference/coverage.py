"""Which particles a generator has seen together: each of energy, impact and slope may be in its
range, and the particle still be none of the training's, as where the gun aimed at one point and
impact and slope hang together.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any, NamedTuple

import numpy as np

from calojax.showers import Condition, at, even

NAMES = ('log energy', 'x', 'y', 'dx/dz', 'dy/dz')
REFERENCE = 1000  # particles of the spectrum that are compared with
ASKED = 2000  # particles of a request that are looked at
NEIGHBOURS = 5
# Above what the spectrum's own particles reach, squared distance and neighbour: of the embedded
# electrons that the shipped generator was not trained on, none in 2,000 is off its law; one at 15
# mm from the axis with slope 0, where the training's gun reached 10 mm, is.
SLACK, SLACK_NEAR = 1.25, 3.0
RARE = 0.005  # share of a request: as few are off the law by chance
FLOOR = 1e-6  # of an eigenvalue, relative: a law may be a line


class Pair(NamedTuple):
  """Two variables in which the spectrum is uncorrelated, of variance 1.

  Attributes:
    columns: their numbers.
    whiten: `[2, 2]`.
    points: `[r, 2]` of the spectrum.
    spacing: `[r]` distance of each point to its fifth neighbour.
    limit: largest distance of a particle of this law to its nearest, in the nearest's spacing.
  """

  columns: tuple[int, int]
  whiten: np.ndarray
  points: np.ndarray
  spacing: np.ndarray
  limit: float


class Coverage(NamedTuple):
  """The joint law of a training's particles.

  Attributes:
    used: the variables that vary.
    mean, scale: `[k]` of them.
    correlation: `[k, k]`.
    inverse: `[k, k]` of the correlation.
    furthest: squared Mahalanobis distance of the furthest particle.
    pairs: every two of them.
  """

  used: tuple[int, ...]
  mean: np.ndarray
  scale: np.ndarray
  correlation: np.ndarray
  inverse: np.ndarray
  furthest: float
  pairs: tuple[Pair, ...]


def columns(condition: Condition) -> np.ndarray:
  """`[b, 5]`, the variables of `NAMES`."""
  energy, position, direction = (np.asarray(field, np.float64) for field in condition)
  return np.column_stack([np.log(energy), position, direction[:, :2] / direction[:, 2:]])


def coverage(spectrum: Condition) -> Coverage | None:
  """The law of these particles; None of too few, or of particles that are all alike."""
  values = columns(at(spectrum, even(len(spectrum.energy), 20 * REFERENCE)))
  scale = values.std(0)
  used = tuple(int(i) for i in np.flatnonzero(scale > 1e-6 * (1 + np.abs(values).max(0))))
  if len(values) < 4 * NEIGHBOURS or len(used) < 2:
    return None
  mean, scale = values.mean(0)[list(used)], scale[list(used)]
  z = (values[:, list(used)] - mean) / scale
  correlation = z.T @ z / len(z)
  inverse = _power(correlation, -1)
  furthest = float(np.einsum('ni,ij,nj->n', z, inverse, z).max())
  few = z[even(len(z), REFERENCE)]
  pairs = tuple(_pair(few, columns) for columns in itertools.combinations(range(len(used)), 2))
  return Coverage(used, mean, scale, correlation, inverse, furthest, pairs)


def outside(law: Coverage, condition: Condition) -> tuple[np.ndarray, np.ndarray]:
  """Of particles `[b]` whether each is off the law, and the two variables that tell it best `[b,
  2]`.

  Off it is what lies further from the middle than any particle of the training in the metric of
  their covariance (Mahalanobis), or, in any two variables, further from the nearest than theirs do,
  measured in the distances among the nearest's neighbours.
  """
  z = (columns(condition)[:, list(law.used)] - law.mean) / law.scale
  far = np.einsum('ni,ij,nj->n', z, law.inverse, z) > SLACK * law.furthest
  excess = np.stack([_excess(pair, z) for pair in law.pairs])
  worst = excess.argmax(0)
  chosen = np.array([[law.used[i] for i in pair.columns] for pair in law.pairs])[worst]
  return far | (excess.max(0) > SLACK_NEAR), chosen


def warn(condition: Condition, law: Coverage | None, stacklevel: int) -> None:
  """Warns of particles that are off the law, with the worst of the first."""
  if law is None or not len(condition.energy):
    return
  few = at(condition, even(len(condition.energy), ASKED))
  off, pairs = outside(law, few)
  if off.mean() <= RARE:
    return
  first = int(np.flatnonzero(off)[0])
  values = columns(at(few, slice(first, first + 1)))[0]
  shown = ' and '.join(_shown(int(i), values[i]) for i in pairs[first])
  warnings.warn(
    f'{off.mean():.0%} of the particles are off the joint law that the generator was trained on, '
    f'the first with {shown}: each may be in its range, together the training had them not, and '
    'the showers may be wrong',
    stacklevel=stacklevel,
  )


def described(law: Coverage | None) -> dict[str, Any]:
  """What the sidecar says of the law: the variables that vary, their means, spreads and
  correlations, and how far their particles reach.
  """
  if law is None:
    return {}
  return {
    'variables': [NAMES[i] for i in law.used],
    'mean': law.mean.tolist(),
    'standard_deviation': law.scale.tolist(),
    'correlation': np.round(law.correlation, 6).tolist(),
    'mahalanobis_max': law.furthest**0.5,
  }


def _shown(column: int, value: float) -> str:
  name = NAMES[column]
  if column == 0:
    return f'energy {np.exp(value):.4g} MeV'
  return f'{name} {value:.4g}{" mm" if name in "xy" else ""}'


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
  """A power of a symmetric matrix, whose smallest eigenvalues are raised to `FLOOR`."""
  values, vectors = np.linalg.eigh(matrix)
  return (vectors * np.maximum(values, FLOOR * values.max()) ** exponent) @ vectors.T


def _pair(z: np.ndarray, chosen: tuple[int, int]) -> Pair:
  """The law of two variables."""
  two = z[:, list(chosen)]
  whiten = _power(np.cov(two.T), -0.5)
  # The mirror images of `data.symmetries` repeat values: as neighbours they would seem crowded.
  points = np.unique(np.round(two, 6), axis=0) @ whiten
  distances = np.sqrt(_squares(points, points))
  np.fill_diagonal(distances, np.inf)
  rank = min(NEIGHBOURS, len(points) - 1)
  nearest = np.partition(distances, rank - 1, axis=1)
  # Of a line or of repeated particles a distance may be 0.
  spacing = np.maximum(nearest[:, rank - 1], 1e-3)
  own = distances.min(1) / spacing[distances.argmin(1)]
  return Pair(chosen, whiten, points, spacing, float(max(own.max(), 1.0)))


def _excess(pair: Pair, z: np.ndarray) -> np.ndarray:
  """Distance of particles `[b]` to the nearest of the law, in the nearest's spacing and in the
  law's own largest.
  """
  squares = _squares(z[:, list(pair.columns)] @ pair.whiten, pair.points)
  nearest = squares.argmin(1)
  return np.sqrt(squares[np.arange(len(z)), nearest]) / pair.spacing[nearest] / pair.limit


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Squared distances `[n, m]` of points `[n, 2]` and `[m, 2]`."""
  return (a[:, :1] - b[:, 0]) ** 2 + (a[:, 1:] - b[:, 1]) ** 2
