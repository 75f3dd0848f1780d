"""The verdict on a set of generated showers: every score with its error and its ceiling."""

from __future__ import annotations

import json
import os
import pathlib
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

import calojax
from calojax.evaluation.arrangement import arrange
from calojax.evaluation.features import default_variant
from calojax.evaluation.samples import Sample, sample
from calojax.evaluation.study import METRICS, Progress, Study
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.showers import Shower

FAST = tuple(name for name in METRICS if name != 'classifier')


def evaluate(
  reference: Shower | Sample,
  generated: Shower | Sample,
  geometry: Geometry,
  independent: Shower | Sample | None = None,
  clusters: int = 400,
  runs: int = 10,
  seed: int = 0,
  variant: str | None = None,
  progress: Progress | None = None,
  training: Shower | None = None,
  paired: Shower | None = None,
  metrics: Sequence[str] = FAST,
) -> dict[str, Any]:
  """Figures of generated against real showers of like particles.

  Args:
    reference: real showers.
    generated: generated showers.
    geometry: of all.
    independent: further real showers, for the ceilings and floors: as many as of the others.
      Without them the reference is divided, see `arrangement.arrange`.
    clusters, runs, seed: of the PRD; the seed also of everything else that is random.
    variant: the 24 statistics behind `prd_auc/physics`, `lhcb_reference` (default for 30 x 30
      cells) or `lhcb_corrected`.
    progress: called with (stage, done, total).
    training: the showers trained on, for `neighbours/...`.
    paired: showers generated for the reference's own particles, which tell whether training showers
      are repeated.
    metrics: names of `metrics.METRICS`; by default all but the classifier, which is slow. One that
      needs more showers is left out.

  Returns:
    name -> figure: `{value, error}` with `ceiling` or `floor` (the same of real against independent
    real showers, in equal numbers) or `reference` (the same of the real showers), and their errors.
    The functions of `metrics` tell which. Two
    entries have no slash in their names: `curves` of the PRD, for `plots.write_plots`, and `meta`.

  Raises:
    ValueError: sets of sizes that do not go together, more clusters than showers, or an unknown
      metric or variant.
  """
  for name in metrics:
    if name not in METRICS:
      raise ValueError(f'metric {name!r} is not known, expected one of {", ".join(METRICS)}')
  variant = variant or default_variant(geometry)
  sets = [
    sample(s, geometry) if isinstance(s, Shower) else s for s in (reference, generated, independent)
  ]
  arrangement = arrange(*sets, seed)
  study = Study(arrangement, geometry, training, paired, clusters, runs, variant, seed, progress)
  summary: dict[str, Any] = {}
  count = len(arrangement.reference.columns)
  for number, name in enumerate(metrics):
    if progress:
      progress(name, number, len(metrics))
    if count >= METRICS[name].fewest:
      summary.update(METRICS[name].figures(study))
  settings = {
    'clusters': clusters,
    'runs': runs,
    'seed': seed,
    'variant': variant,
    'ceiling': arrangement.ceiling,
  }
  counts = {
    'count': count,
    'ceiling_count': count,
    'cells_of': min(len(sample.kept) for sample in arrangement[:3]),
  }
  return summary | {
    'meta': {**counts, **settings, 'geometry': geometry.name, 'versions': _versions()}
  }


def write_summary(summary: dict[str, Any], directory: str | os.PathLike) -> pathlib.Path:
  """The path of `summary.json` in the directory, made if need be; written aside and renamed."""
  path = pathlib.Path(directory) / 'summary.json'
  path.parent.mkdir(parents=True, exist_ok=True)
  write_text(path, json.dumps(summary, indent=1, allow_nan=False) + '\n')
  return path


def _versions() -> dict[str, str]:
  return {
    'calojax': calojax.__version__,
    'numpy': np.__version__,
    'python': platform.python_version(),
  }
