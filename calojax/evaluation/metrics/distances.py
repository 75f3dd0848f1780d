"""Distances between two sets of showers, observable by observable.

What they see: `separation` any change of a column's law wider than a bin; `ks` shifts of the bulk,
and hardly the tails; `wasserstein` shifts and widths of any size, tails the more the farther they
lie. They take columns one by one and are blind to dependences: shuffle every column by itself and
they stay at their floors. None sees repeated or memorised showers whose laws are right.

Every distance of two finite samples is above 0, and a bootstrap sample lies farther off still. So a
value means something beside its floor only, the same distance of real from real showers, and of the
bootstrap only the standard deviation is used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.metrics.columns import check_features, deviation
from calojax.evaluation.metrics.separation import bin_edges, separation_power
from calojax.evaluation.sets import Figure, Figures, Sets, beside

BLOCK = 2**18  # numbers in memory at a time: about what a core's cache holds
KINDS = ('separation', 'ks', 'wasserstein')
Column = tuple[np.ndarray, np.ndarray, np.ndarray, float]  # real, generated, edges, unit


def ks_statistic(real: np.ndarray, fake: np.ndarray) -> float:
  """Largest difference of the cumulative distributions of values `[n]` and `[m]`
  (Kolmogorov-Smirnov).
  """
  apart, _ = _apart(*_sorted(real, fake))
  return float(apart.max(initial=0))


def wasserstein1(real: np.ndarray, fake: np.ndarray) -> float:
  """Area between the cumulative distributions of values `[n]` and `[m]` in units of the real
  standard deviation.

  So columns of any unit compare: a shift by d standard deviations gives d. Of a constant reference
  it is in the unit itself.
  """
  apart, steps = _apart(*_sorted(real, fake))
  return float((steps @ apart)[0] / deviation(np.asarray(real)[:, None])[0])


def distance_metrics(
  names: Sequence[str], sets: Sets[np.ndarray], resamples: int = 100, seed: int = 0
) -> Figures:
  """Separation power, Kolmogorov-Smirnov and Wasserstein-1 distance of every column, and the mean
  separation power.

  Args:
    names: of the m columns.
    sets: `[n, m]` features of the showers, in bins and units that the reference sets.
    resamples: of the bootstrap, which draws showers, all columns of one together.
    seed: of the bootstrap.

  Returns:
    `separation/<name>`, `ks/<name>`, `wasserstein/<name>` and `separation/mean` -> `{value, error,
    floor, floor_error}`. A KS figure has also `p_value`, with which two samples of one continuous
    law lie as far apart; for counts, where values coincide, that is an upper limit.

  Raises:
    ValueError: not one name a column, or features that do not compare or are not finite.
  """
  from scipy.stats import kstwo
  from threadpoolctl import threadpool_limits

  check_features(sets)
  real, fake, _ = sets
  if len(names) != real.shape[1]:
    raise ValueError(f'{len(names)} names for {real.shape[1]} columns, expected one each')
  rng = generator(seed)
  edges, units = [bin_edges(column) for column in real.T], deviation(real)
  with threadpool_limits(1):  # no sum depends on the number of threads
    figures, floors = (
      _distances(
        names,
        [*zip(one.T, other.T, edges, units)],
        _weights(len(one), len(other), resamples, rng),
      )
      for one, other in sets.pairs
    )
  # As many as one sample would have that is compared with the law itself.
  entries = len(real) * len(fake) / (len(real) + len(fake))
  for name in names:
    found = figures[f'ks/{name}']
    found['p_value'] = float(kstwo.sf(found['value'], round(entries)))
  return beside(figures, floors, 'floor')


def _signs(count: int, other: int) -> np.ndarray:
  """Weights `[count + other]` of which the first sum to 1 and the others to -1."""
  if not (count and other):
    raise ValueError(f'{count} real and {other} generated values, expected at least one each')
  return np.concatenate([np.full(count, 1 / count), np.full(other, -1 / other)])


def _sorted(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """All values `[k]` in order, and their signed weights `[k, 1]`."""
  values = np.concatenate([real, fake])
  order = np.argsort(values)
  return values[order], _signs(len(real), len(fake))[order, None]


def _weights(count: int, other: int, resamples: int, rng: np.random.Generator) -> list[np.ndarray]:
  """Blocks `[count + other, draws]` of signed weights: of the samples themselves, then of bootstrap
  samples.
  """
  counts = np.concatenate([multiplicities(size, resamples, rng) for size in (count, other)], axis=1)
  weights = np.concatenate([np.ones((1, count + other)), counts]) * _signs(count, other)
  width = max(1, BLOCK // (count + other))
  return [np.ascontiguousarray(weights[i : i + width].T) for i in range(0, len(weights), width)]


def _apart(ordered: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """|F_real - F_fake| `[k, draws]` from each distinct value to the next, and these steps `[k]`;
  overwrites the weights.
  """
  steps = np.diff(ordered)
  last = np.flatnonzero(steps > 0)  # of equal values only the last tells
  # In place: these blocks are most of the memory.
  cumulative = np.cumsum(weights, axis=0, out=weights)[last]
  return np.abs(cumulative, out=cumulative), steps[last]


def _column(
  real: np.ndarray, fake: np.ndarray, edges: np.ndarray, unit: float, blocks: list[np.ndarray]
) -> np.ndarray:
  """Separation, KS and Wasserstein distance `[3, draws]` of values `[n]` and `[m]`: sorted once for
  all draws.
  """
  values = np.concatenate([real, fake])
  order = np.argsort(values)
  ordered = values[order]
  starts = np.unique(np.searchsorted(ordered, edges[:-1]))
  starts = starts[starts < len(ordered)]  # of the bins that hold anything

  def distances(weights: np.ndarray) -> np.ndarray:
    # Weights of the real showers are positive, of the others negative.
    power = separation_power(
      *(np.add.reduceat(np.maximum(part, 0), starts).T for part in (weights, -weights))
    )
    apart, steps = _apart(ordered, weights)
    return np.stack([power, apart.max(0, initial=0), steps @ apart / unit])

  return np.concatenate([distances(block[order]) for block in blocks], axis=1)


def _distances(
  names: Sequence[str], columns: Sequence[Column], blocks: list[np.ndarray]
) -> Figures:
  """`{value, error}` of every kind and column, and of the mean separation; `columns` holds the
  arguments of `_column`.
  """
  drawn = [_column(real, fake, edges, unit, blocks) for real, fake, edges, unit in columns]
  figures = {
    f'{kind}/{name}': bootstrapped(values[row])
    for row, kind in enumerate(KINDS)
    for name, values in zip(names, drawn)
  }
  return {'separation/mean': bootstrapped(np.mean(drawn, axis=0)[0])} | figures


def bootstrapped(values: np.ndarray) -> Figure:
  """`{value, error}` of the sample's value followed by those of the bootstrap."""
  return {'value': float(values[0]), 'error': float(values[1:].std(ddof=1))}
