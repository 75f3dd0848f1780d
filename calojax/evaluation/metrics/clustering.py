"""Clusters of features for the PRD: mini-batch k-means, and the authors' own choice beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from calojax.registry import find

BATCH = 1024  # points a step
PASSES, LEAST = 4, 50  # over all points, and steps at least
LAST = 5  # steps in which no centre is moved away any more: a fresh one needs some to settle


def turned(points: np.ndarray) -> np.ndarray:
  """Points `[m, m]` at the same distances from each other and from the origin as `[m, d]`, d > m.

  They and all centres of clusters lie in a space of m dimensions. A block of 15,625 cells and a few
  hundred showers is clustered in a tenth of the time.
  """
  count, triangle = len(points), np.empty((0, len(points)))
  for start in range(0, points.shape[1], 2 * count):  # all of them in double precision are large
    block = points[:, start : start + 2 * count].T.astype(np.float64)
    triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode='r'))
  return np.ascontiguousarray(triangle.T, np.float32)


def cluster(
  method: str,
  features: np.ndarray,
  clusters: int,
  seeds: Sequence[np.random.SeedSequence],
  progress: Callable[[int, int], None] | None = None,
) -> list[np.ndarray]:
  """Cluster labels `[2n]` of every run.

  The runs are spread over the cores and each keeps to one thread, so no sum depends on the number
  of threads.
  """
  from threadpoolctl import threadpool_limits

  labels, labelled = [], find(METHODS, method, 'PRD method')
  with threadpool_limits(1), ThreadPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
    for run in pool.map(lambda seed: labelled(features, clusters, seed), seeds):
      labels.append(run)
      if progress:
        progress(len(labels), len(seeds))
  return labels


def _fast_labels(features: np.ndarray, clusters: int, seed: np.random.SeedSequence) -> np.ndarray:
  """Labels `[n]` by mini-batch k-means (Sculley 2010) in single precision: four passes, at least 50
  batches.
  """
  rng = np.random.default_rng(seed)
  centres = _seeds(features[rng.permutation(len(features))[: 5 * clusters]], clusters, rng)
  seen = np.zeros(clusters, np.float32)
  steps = max(LEAST, PASSES * len(features) // BATCH)
  pause = -(-10 * clusters // BATCH)  # some ten points a cluster, before it is called small
  for step in range(1, steps + 1):
    points = features[rng.integers(len(features), size=min(BATCH, len(features)))]
    _move(centres, seen, points)
    if step % pause == 0 and step < steps - LAST:
      _reassign(centres, seen, points, rng)
  rows = 2 * BATCH  # distances of so many points stay in the cache
  return np.concatenate(
    [_nearest(features[i : i + rows], centres) for i in range(0, len(features), rows)]
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
  # 1 % and a half of the batch are scikit-learn's numbers.
  small = seen < 0.01 * seen.max()
  rare = np.argsort(seen)[: min(small.sum(), len(points) // 2)]
  if len(rare):
    centres[rare] = points[rng.choice(len(points), len(rare), replace=False)]
    # As if it had seen points already: a centre with none would jump to the next one it meets.
    seen[rare] = seen[~small].min()


def _seeds(points: np.ndarray, clusters: int, rng: np.random.Generator) -> np.ndarray:
  """Starting centres `[k, d]` among points `[m, d]` by greedy k-means++ (Arthur and Vassilvitskii
  2007).

  One matrix product gives all distances `[m, m]` and leaves table look-ups; the usual k passes over
  the points are what makes k-means++ slow.
  """
  norms = np.square(points).sum(1)
  # Rounding makes the distance of a point from itself negative, and a negative share is no chance.
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
  # |point|^2 is the same for all centres and left out.
  return np.argmin(np.square(centres).sum(1) - 2 * (points @ centres.T), axis=1)


def _reference_labels(
  features: np.ndarray, clusters: int, seed: np.random.SeedSequence
) -> np.ndarray:
  from sklearn.cluster import MiniBatchKMeans
  from threadpoolctl import threadpool_limits

  with threadpool_limits(1, 'openmp'):  # OpenMP's limit belongs to the calling thread
    state = int(seed.generate_state(1)[0])
    # pyright guesses the type of n_init from its default, 'auto'.
    kmeans = MiniBatchKMeans(clusters, n_init=10, random_state=state)  # pyright: ignore[reportArgumentType]
    return kmeans.fit_predict(features.astype(np.float64))


METHODS: dict[str, Callable[[np.ndarray, int, np.random.SeedSequence], np.ndarray]] = {
  'fast': _fast_labels,
  'reference': _reference_labels,
}
