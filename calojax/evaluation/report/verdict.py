"""The table that is printed at the end of an evaluation: the headlines with errors, beside
Geant4.
"""

from __future__ import annotations

import re
from typing import Any

FEW = 5  # layers at most that have lines of their own
HEADLINES = (  # in order
  r'classifier/worst(_trees)?',
  r'prd_auc/.*',
  r'prd_auc_paired/.*',
  r'distances/(fpd|kpd)',
  r'classifier/(?!worst).*',
  r'challenge/(response|voxels|energy)',
  r'manifold/.*',
  r'separation/mean',
  r'correlations/.*',
  r'observables/response/(mean|std)',
  r'observables/depth/mean',
  r'observables/layer_(energies|occupancy)_\d+/mean',
  r'(response|resolution)/(worst|ratio)',
  r'profiles/mse(_log)?',
  r'profiles/ks_[xyz]_(low|middle|high)',
  r'core/.*',
  r'ssim/.*',
  r'neighbours/.*',
  r'traversals/.*',
)
OTHERS = ('ceiling', 'floor', 'reference')


def verdict_table(summary: dict[str, Any]) -> str:
  """A fixed-width table of the headlines with errors and, beside them, what Geant4 against Geant4
  gives.
  """
  lines = [f'{"":<32} {"generated":>21} {"Geant4":>21}']
  for key in headlines(summary):
    figure = summary[key]
    columns = [
      _number(figure, 'value', 'error'),
      *(_number(figure, other, f'{other}_error') for other in OTHERS if other in figure),
    ]
    about = f'  p = {figure["p_value"]:.3f}' if 'p_value' in figure else ''
    lines.append(f'{_shortened(key):<32} {columns[0]:>21} {"".join(columns[1:]):>21}{about}')
  if 'core/mean_ratio' in summary:
    low, high = (summary['core/mean_ratio'][edge] for edge in ('low', 'high'))
    lines.append(f'core: cells of particles of {low:.0f} to {high:.0f} GeV')
  return '\n'.join(lines + _footnotes(summary['meta']))


def headlines(summary: dict[str, Any]) -> list[str]:
  """The keys in the table; those of layers where they are few."""
  # The figures of layers come two a layer: of deep calorimeters they would fill the table.
  many = f'observables/layer_energies_{FEW:02d}/mean' in summary
  keys = [key for pattern in HEADLINES for key in summary if re.fullmatch(pattern, key)]
  return [key for key in keys if not (many and key.startswith('observables/layer_'))]


def _shortened(key: str) -> str:
  return (
    key.removeprefix('observables/')
    .replace('prd_auc/', 'PRD-AUC ')
    .replace('prd_auc_paired/', 'PRD-AUC paired ')
    .replace('distances/', '')
    .replace('_', ' ')
  )


def _footnotes(meta: dict[str, Any]) -> list[str]:
  """What the figures rest on."""
  lines = [
    f'{meta["count"]} showers against {meta["count"]}; '
    f'ceilings and floors, Geant4 against Geant4: {meta["ceiling"]}',
    f'PRD: {meta["clusters"]} clusters, {meta["runs"]} runs, physics: {meta["variant"]}',
  ]
  if meta['cells_of'] < meta['count']:
    lines.append(f'cells: of {meta["cells_of"]} showers, as many as memory should hold')
  return lines


def _number(figure: dict[str, float], value: str, error: str) -> str:
  return f'{figure[value]:.4g}' + (f' +- {figure[error]:.2g}' if error in figure else '')
