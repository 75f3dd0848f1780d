"""CaloChallenge's separation powers (Krause et al. 2024), with errors and floors, from the features
and bins of `challenge_features`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.metrics.challenge_features import (
  TODAY,
  bin_numbers,
  challenge_edges,
  challenge_features,
  is_challenge,
  voxel_counts,
)
from calojax.evaluation.metrics.separation import normalised_separation
from calojax.evaluation.sets import Figures, Sets, figure
from calojax.geometry import Geometry
from calojax.showers import Shower

FEATURES = (
  'energy',
  'centre_eta',
  'centre_phi',
  'centre_r',
  'width_eta',
  'width_phi',
  'width_r',
  'sparsity',
)  # of each layer


class Binned(NamedTuple):
  """How features are histogrammed: of this geometry, with these edges by name, by conventions."""

  geometry: Geometry
  edges: dict[str, np.ndarray]
  conventions: str


def challenge_metrics(
  sets: Sets[Shower],
  geometry: Geometry,
  resamples: int = 100,
  seed: int = 0,
  conventions: str = TODAY,
) -> Figures:
  """`challenge/<feature>` -> `{value, error, floor, floor_error}`: separation powers, 0 for equal
  distributions.

  Args:
    sets: `[n, v]` showers; the separation power of the real ones is the floor: finite samples never
      reach 0.
    geometry: one of `detectors.CALOCHALLENGE`.
    resamples: of the bootstrap over showers.
    seed: of the bootstrap.
    conventions: of `challenge_features.CONVENTIONS`: today's of the challenge, or an older name.

  Returns:
    each of `challenge_features` and `voxels`, and without a number the mean over the layers, which
    the published tables give: `challenge/energy`, `challenge/centre_eta`, ... The bins are those
    that the reference sets. Nothing for another geometry.
  """
  if not is_challenge(geometry):
    return {}
  rng = generator(seed)
  features = challenge_features(sets.reference, geometry, conventions=conventions)
  binned = Binned(
    geometry, challenge_edges(sets.reference, geometry, features, conventions), conventions
  )
  drawn = sets.map(lambda showers: _resampled(showers, binned, resamples, rng))
  value, floor = (_separations(*pair) for pair in drawn.pairs)
  return {f'challenge/{name}': figure('floor', (*value[name], *floor[name])) for name in value}


def separation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Separation power `[...]` of histograms `[..., bins]`, which may be empty: the challenge's bins
  need not hold any shower.
  """
  return normalised_separation(
    *(counts / np.maximum(counts.sum(-1, keepdims=True), 1) for counts in (first, second))
  )


def _resampled(
  showers: Shower, binned: Binned, resamples: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
  """Histograms `[1 + resamples, bins]` of every feature and of the voxels: of the set, then of its
  bootstrap samples.

  All features are resampled with the same showers, so that the error of a mean has their
  correlations.
  """
  count = len(showers.energies)
  # The first row of weights, all ones, is the set itself.
  weights = np.vstack([np.ones(count), multiplicities(count, resamples, rng)])
  geometry, edges, conventions = binned
  features = challenge_features(showers, geometry, conventions=conventions)
  histograms = {
    name: _histograms(values, edges[name], weights) for name, values in features.items()
  }
  counts = voxel_counts(showers, geometry, edges['voxels'], conventions=conventions)
  return histograms | {'voxels': weights @ counts}


def _separations(
  first: dict[str, np.ndarray], second: dict[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
  """Separation power and bootstrap error of every feature, of the voxels, and of each feature's
  mean over the layers.
  """
  powers = {name: separation(first[name], second[name]) for name in first}
  for feature in FEATURES:
    powers[feature] = np.mean(
      [power for name, power in powers.items() if re.fullmatch(rf'{feature}_\d+', name)], axis=0
    )
  return {name: (float(power[0]), float(power[1:].std(ddof=1))) for name, power in powers.items()}


def _histograms(values: np.ndarray, edges: np.ndarray, weights: np.ndarray) -> np.ndarray:
  """Histograms `[resamples, bins]` of values `[n]` that count as often as weights `[resamples, n]`
  say.
  """
  from scipy.sparse import csr_array

  rows = csr_array(
    (np.ones(len(values)), bin_numbers(values, edges), np.arange(len(values) + 1)),
    shape=(len(values), len(edges)),
  )
  return (rows.T @ weights.T).T[:, :-1]
