"""The metrics by name, and the figures that they make of a study. A new metric is a file in
`metrics/`, a function here that hands it what it needs, and an entry of `METRICS`.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import calojax
from calojax.evaluation.arrangement import Compared, arrange
from calojax.evaluation.features import (
  column_names,
  compared,
  default_variant,
  prd_features,
  scalars,
)
from calojax.evaluation.metrics.challenge import challenge_metrics
from calojax.evaluation.metrics.challenge_features import fpd_features, is_challenge
from calojax.evaluation.metrics.classifier import classifier_metrics
from calojax.evaluation.metrics.conditional import conditional_prd
from calojax.evaluation.metrics.core_cells import core_metrics
from calojax.evaluation.metrics.correlations import correlation_metrics
from calojax.evaluation.metrics.distances import distance_metrics
from calojax.evaluation.metrics.frechet import frechet_metrics
from calojax.evaluation.metrics.manifold import manifold_metrics
from calojax.evaluation.metrics.moments import moment_metrics
from calojax.evaluation.metrics.neighbours import nearest_neighbours
from calojax.evaluation.metrics.prd import prd_metrics
from calojax.evaluation.metrics.profiles import profile_metrics
from calojax.evaluation.metrics.response import response_metrics
from calojax.evaluation.metrics.ssim import ssim_metrics
from calojax.evaluation.samples import Sample, observed
from calojax.evaluation.sets import Figures, Progress, Sets
from calojax.geometry import Geometry
from calojax.registry import find
from calojax.showers import Shower, thinned


class Study(NamedTuple):
  """What is judged, and how.

  Attributes:
    sets: the samples, of equal numbers of showers.
    ceiling: in words, where the independent showers come from.
    geometry: of all showers.
    settings: see there.
    training: the showers trained on, or None.
    paired: showers generated for the reference's own particles, or None.
    progress: called with (stage, done, total), or None.
  """

  sets: Sets[Sample]
  ceiling: str
  geometry: Geometry
  settings: Settings
  training: Shower | None
  paired: Shower | None
  progress: Progress | None

  @property
  def cells(self) -> Sets[Shower]:
    """The showers whose cells are in memory."""
    return self.sets.map(lambda sample: sample.showers)

  @property
  def even_cells(self) -> Sets[Shower]:
    """Equally many of them of each set, as the PRD needs."""
    count = min(len(sample.kept) for sample in self.sets)
    return self.cells.map(lambda showers: thinned(showers, count))

  @property
  def scalars(self) -> Sets[np.ndarray]:
    """The observables of one value a shower, of all showers."""
    return self.observed(scalars(self.geometry))

  def observed(self, names: Sequence[str]) -> Sets[np.ndarray]:
    """These observables of all showers, `[n, k]`."""
    return self.sets.map(lambda sample: observed(sample, names, self.geometry))


def of_prd(study: Study) -> dict[str, Any]:
  """PRD-AUC, F_8 and F_1/8 of cells and of the physics features, with their curves."""
  settings = study.settings
  features = prd_features(study.even_cells, study.geometry, _variant(study))
  return prd_metrics(features, settings.clusters, settings.runs, settings.seed, study.progress)


def of_conditional_prd(study: Study) -> Figures:
  """PRD-AUC in bins of E_p and of the impact point."""
  settings, showers = study.settings, study.even_cells
  features = prd_features(showers, study.geometry, _variant(study))
  # Two kinds in seven bins take long enough; the corrected features tell little more in a bin.
  features.pop('physics_corrected', None)
  return conditional_prd(
    features,
    showers.map(lambda part: part.condition),
    settings.clusters,
    settings.runs,
    settings.seed,
    study.progress,
  )


def of_observables(study: Study) -> Figures:
  """Means and spreads of all observables."""
  real, fake, _ = study.sets.map(lambda sample: sample.columns)
  return moment_metrics(_columns(study), real, fake, seed=study.settings.seed)


def of_distances(study: Study) -> Figures:
  """Separation power, KS and Wasserstein distance of every observable, and the distance of their
  correlations.
  """
  columns, seed = study.sets.map(lambda sample: sample.columns), study.settings.seed
  figures = distance_metrics(_columns(study), columns, seed=seed)
  return figures | correlation_metrics(study.scalars, seed=seed)


def of_frechet(study: Study) -> Figures:
  """FPD and KPD of the observables of one value a shower, of the challenge's features on its
  detectors.
  """
  if is_challenge(study.geometry):
    features = study.cells.map(lambda showers: fpd_features(showers, study.geometry))
    return frechet_metrics(features, study.settings.seed)
  return frechet_metrics(study.scalars, study.settings.seed)


def of_manifold(study: Study) -> Figures:
  """Precision, recall, density and coverage of the same observables."""
  return manifold_metrics(study.scalars, seed=study.settings.seed)


def of_response(study: Study) -> Figures:
  """Linearity and resolution, of all showers: their cells, summed to one, need no memory."""
  energies = study.observed(('energy',))
  summed = (Shower(total, part.condition) for total, part in zip(energies, study.sets))
  return response_metrics(Sets(*summed), seed=study.settings.seed)


def of_images(study: Study) -> Figures:
  """What only a block of cells has: profiles, core cells, similarity."""
  cells, geometry, seed = study.cells, study.geometry, study.settings.seed
  figures = profile_metrics(cells, geometry, seed=seed)
  figures |= core_metrics(cells, geometry, seed=seed)
  return figures | ssim_metrics(cells.reference, cells.generated, geometry, seed)


def of_neighbours(study: Study) -> Figures:
  """Whether training showers are repeated; nothing without them."""
  if study.training is None:
    return {}
  real, fake, _ = study.cells
  return nearest_neighbours(real, fake, study.training, study.paired, study.settings.seed)


def of_challenge(study: Study) -> Figures:
  """The CaloChallenge's separation powers, on its detectors."""
  return challenge_metrics(study.cells, study.geometry, seed=study.settings.seed)


def of_classifier(study: Study) -> Figures:
  """AUC of classifiers of cells and of observables."""
  return classifier_metrics(
    study.cells, study.geometry, seed=study.settings.seed, progress=study.progress
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
FAST = tuple(name for name in METRICS if name != 'classifier')
CLUSTER = 4  # showers at least for a cluster of the PRD


@dataclass(frozen=True)
class Settings:
  """How showers are judged.

  Attributes:
    clusters, runs: of the PRD.
    seed: of everything random.
    variant: of the 24 statistics behind `prd_auc/physics`, see `features.VARIANTS`; by default
      that of the geometry.
    metrics: names of `METRICS`; by default all but the classifier, which is slow. One that needs
      more showers than there are is left out.
  """

  clusters: int = 400
  runs: int = 10
  seed: int = 0
  variant: str | None = None
  metrics: Sequence[str] = FAST


def clusters_for(count: int, wanted: int = 400) -> int:
  """The wanted clusters of the PRD, or fewer where `count` showers a side are few for them."""
  return min(wanted, max(2, count // CLUSTER))


def prepare(
  showers: Compared,
  geometry: Geometry,
  settings: Settings | None = None,
  progress: Progress | None = None,
) -> Study:
  """The study of these showers, of one geometry; its settings are the default ones if there are
  none.

  Raises:
    ValueError: sets of sizes that do not go together.
  """
  settings = settings or Settings()
  sets, ceiling = arrange(showers, geometry, settings.seed)
  return Study(sets, ceiling, geometry, settings, showers.training, showers.paired, progress)


def evaluate(
  showers: Compared,
  geometry: Geometry,
  settings: Settings | None = None,
  progress: Progress | None = None,
) -> dict[str, Any]:
  """The `summary` of generated against real showers of like particles; for the arguments and errors
  see `prepare` and `summary`.
  """
  return summary(prepare(showers, geometry, settings, progress))


def summary(study: Study) -> dict[str, Any]:
  """Figures of generated against real showers.

  Returns:
    name -> figure: `{value, error}` with `ceiling` or `floor` (the same of real against independent
    real showers, in equal numbers) or `reference` (the same of the real showers), and their errors.
    The functions in `metrics/` tell which. Two entries have no slash in their names: `curves` of
    the PRD, for `figures.plots`, and `meta`.

  Raises:
    ValueError: more clusters than showers, or an unknown metric or variant.
  """
  # Looked up before the first is computed: an unknown name is told at once.
  metrics = [(name, find(METRICS, name, 'metric')) for name in study.settings.metrics]
  count = len(study.sets.reference.columns)
  figures: dict[str, Any] = {}
  for number, (name, metric) in enumerate(metrics):
    if study.progress:
      study.progress(name, number, len(metrics))
    # Few showers are no error: what can be said of them is said.
    if count >= metric.fewest:
      figures |= metric.figures(study)
  return figures | {'meta': _meta(study)}


def _meta(study: Study) -> dict[str, Any]:
  """What the figures rest on."""
  count, settings = len(study.sets.reference.columns), study.settings
  return {
    'count': count,
    'ceiling_count': count,
    'cells_of': min(len(sample.kept) for sample in study.sets),
    'clusters': settings.clusters,
    'runs': settings.runs,
    'seed': settings.seed,
    'variant': _variant(study),
    'ceiling': study.ceiling,
    'geometry': study.geometry.name,
    'versions': {
      'calojax': calojax.__version__,
      'numpy': np.__version__,
      'python': platform.python_version(),
    },
  }


def _variant(study: Study) -> str:
  return study.settings.variant or default_variant(study.geometry)


def _columns(study: Study) -> list[str]:
  return column_names(compared(study.geometry), study.geometry)
