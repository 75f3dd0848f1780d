"""What a summary tells of PRD: of all showers, in bins of the particles, and of showers that were
generated for the reference's own particles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calojax.evaluation.metrics.prd import PRD, prd
from calojax.evaluation.sets import Figure, Figures, Progress, Sets, figure

SCORES = {  # of a summary -> fields of `PRD`
  'prd_auc': ('value', 'error'),
  'prd_f8': ('f8', 'f8_error'),
  'prd_f1_8': ('f1_8', 'f1_8_error'),
}
CURVE_STEP = 10  # every tenth of the 1001 angles goes into the summary
FEW_RUNS = 4  # clusterings at most of figures that stand beside the first ones


@dataclass(frozen=True)
class Clusterings:
  """How the PRD is taken: the number of clusters, of runs, and the seed; see `prd`."""

  clusters: int
  runs: int
  seed: int = 0

  def few(self, clusters: int | None = None) -> Clusterings:
    """The same with at most `FEW_RUNS` runs, and with so many clusters if they are given."""
    return replace(self, clusters=clusters or self.clusters, runs=min(self.runs, FEW_RUNS))


def prd_metrics(
  features: dict[str, Sets[np.ndarray]],
  asked: Clusterings,
  progress: Progress | None = None,
) -> dict[str, Any]:
  """`prd_auc/<kind>`, `prd_f8/<kind>`, `prd_f1_8/<kind>` -> `{value, error, ceiling,
  ceiling_error}`, `prd_auc/min` of the raw and physics features, and `curves`.

  Args:
    features: by kind, `[n, d]` of equally many showers of each set.
    asked: how they are clustered.
    progress: called with (stage, runs done, runs).
  """
  figures: dict[str, Any] = {'curves': {}}
  for kind, sets in features.items():
    stages = (f'PRD {kind}', f'ceiling {kind}')
    score, ceiling = (
      prd(*pair, asked.clusters, asked.runs, asked.seed, progress=_stage(progress, stage))
      for pair, stage in zip(sets.pairs, stages)
    )
    figures |= {f'{name}/{kind}': beside_ceiling(score, ceiling, *SCORES[name]) for name in SCORES}
    figures['curves'][kind] = _curve(score, ceiling) | figures[f'prd_auc/{kind}']
  # The corrected features say nothing about the published figure, which is the smaller of two.
  published = (figures['prd_auc/raw'], figures['prd_auc/physics'])
  return figures | {'prd_auc/min': min(published, key=lambda found: found['value'])}


def paired_metrics(
  features: dict[str, tuple[np.ndarray, np.ndarray]],
  scores: Figures,
  asked: Clusterings,
  progress: Progress | None = None,
) -> Figures:
  """`prd_auc_paired/<kind>` -> `{value, error, ceiling, ceiling_error}`: PRD-AUC of showers that
  were generated for the reference's own particles, as papers print it.

  Such showers share the sampling noise of the reference's particles, so even a generator that is
  wrong can lie above the ceiling, which has other particles on its two sides.

  Args:
    features: by kind, `[n, d]` of the reference and of these showers.
    scores: `prd_auc/<kind>` of `prd_metrics`, whose ceilings are theirs too.
    asked: how they are clustered, in at most `FEW_RUNS` runs.
    progress: called with (stage, runs done, runs).
  """
  few, figures = asked.few(), {}
  for kind, pair in features.items():
    report = _stage(progress, f'paired PRD {kind}')
    score = prd(*pair, few.clusters, few.runs, few.seed, progress=report)
    ceiling = (scores[f'prd_auc/{kind}'][name] for name in ('ceiling', 'ceiling_error'))
    figures[f'prd_auc_paired/{kind}'] = figure('ceiling', (score.value, score.error, *ceiling))
  return figures


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
