"""The metrics by name: each turns a `Study` into figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from calojax.evaluation import samples
from calojax.evaluation.arrangement import Arrangement
from calojax.evaluation.features import (
  column_names,
  compare_columns,
  compared,
  prd_features,
  scalars,
)
from calojax.evaluation.metrics.challenge import challenge_metrics
from calojax.evaluation.metrics.classifier import classifier_metrics
from calojax.evaluation.metrics.conditional import conditional_prd
from calojax.evaluation.metrics.core_cells import core_metrics
from calojax.evaluation.metrics.correlations import correlation_metrics
from calojax.evaluation.metrics.distances import distance_metrics
from calojax.evaluation.metrics.frechet import frechet_metrics
from calojax.evaluation.metrics.manifold import manifold_metrics
from calojax.evaluation.metrics.neighbours import nearest_neighbours
from calojax.evaluation.metrics.prd import PRD, prd
from calojax.evaluation.metrics.profiles import profile_metrics
from calojax.evaluation.metrics.response import response_metrics
from calojax.evaluation.metrics.ssim import ssim_metrics
from calojax.evaluation.samples import Sample
from calojax.geometry import Geometry
from calojax.showers import Shower, thinned

Progress = Callable[[str, int, int], None]
SCORES = {
  'prd_auc': ('value', 'error'),
  'prd_f8': ('f8', 'f8_error'),
  'prd_f1_8': ('f1_8', 'f1_8_error'),
}
CURVE_STEP = 10  # every tenth of the 1001 angles goes into the summary


class Study(NamedTuple):
  """What is judged, and how.

  Attributes:
    sets: the samples compared.
    geometry: of all showers.
    training: the showers trained on, or None.
    paired: showers generated for the reference's own particles, or None.
    clusters, runs: of the PRD.
    variant: of the 24 statistics behind the physics PRD.
    seed: of everything random.
    progress: called with (stage, done, total), or None.
  """

  sets: Arrangement
  geometry: Geometry
  training: Shower | None
  paired: Shower | None
  clusters: int
  runs: int
  variant: str
  seed: int
  progress: Progress | None


def of_prd(study: Study) -> dict[str, Any]:
  """`prd_auc`, `prd_f8`, `prd_f1_8` of the raw and physics features, `prd_auc/min`, and
  `curves`.
  """
  figures: dict[str, Any] = {'curves': {}}
  for kind, (real, fake, other) in _prd_features(study).items():
    results = []
    for stage, sample in ((f'PRD {kind}', fake), (f'ceiling {kind}', other)):
      results.append(
        prd(
          real,
          sample,
          study.clusters,
          study.runs,
          study.seed,
          progress=_stage(study.progress, stage),
        )
      )
    figures.update(
      {f'{score}/{kind}': _figure(*results, *fields) for score, fields in SCORES.items()}
    )
    figures['curves'][kind] = _curve(*results) | figures[f'prd_auc/{kind}']
  figures['prd_auc/min'] = min(
    (figures['prd_auc/raw'], figures['prd_auc/physics']), key=lambda figure: figure['value']
  )
  return figures


def of_conditional_prd(study: Study) -> dict[str, Any]:
  """PRD-AUC in bins of E_p and of the impact point."""
  features = {
    kind: sets for kind, sets in _prd_features(study).items() if kind != 'physics_corrected'
  }
  count = len(next(iter(features.values()))[0])
  conditions = [thinned(sample.showers, count).condition for sample in study.sets[:3]]
  energies, positions = (
    tuple(np.asarray(getattr(c, field)) for c in conditions) for field in ('energy', 'position')
  )
  return conditional_prd(
    features, energies, positions, study.clusters, study.runs, study.seed, study.progress
  )


def of_observables(study: Study) -> dict[str, Any]:
  """Means and spreads of all observables."""
  names = column_names(compared(study.geometry), study.geometry)
  return compare_columns(
    names, study.sets.reference.columns, study.sets.generated.columns, seed=study.seed
  )


def of_distances(study: Study) -> dict[str, Any]:
  """Separation power, KS and Wasserstein distance of every observable, and the distance of their
  correlations.
  """
  names = column_names(compared(study.geometry), study.geometry)
  real, fake, other = (sample.columns for sample in study.sets[:3])
  figures = distance_metrics(names, real, fake, (real, other), seed=study.seed)
  return figures | correlation_metrics(*_scalars(study), seed=study.seed)


def of_frechet(study: Study) -> dict[str, Any]:
  """FPD and KPD of the observables of one value a shower."""
  return frechet_metrics(*_scalars(study), seed=study.seed)


def of_manifold(study: Study) -> dict[str, Any]:
  """Precision, recall, density and coverage of the same observables."""
  return manifold_metrics(*_scalars(study), seed=study.seed)


def of_response(study: Study) -> dict[str, Any]:
  """Linearity and resolution, of all showers."""
  real, fake, other = map(lambda sample: _summed(sample, study.geometry), study.sets[:3])
  return response_metrics(real, fake, (real, other), seed=study.seed)


def of_images(study: Study) -> dict[str, Any]:
  """What only a block of cells has: profiles, core cells, similarity."""
  real, fake, other = (sample.showers for sample in study.sets[:3])
  figures = profile_metrics(real, fake, study.geometry, (real, other), seed=study.seed)
  figures |= core_metrics(real, fake, study.geometry, (real, other), seed=study.seed)
  return figures | ssim_metrics(real, fake, study.geometry, study.seed)


def of_neighbours(study: Study) -> dict[str, Any]:
  """Whether training showers are repeated; nothing without them."""
  if study.training is None:
    return {}
  real, fake = (sample.showers for sample in study.sets[:2])
  return nearest_neighbours(real, fake, study.training, study.paired, seed=study.seed)


def of_challenge(study: Study) -> dict[str, Any]:
  """The CaloChallenge's separation powers, on its detectors."""
  real, fake, other = (sample.showers for sample in study.sets[:3])
  return challenge_metrics(real, fake, study.geometry, (real, other), seed=study.seed)


def of_classifier(study: Study) -> dict[str, Any]:
  """AUC of classifiers of cells and of observables."""
  real, fake, other = (sample.showers for sample in study.sets[:3])
  return classifier_metrics(
    real, fake, (real, other), study.geometry, seed=study.seed, progress=study.progress
  )


class Metric(NamedTuple):
  """A function that gives figures, and how many showers a side it needs."""

  figures: Callable[[Study], dict[str, Any]]
  fewest: int = 1


METRICS = {
  'prd': Metric(of_prd),
  'conditional PRD': Metric(of_conditional_prd),
  'observables': Metric(of_observables),
  'distances': Metric(of_distances, 2),
  'FPD and KPD': Metric(of_frechet, 10),
  'precision, recall, density, coverage': Metric(of_manifold, 10),
  'response': Metric(of_response),
  'images': Metric(of_images),
  'neighbours': Metric(of_neighbours),
  'CaloChallenge': Metric(of_challenge),
  'classifier': Metric(of_classifier, 50),
}


def _prd_features(study: Study) -> dict[str, tuple[np.ndarray, ...]]:
  """Features of equally many showers of the three sets, of those whose cells are in memory."""
  count = min(len(sample.kept) for sample in study.sets[:3])
  return prd_features(
    [thinned(sample.showers, count) for sample in study.sets[:3]], study.geometry, study.variant
  )


def _scalars(study: Study) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
  """The observables of one value a shower: real, generated, and the pair that tells the floor."""
  real, fake, other = (
    samples.observed(sample, scalars(study.geometry), study.geometry) for sample in study.sets[:3]
  )
  return real, fake, (real, other)


def _summed(sample: Sample, geometry: Geometry) -> Shower:
  """All showers of a sample with their cells summed to one."""
  return Shower(samples.observed(sample, ('energy',), geometry), sample.condition)


def _stage(progress: Progress | None, name: str):
  return progress and (lambda done, total: progress(name, done, total))


def _figure(score: PRD, ceiling: PRD, value: str, error: str) -> dict[str, float]:
  numbers = (
    getattr(score, value),
    getattr(score, error),
    getattr(ceiling, value),
    getattr(ceiling, error),
  )
  return dict(zip(('value', 'error', 'ceiling', 'ceiling_error'), numbers))


def _curve(score: PRD, ceiling: PRD) -> dict[str, list[float]]:
  arrays = {'precision': score.precision, 'recall': score.recall}
  arrays |= {'ceiling_precision': ceiling.precision, 'ceiling_recall': ceiling.recall}
  return {name: array[::CURVE_STEP].round(5).tolist() for name, array in arrays.items()}
