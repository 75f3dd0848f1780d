"""Separation power of two histograms, and the bins that it is taken in."""

from __future__ import annotations

import numpy as np

from calojax.evaluation.metrics.columns import SAME

BINS = 50
TAIL = 0.001  # of the reference beyond the outer edge on either side


def separation_power(p: np.ndarray, q: np.ndarray) -> np.ndarray:
  """Half sum (p - q)^2 / (p + q) of histograms `[*b, k]` normalised to 1, `[*b]`: 0 if they are
  equal, 1 if disjoint.

  Two samples of n of one law in k bins are some k / 2n apart (Diefenbacher et al. 2020,
  arXiv:2005.05334; CaloChallenge).

  Raises:
    ValueError: different numbers of bins, a negative or non-finite count, or an empty histogram.
  """
  p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
  if p.shape[-1] != q.shape[-1]:
    raise ValueError(f'histograms of {p.shape[-1]} and {q.shape[-1]} bins, expected equal numbers')
  for name, counts in (('first', p), ('second', q)):
    if not (np.isfinite(counts).all() and (counts >= 0).all() and (counts.sum(-1) > 0).all()):
      raise ValueError(
        f'{name} histogram has counts down to {counts.min():g}, '
        'expected finite counts >= 0 that are not all 0'
      )
  return normalised_separation(p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True))


def normalised_separation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
  """`separation_power` of fractions `[*b, k]` that are normalised already, `[*b]`."""
  total = p + q
  return 0.5 * np.divide((p - q) ** 2, total, out=np.zeros(total.shape), where=total > 0).sum(-1)


def bin_edges(reference: np.ndarray, bins: int = BINS) -> np.ndarray:
  """Edges `[k + 1]` of at most `bins` bins for values like the reference `[n]`; the outer bins are
  open, -inf and inf.

  Equal bins from the 0.1 % to the 99.9 % quantile, so that a long tail does not squeeze all the
  rest into one. Values on a lattice (counts, counts / 900) get equal numbers of lattice points a
  bin, edges half-way between; otherwise neighbouring bins would hold unequal numbers and rounding
  would decide on which side of an edge a value lies. A reference that is constant but for these
  tails has three bins: below, equal, above.

  Raises:
    ValueError: less than 3 bins.
  """
  if bins < 3:
    raise ValueError(f'{bins} bins, expected at least 3: two of them are open')
  low, high = np.quantile(reference, (TAIL, 1 - TAIL), method='inverted_cdf')
  step = _lattice_step(reference)
  if high - low <= SAME * abs(high):
    half = max(SAME * abs(high), np.finfo(float).tiny)
    inner = np.array([low - half, high + half])
  elif step:
    points = round((high - low) / step) + 1
    width = -(-points // (bins - 2))
    inner = low - step / 2 + step * width * np.arange(-(-points // width) + 1)
  else:
    inner = np.linspace(low, high, bins - 1)
  return np.concatenate([[-np.inf], inner, [np.inf]])


def _lattice_step(values: np.ndarray) -> float:
  """The distance of which all differences of the values are multiples; 0 if there is none."""
  gaps = np.diff(np.unique(values))
  gaps = gaps[gaps > SAME * gaps.sum()]
  if len(gaps) == 0:
    return 0.0
  steps = gaps / gaps.min()
  return float(gaps.min()) if np.abs(steps - np.round(steps)).max() < 1e-3 else 0.0
