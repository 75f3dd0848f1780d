"""Means and standard deviations of the observables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.sets import Figures


def moment_metrics(
  names: Sequence[str],
  real: np.ndarray,
  fake: np.ndarray,
  resamples: int = 100,
  seed: int = 0,
) -> Figures:
  """`observables/<name>/mean` and `/std` of columns `[n, m]` -> `{value, reference, error}`; value
  is of the generated showers.

  The error is the bootstrap error of the difference value - reference, so their quotient is a pull.
  """
  # Squares of columns far from 0 would cancel: both sets are moved by the real mean, and the mean
  # is put back.
  centre = real.mean(axis=0)
  rng = generator(seed)
  (value, fake_error), (known, real_error) = (
    _moments(sample - centre, resamples, rng) for sample in (fake, real)
  )
  value[0] += centre
  known[0] += centre
  error = np.hypot(fake_error, real_error)
  table = {}
  for column, label in enumerate(names):
    for row, kind in enumerate(('mean', 'std')):
      figures = (value[row, column], known[row, column], error[row, column])
      table[f'observables/{label}/{kind}'] = dict(
        zip(('value', 'reference', 'error'), map(float, figures))
      )
  return table


def _moments(
  values: np.ndarray, resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
  """Mean and standard deviation `[2, m]` of values `[n, m]` and their bootstrap errors `[2, m]`, as
  matrix products.
  """

  def moments(weights: np.ndarray) -> np.ndarray:
    mean, square = weights @ values / len(values), weights @ values**2 / len(values)
    return np.stack([mean, np.sqrt(np.maximum(square - mean**2, 0))])

  drawn = moments(multiplicities(len(values), resamples, rng).astype(np.float64))
  return moments(np.ones(len(values))), drawn.std(axis=1, ddof=1)
