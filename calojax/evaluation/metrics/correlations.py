"""The distance of two sets of showers' correlations."""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.metrics.columns import SAME, check_features, deviation, varies
from calojax.evaluation.metrics.distances import bootstrapped
from calojax.evaluation.sets import Figures, Sets, beside


def correlation_metrics(sets: Sets[np.ndarray], resamples: int = 100, seed: int = 0) -> Figures:
  """Root mean square difference of the Pearson correlations of any two columns,
  `correlations/distance`.

  `{value, error, floor, floor_error}`, of features `[n, m]` as in `distances.distance_metrics`.
  Columns in which the reference is constant are left out; one that is constant among the generated
  showers only has correlation 0. Nothing of less than two. It sees a wrong linear dependence of two
  columns on each other, and is blind to the columns' own laws (shift, scale) and to dependences
  without a linear part.
  """
  from threadpoolctl import threadpool_limits

  check_features(sets)
  real = sets.reference
  varying = varies(real)
  if varying.sum() < 2:
    return {}
  centre, unit = real.mean(0)[varying], deviation(real)[varying]
  pairs = sets.map(lambda sample: (sample[:, varying] - centre) / unit).pairs
  off = ~np.eye(len(unit), dtype=bool)
  rng = generator(seed)
  with threadpool_limits(1):
    drawn = [[_correlations(sample, resamples, rng)[:, off] for sample in pair] for pair in pairs]
  distances = [np.sqrt(np.square(b - a).mean(-1)) for a, b in drawn]
  figures, floors = ({'correlations/distance': bootstrapped(values)} for values in distances)
  return beside(figures, floors, 'floor')


def _correlations(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
  """Correlation matrices `[1 + resamples, m, m]` of values `[n, m]` and of bootstrap samples of
  them.
  """
  counts = np.concatenate(
    [np.ones((1, len(values))), multiplicities(len(values), resamples, rng)]
  ) / len(values)
  means = counts @ values
  # sqrt(w) on both sides is one symmetric product.
  squares = np.stack(
    [rooted.T @ rooted for rooted in (values * np.sqrt(w)[:, None] for w in counts)]
  )
  covariance = squares - means[:, :, None] * means[:, None]
  spread = np.sqrt(np.maximum(np.einsum('rii->ri', covariance), 0))
  # A column that does not vary in a set has correlation 0 there: its absence is seen, not an error.
  inverse = np.divide(1, spread, out=np.zeros(spread.shape), where=spread > SAME)
  return covariance * inverse[:, :, None] * inverse[:, None]
