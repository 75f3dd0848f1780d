"""The figures of a comparison by name; here those of any calorimeter: images, sample pairs, PRD
curves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calojax.evaluation.comparable import same_particles
from calojax.evaluation.figures import drawing, layered
from calojax.evaluation.figures.distributions import observables_figure
from calojax.evaluation.figures.drawing import FAKE, NAMES, REAL
from calojax.evaluation.figures.labels import Scores
from calojax.evaluation.figures.style import styled
from calojax.evaluation.metrics.profiles import is_stack
from calojax.geometry import Geometry
from calojax.showers import Shower, even, take

if TYPE_CHECKING:
  from matplotlib.figure import Figure


@styled()
def figures(
  reference: Shower,
  generated: Shower,
  geometry: Geometry,
  scores: Scores,
  pairs: tuple[Shower, Shower] | None = None,
) -> dict[str, Figure]:
  """All figures of a comparison by name.

  Args:
    reference: `[n, v]` real showers.
    generated: `[m, v]` generated showers.
    geometry: of both; several layers and blocks of cells have figures of their own.
    scores: of `study.summary`; may be empty.
    pairs: a few real and generated showers of the same particles, drawn side by side; by default
      some of both sets.
  """
  drawn = {
    'mean_image': mean_image_figure(reference, generated, geometry),
    'samples': sample_figure(*(pairs or (reference, generated)), geometry),
    'observables': observables_figure(reference, generated, geometry, scores),
    'prd': prd_figure(scores.get('curves', {})),
  }
  drawn['response'] = layered.response_figure(reference, generated, scores)
  if len(geometry.layers) > 1:
    drawn['neighbours'] = layered.neighbour_figure(reference, generated, geometry)
  if is_stack(geometry):
    drawn['profiles'] = layered.profile_figure(reference, generated, geometry, scores)
    drawn['similarity'] = layered.ssim_figure(reference, generated, geometry)
  return drawn


@styled()
def mean_image_figure(reference: Shower, generated: Shower, geometry: Geometry) -> Figure:
  """Mean real and generated shower on one logarithmic scale and their ratio, a row for each layer
  shown.
  """
  from matplotlib.colors import TwoSlopeNorm

  layers = drawing.shown(geometry)
  means = [
    geometry.split(sample.energies.mean(axis=0, dtype=np.float64))
    for sample in (reference, generated)
  ]
  figure, axes = drawing.grid(len(layers), 3, (3.9, 3.1))
  for row, layer in zip(axes, layers):
    real, fake = (mean[layer] for mean in means)
    # The real showers set the scale of both, so that a difference in colour is one of energy.
    norm = drawing.energy_scale(real, 1e-4)
    for axis, image, name in zip(row, (real, fake), NAMES):
      panel = drawing.Panel(geometry, layer, f'{name}, mean')
      drawn = drawing.image(axis, image, panel, drawing.Colours(norm))
    figure.colorbar(drawn, ax=list(row[:2]), label='energy in a cell [MeV]', pad=0.02)
    ratio = np.divide(fake, real, out=np.full(real.shape, np.nan), where=real > norm.vmin)
    panel = drawing.Panel(geometry, layer, 'generated / Geant4')
    drawn = drawing.image(row[2], ratio, panel, drawing.Colours(TwoSlopeNorm(1, 0, 2), 'PuOr'))
    figure.colorbar(drawn, ax=row[2], label='ratio', extend='max', pad=0.02)
  drawing.outer_labels(axes)
  return figure


@styled()
def sample_figure(
  reference: Shower, generated: Shower, geometry: Geometry, count: int = 5
) -> Figure:
  """Showers of both sets, one over the other: pairs where the first ones are of the same particles;
  else independent ones, each generated one the nearest in energy.
  """
  real, fake = (take(sample, slice(count)) for sample in (reference, generated))
  if same_particles(real.condition, fake.condition):
    titles = described(real)
    return drawing.pairs_figure(
      real, fake, geometry, NAMES, (titles, [''] * len(titles)), 'Pairs of the same particle'
    )
  energies = np.asarray(reference.condition.energy, np.float64)
  real = take(reference, np.argsort(energies)[even(len(energies), count)])
  fake = take(generated, like_energies(real.condition.energy, generated.condition.energy))
  real = take(real, slice(len(fake.energies)))
  heading = 'Independent showers of like energy, not of the same particles'
  return drawing.pairs_figure(
    real, fake, geometry, NAMES, (described(real), described(fake)), heading
  )


def described(showers: Shower) -> list[str]:
  """Energy and angle of the particle of each shower."""
  return [drawing.describe(take(showers, i)) for i in range(len(showers.energies))]


def like_energies(wanted: np.ndarray, offered: np.ndarray) -> np.ndarray:
  """For each of the energies `[k]` the number of the offered one `[n]` that is nearest in ratio;
  none is taken twice.
  """
  from scipy.optimize import linear_sum_assignment

  apart = np.abs(np.subtract.outer(np.log(wanted), np.log(offered)))
  return linear_sum_assignment(apart)[1]


@styled()
def prd_figure(curves: dict[str, dict[str, Any]]) -> Figure:
  """Precision against recall of each score, with the curve of real against independent real
  showers.
  """
  figure, axes = drawing.grid(1, max(len(curves), 1), (4.6, 4.6))
  for axis, (name, curve) in zip(axes[0], curves.items()):
    ceiling = f'Geant4 vs Geant4, AUC {curve["ceiling"]:.3f} $\\pm$ {curve["ceiling_error"]:.3f}'
    axis.plot(
      curve['ceiling_recall'], curve['ceiling_precision'], color=REAL, linestyle='--', label=ceiling
    )
    label = f'generated, AUC {curve["value"]:.3f} $\\pm$ {curve["error"]:.3f}'
    axis.plot(curve['recall'], curve['precision'], color=FAKE, label=label)
    axis.set(title=name.replace('_', ', '), xlabel='recall', ylabel='precision')
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect='equal')
    axis.legend(loc='lower left')
  return figure
