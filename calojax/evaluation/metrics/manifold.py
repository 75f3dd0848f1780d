"""Precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et
al. 2020, arXiv:2002.09797).

Each sample's manifold is the union of balls about its showers that reach to their fifth neighbour.
Precision: share of generated showers inside the real manifold; density: how many real balls hold
them, over 5; recall: share of real showers inside the generated manifold; coverage: share of real
balls that hold a generated shower.

What they see: showers unlike any real one lower precision and density, missing kinds of showers
(mode collapse) recall and coverage. Recall is fooled upwards by a few far outliers, whose balls are
huge, and precision by outliers of the reference; density and coverage are not. A kind of shower
that is made too rarely lowers coverage only. None sees a shift or a width that is small against the
distance of neighbours, nor memorised showers: those score like real ones. With two samples of one
law coverage comes to 1 - 2^-5 = 0.97 and density to 1; precision and recall fall with the number of
columns.
"""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.metrics.distances import check_features, deviation
from calojax.evaluation.sets import Figures, Sets, beside

NEIGHBOURS = 5
MOST = 10_000  # showers of each set compared: time goes with the square
BLOCK = 2**20  # distances in memory at a time
ROUNDING = 1e-12  # of squared distances, relative to squared norms
KINDS = ('precision', 'recall', 'density', 'coverage')


def radii(sample: np.ndarray) -> np.ndarray:
  """Squared distance `[n]` of each point of `[n, m]` from its fifth nearest neighbour, itself not
  counted, and a trifle.

  The trifle is more than rounding: points that coincide are inside each other's balls of no radius.

  Raises:
    ValueError: five points or less.
  """
  if len(sample) <= NEIGHBOURS:
    raise ValueError(f'{len(sample)} showers, expected more than {NEIGHBOURS} for their neighbours')
  left, right = _factors(sample)
  nearest = np.empty(len(sample))
  rows = max(1, BLOCK // len(sample))
  for start in range(0, len(sample), rows):
    distances = left[start : start + rows] @ right.T
    distances.partition(NEIGHBOURS, axis=1)  # the nearest of all is the point itself
    nearest[start : start + rows] = distances[:, NEIGHBOURS]
  return np.maximum(nearest, 0) + ROUNDING * np.square(sample).sum(1)


def inside(real: np.ndarray, fake: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
  """What each shower adds to each of `KINDS`, the mean being the figure, for points `[n, m]` and
  `[k, m]`.

  Precision `[k]`, recall `[n]`, coverage `[n]`; density twice, of the generated showers `[k]` and
  of the real balls `[n]`.
  """
  real_radii, fake_radii = radii(real), radii(fake)
  (left, _), (_, right) = _factors(real), _factors(fake)
  rows = max(1, BLOCK // len(fake))
  count, held, recalled = np.zeros(len(fake), int), [], []
  for start in range(0, len(real), rows):
    distances = left[start : start + rows] @ right.T
    within = distances <= real_radii[start : start + rows, None]
    count += within.sum(0)
    held.append(within.sum(1))
    recalled.append((distances <= fake_radii).any(1))
  held = np.concatenate(held)
  density = count / NEIGHBOURS, held / NEIGHBOURS * (len(real) / len(fake))
  return dict(zip(KINDS, ((count > 0,), (np.concatenate(recalled),), density, (held > 0,))))


def manifold_metrics(sets: Sets[np.ndarray], resamples: int = 100, seed: int = 0) -> Figures:
  """Precision, recall, density and coverage of features `[n, m]` in units of the real standard
  deviations.

  Args:
    sets: features of the showers; of more than 10,000, as many are drawn.
    resamples: of the bootstrap, which draws the showers asked whether they are inside and, for the
      density, the balls, while all radii stay: that is, the errors lack how the balls of another
      sample would differ.
    seed: of the bootstrap and of the choice of showers.

  Returns:
    `manifold/<kind>` -> `{value, error, ceiling, ceiling_error, count}`, count that of generated
    showers used. Density passes its ceiling, about 1, if generated showers crowd where real ones
    do.

  Raises:
    ValueError: features that do not compare, are not finite, or of five showers or less.
  """
  from threadpoolctl import threadpool_limits

  check_features(sets)
  rng = generator(seed)
  centre, unit = sets.reference.mean(0), deviation(sets.reference)
  pairs = [[(_drawn(sample, rng) - centre) / unit for sample in pair] for pair in sets.pairs]
  with threadpool_limits(1):  # no sum depends on the number of threads
    figures, ceilings = (_shares(real, other, resamples, rng) for real, other in pairs)
  used = {'count': len(pairs[0][1])}
  return {key: found | used for key, found in beside(figures, ceilings, 'ceiling').items()}


def _factors(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """`[n, m + 2]` twice, whose products are squared distances: (-2 x, |x|^2, 1).(y, 1, |y|^2).

  In double precision: their rounding, 1e-16 |x|^2, has to be small beside the nearest neighbours.
  """
  squares, ones = np.square(points).sum(1, keepdims=True), np.ones((len(points), 1))
  return np.concatenate([-2 * points, squares, ones], axis=1), np.concatenate(
    [points, ones, squares], axis=1
  )


def _drawn(sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """`MOST` of the showers at most."""
  return sample if len(sample) <= MOST else sample[rng.choice(len(sample), MOST, replace=False)]


def _shares(
  real: np.ndarray, fake: np.ndarray, resamples: int, rng: np.random.Generator
) -> Figures:
  """`manifold/<kind>` -> `{value, error}`, errors of at least one shower."""
  figures = {}
  for kind, parts in inside(real, fake).items():
    drawn = [multiplicities(len(part), resamples, rng) @ part / len(part) for part in parts]
    error = np.linalg.norm([np.std(values, ddof=1) for values in drawn])
    figures[f'manifold/{kind}'] = {
      'value': float(parts[0].mean()),
      'error': float(max(error, 1 / len(parts[0]))),
    }
  return figures
