"""Columns of numbers, one a shower: whether they compare, and in what unit."""

from __future__ import annotations

import numpy as np

from calojax.evaluation.sets import Sets

SAME = 1e-9  # relative difference of values that are one but for rounding


def deviation(reference: np.ndarray) -> np.ndarray:
  """Standard deviations `[m]` of columns `[n, m]`; 1 where a column is constant."""
  return np.where(varies(reference), reference.std(0), 1.0)


def check_features(sets: Sets[np.ndarray]) -> None:
  """Raises ValueError unless all are `[n, m]` of the same columns, of two showers or more, and
  finite.
  """
  columns = sets.reference.shape[1:]
  for name, sample in sets._asdict().items():
    if sample.ndim != 2 or len(sample) < 2 or sample.shape[1:] != columns:
      raise ValueError(
        f'{name} features of shape {sample.shape} beside real ones of {sets.reference.shape}, '
        'expected [n > 1, same columns]'
      )
    if not np.isfinite(sample).all():
      raise ValueError(
        f'{name} features hold {int((~np.isfinite(sample)).sum())} values that are not finite'
      )


def varies(columns: np.ndarray) -> np.ndarray:
  """Whether each of the columns `[n, m]` holds different values, rounding apart."""
  return np.ptp(columns, axis=0) > SAME * np.abs(columns).max(0)
