"""Precision and recall for distributions and the area under their curve (Sajjadi et al. 2018,
arXiv:1806.00035).

Both samples are clustered together; the curve compares their histograms over the clusters. Two
samples of one distribution do not reach 1, the less so the more clusters there are for a shower: a
score means little without the same score of real against independent real showers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from calojax.evaluation.bootstrap import multiplicities

ANGLES = np.linspace(1e-10, np.pi / 2 - 1e-10, 1001)
SLOPES = np.tan(ANGLES)


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
        f'{name} histogram sums to {histogram.sum():g}, expected finite counts >= 0 that are not all 0'
      )
  p, q = p / p.sum(), q / q.sum()
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
  if method not in METHODS:
    raise ValueError(f'PRD method {method!r}, expected one of {", ".join(METHODS)}')
  if runs < 1:
    raise ValueError(f'{runs} PRD runs, expected at least 1')
  children = np.random.SeedSequence(seed).spawn(runs + 1)
  labels = _cluster(METHODS[method], features, clusters, children[:-1], progress)
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
  union = np.concatenate([(array - mean).astype(np.float32) for array in (reference, generated)])
  if union.shape[1] > 2 * len(union):
    union = _turned(union)
  scale = np.sqrt(np.mean(np.square(union, dtype=np.float64)))
  return union / np.float32(scale) if scale > 0 else union


def _turned(points: np.ndarray) -> np.ndarray:
  """Points `[m, m]` at the same distances from each other and from the origin as `[m, d]`, d > m.

  They and all centres of clusters lie in a space of m dimensions. A block of 15,625 cells and a few
  hundred showers is clustered in a tenth of the time.
  """
  return np.ascontiguousarray(np.linalg.qr(points.T.astype(np.float64), mode='r').T, np.float32)


def _cluster(
  method, features: np.ndarray, clusters: int, seeds: list, progress
) -> list[np.ndarray]:
  """Cluster labels `[2n]` of every run.

  The runs are spread over the cores and each keeps to one thread, so no sum depends on the number
  of threads.
  """
  from threadpoolctl import threadpool_limits

  labels = []
  with threadpool_limits(1), ThreadPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
    for run in pool.map(lambda seed: method(features, clusters, seed), seeds):
      labels.append(run)
      if progress:
        progress(len(labels), len(seeds))
  return labels


def _fast_labels(
  features: np.ndarray, clusters: int, seed: np.random.SeedSequence, batch: int = 1024
) -> np.ndarray:
  """Labels `[n]` by mini-batch k-means (Sculley 2010) in single precision: four passes, at least 50
  batches.
  """
  rng = np.random.default_rng(seed)
  centres = _seeds(features[rng.permutation(len(features))[: 5 * clusters]], clusters, rng)
  seen = np.zeros(clusters, np.float32)
  steps = max(50, 4 * len(features) // batch)
  pause = -(-10 * clusters // batch)
  for step in range(1, steps + 1):
    points = features[rng.integers(len(features), size=min(batch, len(features)))]
    _move(centres, seen, points)
    if step % pause == 0 and step < steps - 5:
      _reassign(centres, seen, points, rng)
  return np.concatenate(
    [_nearest(features[i : i + 2 * batch], centres) for i in range(0, len(features), 2 * batch)]
  )


def _move(centres: np.ndarray, seen: np.ndarray, points: np.ndarray) -> None:
  """Moves centres, in place, to the mean of all points ever assigned to them; `seen` counts
  these.
  """
  nearest = _nearest(points, centres)
  order = np.argsort(nearest, kind='stable')
  hit, start, count = np.unique(nearest[order], return_index=True, return_counts=True)
  sums = np.add.reduceat(points[order], start, axis=0)
  seen[hit] += count
  centres[hit] += (sums - count[:, None].astype(np.float32) * centres[hit]) / seen[hit, None]


def _reassign(
  centres: np.ndarray, seen: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> None:
  """Moves centres with less than 1 % of the largest cluster's points onto random points, as
  scikit-learn does.

  Without it k-means++ leaves most centres with the few showers of highest energy and one cluster
  holds a tenth of all showers, inside which no difference is seen.
  """
  small = seen < 0.01 * seen.max()
  rare = np.argsort(seen)[: min(small.sum(), len(points) // 2)]
  if len(rare):
    centres[rare] = points[rng.choice(len(points), len(rare), replace=False)]
    seen[rare] = seen[~small].min()


def _seeds(points: np.ndarray, clusters: int, rng: np.random.Generator) -> np.ndarray:
  """Starting centres `[k, d]` among points `[m, d]` by greedy k-means++ (Arthur and Vassilvitskii
  2007).

  One matrix product gives all distances `[m, m]` and leaves table look-ups; the usual k passes over
  the points are what makes k-means++ slow.
  """
  norms = np.square(points).sum(1)
  distances = np.maximum(norms[:, None] + norms - 2 * (points @ points.T), 0)
  chosen = [int(rng.integers(len(points)))]
  closest = distances[chosen[0]]
  for _ in range(clusters - 1):
    potential = np.cumsum(closest, dtype=np.float64)
    draws = np.searchsorted(potential, rng.random(2 + int(np.log(clusters))) * potential[-1])
    candidates = np.minimum(draws, len(points) - 1)
    after = np.minimum(distances[candidates], closest)
    best = int(np.argmin(after.sum(1)))
    chosen.append(int(candidates[best]))
    closest = after[best]
  return points[chosen]


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
  return np.argmin(np.square(centres).sum(1) - 2 * (points @ centres.T), axis=1)


def _reference_labels(
  features: np.ndarray, clusters: int, seed: np.random.SeedSequence
) -> np.ndarray:
  from sklearn.cluster import MiniBatchKMeans
  from threadpoolctl import threadpool_limits

  with threadpool_limits(1, 'openmp'):  # OpenMP's limit belongs to the calling thread
    kmeans = MiniBatchKMeans(clusters, n_init=10, random_state=int(seed.generate_state(1)[0]))
    return kmeans.fit_predict(features.astype(np.float64))


METHODS = {'fast': _fast_labels, 'reference': _reference_labels}


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
  drawn = [_curves(labels, clusters, (p, q)) for p, q in zip(*weights)]
  bootstrap = np.std([_figures(*_mean(curves)) for curves in drawn], axis=0, ddof=1)
  curves = _curves(labels, clusters, (None, None))
  each = np.array([_figures(*curve) for curve in curves])
  spread = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else 0.0
  precision, recall = _mean(curves)
  values, errors = _figures(precision, recall), np.hypot(bootstrap, spread)
  (value, f8, f1_8), (error, f8_error, f1_8_error) = map(float, values), map(float, errors)
  return PRD(precision, recall, value, error, each[:, 0], f8, f8_error, f1_8, f1_8_error)


def _curves(labels, clusters: int, weights) -> list[tuple[np.ndarray, np.ndarray]]:
  """The curve of every run, showers counted with their weights."""
  return [
    prd_from_histograms(*(np.bincount(l, w, clusters) for l, w in zip(run, weights)))
    for run in labels
  ]


def _mean(curves: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
  return np.mean(curves, axis=0)


def _figures(precision: np.ndarray, recall: np.ndarray) -> tuple[float, float, float]:
  return (auc(precision, recall), *f_beta_pair(precision, recall))
