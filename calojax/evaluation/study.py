"""An evaluation: the figures that the metrics make of a study."""

from __future__ import annotations

import platform
from dataclasses import replace
from typing import Any

import numpy as np

import calojax
from calojax.evaluation.arrangement import Compared, arrange
from calojax.evaluation.metrics.challenge_features import CONVENTIONS, is_challenge
from calojax.evaluation.metrics.judges import worst
from calojax.evaluation.named import find_metric, usual
from calojax.evaluation.sets import Progress
from calojax.evaluation.subject import Settings, Study
from calojax.geometry import Geometry
from calojax.registry import find

CLUSTER = 4  # showers at least for a cluster of the PRD


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
  none. Where the cells of some are kept only, there are fewer clusters of them.

  Raises:
    ValueError: sets of sizes that do not go together.
  """
  settings = settings or Settings()
  sets, ceiling, own = arrange(showers, geometry, settings.seed)
  kept = min(len(part.kept) for part in sets)
  if kept < len(sets.reference.columns):
    settings = replace(settings, clusters=clusters_for(kept, settings.clusters))
  return Study(sets, ceiling, geometry, settings, showers.training, showers.paired, own, progress)


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
  metrics = [find_metric(name) for name in study.settings.metrics or usual()]
  find(CONVENTIONS, study.settings.challenge, 'conventions of the CaloChallenge')
  count = len(study.sets.reference.columns)
  figures: dict[str, Any] = {}
  for number, (name, metric) in enumerate(metrics):
    if study.progress:
      study.progress(name, number, len(metrics))
    # Few showers are no error: what can be said of them is said.
    if count >= metric.fewest:
      figures |= metric.figures(study)
  return figures | worst(figures) | {'meta': _meta(study)}


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
    'variant': study.variant,
    'ceiling': study.ceiling,
    'geometry': study.geometry.name,
    **({'challenge': settings.challenge} if is_challenge(study.geometry) else {}),
    'versions': {
      'calojax': calojax.__version__,
      'numpy': np.__version__,
      'python': platform.python_version(),
    },
  }
