"""The figures and the table that calorimeters of several layers have besides PRD and observables."""

from __future__ import annotations

import re
from typing import Any

from calojax.evaluation.core_cells import core_metrics
from calojax.evaluation.neighbours import nearest_neighbours
from calojax.evaluation.profiles import profile_metrics
from calojax.evaluation.response import response_metrics
from calojax.evaluation.ssim import ssim_metrics
from calojax.geometry import Geometry
from calojax.showers import Shower

FEW = 5  # layers at most that have lines of their own
HEADLINES = (  # of the table, in order
  r'observables/response/(mean|std)', r'observables/depth/mean', r'observables/layer_(energies|occupancy)_\d+/mean',
  r'response/worst', r'profiles/mse(_log)?', r'profiles/ks_[xyz]_(low|middle|high)',
  r'core/.*', r'ssim/.*', r'neighbours/.*', r'traversals/.*',
)


def layered_metrics(
  reference: Shower, generated: Shower, geometry: Geometry, pair: tuple[Shower, Shower], training: Shower | None,
  paired: Shower | None, seed: int,
) -> dict[str, dict[str, float]]:
  """Response, and where they apply profiles, core cells, similarity and neighbours; nothing for a single layer.

  Args:
    reference, generated: `[n, v]` showers.
    geometry: of both.
    pair: two sets of real showers, which tell what finite samples allow.
    training: the showers trained on, for the neighbours.
    paired: showers generated for the reference's particles, for the neighbours.
    seed: of random pairs and bootstraps.
  """
  if len(geometry.layers) == 1:
    return {}
  figures = response_metrics(reference, generated, pair, seed=seed)
  figures |= profile_metrics(reference, generated, geometry, pair, seed=seed)
  figures |= core_metrics(reference, generated, geometry, pair, seed=seed)
  figures |= ssim_metrics(reference, generated, geometry, seed)
  if training is not None:
    figures |= nearest_neighbours(reference, generated, training, paired, seed=seed)
  return figures


def layered_table(summary: dict[str, Any]) -> list[str]:
  """Lines of a fixed-width table of the headlines with errors, beside Geant4; none for a single layer."""
  if 'response/worst' not in summary:
    return []
  lines = [f'{"":<32} {"generated":>21} {"Geant4":>21}']
  for key in headlines(summary):
    figure = summary[key]
    other = 'floor' if 'floor' in figure else 'reference'
    columns = [_number(figure, 'value', 'error'), _number(figure, other, f'{other}_error')]
    about = f'  p = {figure["p_value"]:.3f}' if 'p_value' in figure else ''
    lines.append(f'{key.removeprefix("observables/"):<32} {columns[0]:>21} {columns[1]:>21}{about}')
  if 'core/mean_ratio' in summary:
    low, high = (summary['core/mean_ratio'][edge] for edge in ('low', 'high'))
    lines.append(f'core: cells of particles of {low:.0f} to {high:.0f} GeV')
  return lines


def headlines(summary: dict[str, Any]) -> list[str]:
  """The keys in the table; those of layers where they are few."""
  many = f'observables/layer_energies_{FEW:02d}/mean' in summary
  keys = [key for pattern in HEADLINES for key in summary if re.fullmatch(pattern, key)]
  return [key for key in keys if not (many and key.startswith('observables/layer_'))]


def _number(figure: dict[str, float], value: str, error: str) -> str:
  return f'{figure[value]:.4g}' + (f' +- {figure[error]:.2g}' if error in figure else '')
