"""The curve of precision against recall of two histograms, and what it sums up to (Sajjadi et al.
2018, arXiv:1806.00035).
"""

from __future__ import annotations

import numpy as np

ANGLES = np.linspace(1e-10, np.pi / 2 - 1e-10, 1001)
SLOPES = np.tan(ANGLES)


def prd_from_histograms(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Precision and recall `[1001]` of histogram q (generated) against p (reference), both `[k]` over
  the same clusters.

  precision(s) = sum min(s P, Q), recall = precision / s for the slopes s = tan(angle). Sorted by Q
  / P, the clusters whose minimum is Q come first, so two cumulative sums give all slopes.

  Raises:
    ValueError: lengths differ, a negative or non-finite count, or an empty histogram.
  """
  p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
  if p.shape != q.shape or p.ndim != 1:
    raise ValueError(
      f'histograms of shapes {p.shape} and {q.shape}, expected two vectors of one length'
    )
  for name, histogram in (('reference', p), ('generated', q)):
    if not (np.isfinite(histogram).all() and (histogram >= 0).all() and histogram.sum() > 0):
      raise ValueError(
        f'{name} histogram sums to {histogram.sum():g}, '
        'expected finite counts >= 0 that are not all 0'
      )
  p, q = p / p.sum(), q / q.sum()
  # A cluster without real showers costs precision at every slope: it comes last in the order.
  ratio = np.divide(q, p, out=np.full(len(p), np.inf), where=p > 0)
  order = np.argsort(ratio)
  low = np.concatenate([[0.0], np.cumsum(q[order])])
  # Summed from the far end: at slopes of 1e10 the rounding of 1 - cumsum(p) would swamp what is
  # left of p.
  high = np.concatenate([np.cumsum(p[order][::-1])[::-1], [0.0]])
  split = np.searchsorted(ratio[order], SLOPES)
  precision = low[split] + SLOPES * high[split]
  return np.clip(precision, 0, 1), np.clip(precision / SLOPES, 0, 1)


def auc(precision: np.ndarray, recall: np.ndarray) -> float:
  """Area under the precision(recall) curve by trapezoids; recall runs downwards as in
  `prd_from_histograms`.
  """
  return float(np.trapezoid(precision[::-1], recall[::-1]))


def f_beta_pair(
  precision: np.ndarray, recall: np.ndarray, beta: float = 8.0
) -> tuple[float, float]:
  """(max F_beta, max F_1/beta) of a curve: the first stands for recall, the second for
  precision.
  """

  def largest(b2: float) -> float:
    norm = b2 * precision + recall
    return float(np.max((1 + b2) * precision * recall / np.where(norm > 0, norm, 1.0)))

  return largest(beta**2), largest(beta**-2)
