"""The metrics by name. A new metric is a file in `metrics/`, a function here that hands it what it
needs, and an entry of `METRICS`; a plug-in brings its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from calojax.evaluation.features import column_names, compared, prd_features
from calojax.evaluation.metrics.challenge import challenge_metrics
from calojax.evaluation.metrics.challenge_features import fpd_features, is_challenge
from calojax.evaluation.metrics.conditional import conditional_prd
from calojax.evaluation.metrics.core_cells import core_metrics
from calojax.evaluation.metrics.correlations import correlation_metrics
from calojax.evaluation.metrics.distances import distance_metrics
from calojax.evaluation.metrics.frechet import frechet_metrics
from calojax.evaluation.metrics.judges import network_metrics, tree_metrics
from calojax.evaluation.metrics.manifold import manifold_metrics
from calojax.evaluation.metrics.moments import moment_metrics
from calojax.evaluation.metrics.neighbours import nearest_neighbours
from calojax.evaluation.metrics.prd_figures import Clusterings, paired_metrics, prd_metrics
from calojax.evaluation.metrics.profiles import profile_metrics
from calojax.evaluation.metrics.response import response_metrics
from calojax.evaluation.metrics.ssim import ssim_metrics
from calojax.evaluation.sets import Figures, Sets
from calojax.evaluation.subject import Study
from calojax.registry import Registry, find
from calojax.showers import Shower, thinned


def of_prd(study: Study) -> dict[str, Any]:
  """PRD-AUC, F_8 and F_1/8 of cells and of the physics features, with their curves; of showers of
  the reference's own particles, where there are some, the paired PRD-AUC.
  """
  cells, asked = study.even_cells, _clusterings(study)
  features = prd_features(cells, study.geometry, study.variant)
  figures = prd_metrics(features, asked, study.progress)
  if study.own is None or len(study.own.energies) < len(cells.reference.energies):
    return figures
  own = thinned(study.own, len(cells.reference.energies))
  paired = prd_features(cells._replace(generated=own), study.geometry, study.variant)
  pairs = {kind: (sets.reference, sets.generated) for kind, sets in paired.items()}
  return figures | paired_metrics(pairs, figures, asked, study.progress)


def of_conditional_prd(study: Study) -> Figures:
  """PRD-AUC in bins of E_p and of the impact point."""
  showers = study.even_cells
  features = prd_features(showers, study.geometry, study.variant)
  # Two kinds in seven bins take long enough; the corrected features tell little more in a bin.
  features.pop('physics_corrected', None)
  conditions = showers.map(lambda part: part.condition)
  return conditional_prd(features, conditions, _clusterings(study), study.progress)


def _clusterings(study: Study) -> Clusterings:
  return Clusterings(study.settings.clusters, study.settings.runs, study.settings.seed)


def of_observables(study: Study) -> Figures:
  """Means and spreads of all observables."""
  real, fake, _ = study.sets.map(lambda sample: sample.columns)
  return moment_metrics(columns(study), real, fake, seed=study.settings.seed)


def of_distances(study: Study) -> Figures:
  """Separation power, KS and Wasserstein distance of every observable, and the distance of their
  correlations.
  """
  sets, seed = study.sets.map(lambda sample: sample.columns), study.settings.seed
  figures = distance_metrics(columns(study), sets, seed=seed)
  return figures | correlation_metrics(study.scalars, seed=seed)


def of_frechet(study: Study) -> Figures:
  """FPD and KPD of the observables of one value a shower, of the challenge's features on its
  detectors.
  """
  if is_challenge(study.geometry):
    chosen = study.settings.challenge
    features = study.cells.map(lambda showers: fpd_features(showers, study.geometry, chosen))
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
  settings = study.settings
  return challenge_metrics(
    study.cells, study.geometry, seed=settings.seed, conventions=settings.challenge
  )


def of_trees(study: Study) -> Figures:
  """AUC of boosted trees on observables and on groups of cells."""
  return tree_metrics(study.cells, study.geometry, study.settings.seed, study.progress)


def of_classifier(study: Study) -> Figures:
  """AUC of networks on cells and on observables."""
  return network_metrics(
    study.cells, study.geometry, seed=study.settings.seed, progress=study.progress
  )


def columns(study: Study) -> list[str]:
  """Names of the columns of the samples."""
  return column_names(compared(study.geometry), study.geometry)


class Metric(NamedTuple):
  """A function that gives figures, and how many showers a side it needs."""

  figures: Callable[[Study], dict[str, Any]]
  fewest: int = 1


METRICS = Registry(
  'metric',
  {
    'prd': Metric(of_prd),
    'conditional_prd': Metric(of_conditional_prd),
    'observables': Metric(of_observables),
    'distances': Metric(of_distances, 2),
    'frechet': Metric(of_frechet, 10),
    'manifold': Metric(of_manifold, 10),
    'response': Metric(of_response),
    'images': Metric(of_images),
    'neighbours': Metric(of_neighbours),
    'challenge': Metric(of_challenge),
    'trees': Metric(of_trees, 50),
    'classifier': Metric(of_classifier, 50),
  },
  Metric,
)
# As they were called up to 0.1.0, in configs that are kept.
FORMER = {
  'conditional PRD': 'conditional_prd',
  'FPD and KPD': 'frechet',
  'precision, recall, density, coverage': 'manifold',
  'CaloChallenge': 'challenge',
}
# Networks take nearly as long as all else together; trees see more, in less than half of the time.
FAST = tuple(name for name in METRICS.own if name != 'classifier')


def usual(classifier: bool = False) -> tuple[str, ...]:
  """What an evaluation has if nobody says: `FAST` or all of calojax's own, and what plug-ins bring;
  of these, one that cannot be used is warned of and left out.
  """
  brought = tuple(name for name in METRICS.usable() if name not in METRICS.own)
  return (tuple(METRICS.own) if classifier else FAST) + brought


def find_metric(name: str, kind: str = 'metric') -> tuple[str, Metric]:
  """Today's name of a metric, and the metric; ValueError, with the near name, if there is none."""
  name = FORMER.get(name, name)
  return name, find(METRICS, name, kind)
