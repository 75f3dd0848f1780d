"""The verdict on a set of generated showers: every score with its error and its ceiling."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
import pathlib
import platform
from typing import Any

import numpy as np

import calojax
from calojax.evaluation.layered import layered_metrics, layered_table
from calojax.evaluation.physics import compare_observables, default_variant, prd_features
from calojax.evaluation.prd import PRD, prd
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.showers import Shower, take

SCORES = {'prd_auc': ('value', 'error'), 'prd_f8': ('f8', 'f8_error'), 'prd_f1_8': ('f1_8', 'f1_8_error')}
CURVE_STEP = 10  # every tenth of the 1001 angles goes into the summary


def evaluate(
  reference: Shower, generated: Shower, geometry: Geometry, independent: Shower | None = None, clusters: int = 400,
  runs: int = 10, seed: int = 0, variant: str | None = None, progress: Callable[[str, int, int], None] | None = None,
  training: Shower | None = None, paired: Shower | None = None,
) -> dict[str, Any]:
  """Scores of generated showers against the real ones of the same conditions.

  Args:
    reference: n real showers.
    generated: n generated showers.
    geometry: of both.
    independent: n further real showers, for the ceiling. Without them the ceiling is that of two halves of the
      reference: measured with n / 2 showers it is lower than that of n; `ceiling_count` in `meta` tells.
    clusters, runs, seed: of the PRD.
    variant: the 24 statistics behind `prd_auc/physics`, `lhcb_reference` (default for 30 x 30 cells) or
      `lhcb_corrected`.
    progress: called with (stage, done, total).
    training: the showers trained on; with them a calorimeter of several layers gets `neighbours/...`.
    paired: showers generated for the reference's own particles, which tell whether training showers are repeated.

  Returns:
    `{'prd_auc/raw': {value, error, ceiling, ceiling_error}, ...}` for prd_auc, prd_f8, prd_f1_8 and raw, physics,
    physics_corrected; `prd_auc/min`, the smaller of raw and physics, the model's score;
    `observables/<name>/<mean|std>`; for several layers `response/...`, and for a block of cells `profiles/...`, `core/...`
    and `ssim/...`, described where they are made; and two entries without a slash: `curves` (for `plots.write_plots`) and `meta`.

  Raises:
    ValueError: the sets differ in size, or more clusters than showers.
  """
  variant = variant or default_variant(geometry)
  for name, sample in (('generated', generated), ('independent', independent)):
    if sample is not None and len(sample.energies) != len(reference.energies):
      sizes = f'{len(reference.energies)} reference and {len(sample.energies)} {name} showers'
      raise ValueError(f'{sizes}, expected equal numbers')
  first, second = (reference, independent) if independent is not None else _halves(reference, seed)
  features = prd_features([reference, generated, first, second], geometry, variant)
  summary: dict[str, Any] = {'curves': {}}
  for kind, (real, fake, *ceiling) in features.items():
    jobs = [(f'PRD {kind}', (real, fake)), (f'ceiling {kind}', ceiling)]
    results = [prd(*sets, clusters, runs, seed, progress=_stage(progress, name)) for name, sets in jobs]
    summary.update({f'{score}/{kind}': _figure(*results, *fields) for score, fields in SCORES.items()})
    summary['curves'][kind] = _curve(*results) | summary[f'prd_auc/{kind}']
  scores = summary['prd_auc/raw'], summary['prd_auc/physics']
  summary['prd_auc/min'] = min(scores, key=lambda figure: figure['value'])
  summary.update(compare_observables(reference, generated, geometry, seed=seed))
  summary.update(layered_metrics(reference, generated, geometry, (first, second), training, paired, seed))
  counts = {'count': len(reference.energies), 'ceiling_count': len(first.energies)}
  ceiling = 'independent real showers' if independent is not None else 'two halves of the reference, at half its size'
  settings = {'clusters': clusters, 'runs': runs, 'seed': seed, 'variant': variant, 'ceiling': ceiling}
  return summary | {'meta': {**counts, **settings, 'geometry': geometry.name, 'versions': _versions()}}


def write_summary(summary: dict[str, Any], directory: str | os.PathLike) -> pathlib.Path:
  """The path of `summary.json` in the directory, made if need be; written aside and renamed."""
  path = pathlib.Path(directory) / 'summary.json'
  path.parent.mkdir(parents=True, exist_ok=True)
  write_text(path, json.dumps(summary, indent=1, allow_nan=False) + '\n')
  return path


def verdict_table(summary: dict[str, Any]) -> str:
  """A fixed-width table of the PRD-AUC scores with errors and ceilings; for several layers, of more."""
  meta = summary['meta']
  lines = [f'{"PRD-AUC":<18} {"generated":>17} {"ceiling":>17}']
  for name in (*summary['curves'], 'min'):
    figure = summary[f'prd_auc/{name}']
    pairs = ('value', 'error'), ('ceiling', 'ceiling_error')
    columns = [f'{figure[value]:.4f} +- {figure[error]:.4f}' for value, error in pairs]
    lines.append(f'{name:<18} {columns[0]:>17} {columns[1]:>17}')
  settings = f'{meta["clusters"]} clusters, {meta["runs"]} runs, physics: {meta["variant"]}'
  lines.append(f'{meta["count"]} showers, {settings};')
  lines.append(f'ceiling: {meta["ceiling"]} ({meta["ceiling_count"]} against {meta["ceiling_count"]})')
  return '\n'.join(lines + layered_table(summary))


def _halves(showers: Shower, seed: int) -> tuple[Shower, Shower]:
  """Two disjoint random halves of equal size."""
  count = len(showers.energies) // 2
  order = np.random.default_rng(seed).permutation(len(showers.energies))
  return take(showers, order[:count]), take(showers, order[count : 2 * count])


def _stage(progress, name: str):
  return progress and (lambda done, total: progress(name, done, total))


def _figure(score: PRD, ceiling: PRD, value: str, error: str) -> dict[str, float]:
  numbers = (getattr(score, value), getattr(score, error), getattr(ceiling, value), getattr(ceiling, error))
  return dict(zip(('value', 'error', 'ceiling', 'ceiling_error'), numbers))


def _curve(score: PRD, ceiling: PRD) -> dict[str, list[float]]:
  arrays = {'precision': score.precision, 'recall': score.recall}
  arrays |= {'ceiling_precision': ceiling.precision, 'ceiling_recall': ceiling.recall}
  return {name: array[::CURVE_STEP].round(5).tolist() for name, array in arrays.items()}


def _versions() -> dict[str, str]:
  return {'calojax': calojax.__version__, 'numpy': np.__version__, 'python': platform.python_version()}
