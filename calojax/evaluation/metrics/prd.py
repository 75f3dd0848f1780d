"""Precision and recall for distributions and the area under their curve (Sajjadi et al. 2018,
arXiv:1806.00035).

Both samples are clustered together; the curve compares their histograms over the clusters. Two
samples of one distribution do not reach 1, the less so the more clusters there are for a shower: a
score means little without the same score of real against independent real showers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from calojax.evaluation.bootstrap import multiplicities
from calojax.evaluation.metrics.clustering import cluster, turned
from calojax.evaluation.sets import Figure, Progress, Sets, figure

ANGLES = np.linspace(1e-10, np.pi / 2 - 1e-10, 1001)
SLOPES = np.tan(ANGLES)
SCORES = {  # of a summary -> fields of `PRD`
  'prd_auc': ('value', 'error'),
  'prd_f8': ('f8', 'f8_error'),
  'prd_f1_8': ('f1_8', 'f1_8_error'),
}
CURVE_STEP = 10  # every tenth of the 1001 angles goes into the summary
Curves = list[tuple[np.ndarray, np.ndarray]]


class PRD(NamedTuple):
  """Scores of a generated against a reference sample.

  Attributes:
    precision, recall: `[1001]`, the curve averaged over the runs, from high recall to high
      precision.
    value, f8, f1_8: area under the averaged curve; its largest F_8 (weighs recall) and F_1/8
      (weighs precision).
    error, f8_error, f1_8_error: their standard deviations: bootstrap over the showers and spread
      over the runs.
    runs: area of each run.
  """

  precision: np.ndarray
  recall: np.ndarray
  value: float
  error: float
  runs: np.ndarray
  f8: float
  f8_error: float
  f1_8: float
  f1_8_error: float


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


def prd(
  reference: np.ndarray,
  generated: np.ndarray,
  clusters: int = 400,
  runs: int = 10,
  seed: int = 0,
  *,
  method: str = 'fast',
  resamples: int = 50,
  progress: Callable[[int, int], None] | None = None,
) -> PRD:
  """Precision, recall and their scores of generated against reference features.

  Args:
    reference: `[n, d]` features of real showers.
    generated: `[n, d]` features of generated showers.
    clusters: number k of clusters of the union.
    runs: clusterings to average over.
    seed: same input and seed give the same result, whatever the number of threads.
    method: `fast`, or `reference` for scikit-learn's MiniBatchKMeans in double precision with ten
      k-means++ starts, as in the authors' code: over ten times slower, the same score within its
      error.
    resamples: bootstrap samples behind the errors.
    progress: called with (runs done, runs).

  Raises:
    ValueError: sizes or dimensions differ, a feature is not finite, more clusters than showers, or
      an unknown method.
  """
  features = _union(reference, generated, clusters)
  if runs < 1:
    raise ValueError(f'{runs} PRD runs, expected at least 1')
  # A stream a run: they are computed in parallel, in whatever order. The last is the bootstrap's.
  children = np.random.SeedSequence(seed).spawn(runs + 1)
  labels = cluster(method, features, clusters, children[:-1], progress)
  labels = [(run[: len(reference)], run[len(reference) :]) for run in labels]
  return _scores(labels, clusters, resamples, np.random.default_rng(children[-1]))


def prd_metrics(
  features: dict[str, Sets[np.ndarray]],
  clusters: int,
  runs: int,
  seed: int = 0,
  progress: Progress | None = None,
) -> dict[str, Any]:
  """`prd_auc/<kind>`, `prd_f8/<kind>`, `prd_f1_8/<kind>` -> `{value, error, ceiling,
  ceiling_error}`, `prd_auc/min` of the raw and physics features, and `curves`.

  Args:
    features: by kind, `[n, d]` of equally many showers of each set.
    clusters: of `prd`.
    runs: of `prd`.
    seed: of `prd`.
    progress: called with (stage, runs done, runs).
  """
  figures: dict[str, Any] = {'curves': {}}
  for kind, sets in features.items():
    stages = (f'PRD {kind}', f'ceiling {kind}')
    score, ceiling = (
      prd(*pair, clusters, runs, seed, progress=_stage(progress, stage))
      for pair, stage in zip(sets.pairs, stages)
    )
    figures |= {f'{name}/{kind}': beside_ceiling(score, ceiling, *SCORES[name]) for name in SCORES}
    figures['curves'][kind] = _curve(score, ceiling) | figures[f'prd_auc/{kind}']
  # The corrected features say nothing about the published figure, which is the smaller of two.
  published = (figures['prd_auc/raw'], figures['prd_auc/physics'])
  return figures | {'prd_auc/min': min(published, key=lambda found: found['value'])}


def beside_ceiling(score: PRD, ceiling: PRD, value: str = 'value', error: str = 'error') -> Figure:
  """A score beside that of real against independent real showers; `value` and `error` are fields
  of `PRD`.
  """
  return figure(
    'ceiling', (getattr(found, field) for found in (score, ceiling) for field in (value, error))
  )


def _stage(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
  return progress and (lambda done, total: progress(name, done, total))


def _curve(score: PRD, ceiling: PRD) -> dict[str, list[float]]:
  """Both curves with few points and digits: a summary is read by people too."""
  arrays = {'precision': score.precision, 'recall': score.recall}
  arrays |= {'ceiling_precision': ceiling.precision, 'ceiling_recall': ceiling.recall}
  return {name: array[::CURVE_STEP].round(5).tolist() for name, array in arrays.items()}


def _union(reference: np.ndarray, generated: np.ndarray, clusters: int) -> np.ndarray:
  """`[2n, d]` both samples, centred and scaled by one number: the same clusters, kinder to single
  precision.
  """
  if len(reference) != len(generated):
    sizes = f'{len(reference)} reference and {len(generated)} generated showers'
    raise ValueError(f'PRD of {sizes}, expected equal numbers')
  if reference.ndim != 2 or reference.shape != generated.shape:
    raise ValueError(
      f'PRD features of shapes {reference.shape} and {generated.shape}, expected two equal [n, d]'
    )
  if not 1 <= clusters <= 2 * len(reference):
    raise ValueError(
      f'{clusters} clusters for {2 * len(reference)} showers, expected 1 up to as many as showers'
    )
  for name, array in (('reference', reference), ('generated', generated)):
    if not np.isfinite(array).all():
      raise ValueError(
        f'{name} features hold {int((~np.isfinite(array)).sum())} values that are not finite'
      )
  mean = np.mean([reference.mean(0, np.float64), generated.mean(0, np.float64)], axis=0)
  union = np.concatenate([(array - mean).astype(np.float32) for array in (reference, generated)])
  # Only where it is much wider than long does the factorisation pay for itself.
  if union.shape[1] > 2 * len(union):
    union = turned(union)
  scale = np.sqrt(np.mean(np.square(union, dtype=np.float64)))
  return union / np.float32(scale) if scale > 0 else union


def _scores(
  labels: list[tuple[np.ndarray, np.ndarray]],
  clusters: int,
  resamples: int,
  rng: np.random.Generator,
) -> PRD:
  """The result from both samples' labels in every run.

  The bootstrap keeps the clustering and draws the same showers in all runs; it shifts the score
  down (a resampled histogram is rougher), so only its standard deviation is used.
  """
  weights = [multiplicities(len(sample), resamples, rng) for sample in labels[0]]
  # Clustering again for each bootstrap sample would take fifty times as long.
  drawn = [_curves(labels, clusters, (p, q)) for p, q in zip(*weights)]
  bootstrap = np.std([_figures(*_mean(curves)) for curves in drawn], axis=0, ddof=1)
  curves = _curves(labels, clusters, (None, None))
  each = np.array([_figures(*curve) for curve in curves])
  spread = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else 0.0
  precision, recall = _mean(curves)
  values, errors = _figures(precision, recall), np.hypot(bootstrap, spread)
  (value, f8, f1_8), (error, f8_error, f1_8_error) = map(float, values), map(float, errors)
  return PRD(precision, recall, value, error, each[:, 0], f8, f8_error, f1_8, f1_8_error)


def _curves(
  labels: list[tuple[np.ndarray, np.ndarray]],
  clusters: int,
  weights: tuple[np.ndarray | None, np.ndarray | None],
) -> Curves:
  """The curve of every run, showers counted with their weights."""
  return [
    prd_from_histograms(*(np.bincount(label, w, clusters) for label, w in zip(run, weights)))
    for run in labels
  ]


def _mean(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
  precision, recall = np.mean(curves, axis=0)
  return precision, recall


def _figures(precision: np.ndarray, recall: np.ndarray) -> tuple[float, float, float]:
  return (auc(precision, recall), *f_beta_pair(precision, recall))
