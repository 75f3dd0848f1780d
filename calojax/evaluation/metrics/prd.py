"""Precision and recall for distributions and the area under their curve (Sajjadi et al. 2018,
arXiv:1806.00035).

Both samples are clustered together; the curve compares their histograms over the clusters. Two
samples of one distribution do not reach 1, the less so the more clusters there are for a shower: a
score means little without the same score of real against independent real showers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from calojax.evaluation.bootstrap import multiplicities
from calojax.evaluation.metrics.clustering import cluster, turned
from calojax.evaluation.metrics.prd_curve import auc, f_beta_pair, prd_from_histograms

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
  union = np.empty((2 * len(reference), len(mean)), np.float32)
  # In place, for cells of many showers are most of what an evaluation holds in memory.
  for half, array in zip(np.split(union, 2), (reference, generated)):
    np.subtract(array, mean, out=half, casting='same_kind')
  # Only where it is much wider than long does the factorisation pay for itself.
  if union.shape[1] > 2 * len(union):
    union = turned(union)
  scale = np.sqrt(np.einsum('ij,ij->', union, union, dtype=np.float64) / union.size)
  if scale > 0:
    union /= np.float32(scale)
  return union


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
