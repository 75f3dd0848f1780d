"""Figures for calorimeters of several layers: response, neighbours, traversals; profiles and
similarity of blocks of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calojax.evaluation.figures import drawing, labels, scale
from calojax.evaluation.figures.drawing import FAKE, NAMES, OTHER, POINTS, REAL
from calojax.evaluation.figures.labels import Scores
from calojax.evaluation.figures.panels import (
  REACH,
  Axis,
  Measured,
  Places,
  draw_ratio,
  finish,
  panels,
)
from calojax.evaluation.figures.style import styled
from calojax.evaluation.metrics.neighbours import nearest
from calojax.evaluation.metrics.profiles import AXES, slices
from calojax.evaluation.metrics.response import energy_edges, response_profile
from calojax.evaluation.metrics.separation import separation_power
from calojax.evaluation.metrics.ssim import similarities
from calojax.evaluation.metrics.traversals import Traversal, titles
from calojax.geometry import Geometry, Layer
from calojax.showers import Shower, take
from calojax.units import GEV

if TYPE_CHECKING:
  from matplotlib.figure import Figure

NEIGHBOURS = 7  # real showers drawn, as in de Oliveira et al. 2017, figure 2
POOL = 5000  # generated showers searched


@styled()
def response_figure(
  reference: Shower, generated: Shower, scores: Scores | None = None, bins: int = 8
) -> Figure:
  """E / E_p against E_p and the spectrum of cell energies, with ratios (Rehm et al. 2021, figures 5
  and 6).
  """
  figure, (left, right) = panels(2, 2)
  _response(left, reference, generated, bins, scores or {})
  _cells(right, reference, generated)
  return figure


def _response(panel: Axis, reference: Shower, generated: Shower, bins: int, scores: Scores) -> None:
  main, ratio = panel
  edges = energy_edges(reference, bins) / GEV
  if edges[-1] <= 1.001 * edges[0]:  # of one energy there is one bin
    edges = np.array([0.9, 1.1]) * edges[0]
  profiles = [response_profile(sample, edges * GEV) for sample in (reference, generated)]
  compared = [Measured(*profile) for profile in profiles]
  _compare(panel, Places(np.sqrt(edges[1:] * edges[:-1]), edges), compared, 0.2)
  main.set(ylabel=r'mean $E \, / \, E_p$')
  if scale.spans(reference.condition.energy, scale.VALUES):
    main.set_xscale('log')
  means = np.concatenate([mean[np.isfinite(mean)] for mean, _ in profiles])
  margin = 0.1 * abs(means).max()
  main.set_ylim(means.min() - margin, means.max() + 2 * margin)
  ratio.set_xlabel('$E_p$ [GeV]')
  told = labels.metric(scores, 'response/worst', 'largest deviation')
  finish(panel, told or f'off by {labels.brief(_off(compared))} in the worst bin')


def _off(compared: Sequence[Measured]) -> float:
  """The largest relative difference of two profiles."""
  real, fake = (part.values for part in compared)
  return float(np.nanmax(np.abs(fake / real - 1)))


def _cells(panel: Axis, reference: Shower, generated: Shower) -> None:
  main, ratio = panel
  top = max(float(reference.energies.max()), 1e-6)
  edges = np.geomspace(top * 1e-7, top * 1.5, 46)
  samples = reference, generated
  counts = [np.histogram(sample.energies, edges)[0] for sample in samples]
  compared = [
    Measured(count / len(sample.energies), np.sqrt(count) / len(sample.energies))
    for count, sample in zip(counts, samples)
  ]
  _compare(panel, Places(np.sqrt(edges[1:] * edges[:-1]), edges), compared)
  main.set(xscale='log', yscale='log', ylabel='cells per bin and shower')
  ratio.set_xlabel('energy in a cell [MeV]')
  lit = all(count.sum() for count in counts)
  told = f'separation {labels.brief(float(separation_power(*counts)))}' if lit else 'no cell is lit'
  finish(panel, told)


@styled()
def neighbour_figure(
  reference: Shower, generated: Shower, geometry: Geometry, count: int = NEIGHBOURS
) -> Figure:
  """Real showers above their nearest generated ones, which `nearest` finds, in the layers shown;
  distance in the title.
  """
  real = take(reference, slice(count))
  index, distance = nearest(real.energies, generated.energies[:POOL])
  above = [drawing.describe(take(real, i)) for i in range(len(real.energies))]
  return drawing.pairs_figure(
    real,
    take(generated, index),
    geometry,
    (NAMES[0], 'generated'),
    (above, [f'distance {apart:.2f}' for apart in distance]),
    'Geant4 showers and the generated ones that are nearest to them',
  )


@styled()
def traversal_figure(
  images: np.ndarray,
  geometry: Geometry,
  titles: Sequence[str],
  difference: bool = False,
) -> Figure:
  """Mean showers while one attribute of the particle moves (de Oliveira et al. 2017, figures 3 to
  5).

  Args:
    images: `[k, v]` mean shower in MeV at each value, of the same noise.
    geometry: of the showers.
    titles: `[k]`, e.g. '$x_0$ = 5 mm'.
    difference: draw each less the middle one, as the paper does for theta.
  """
  from matplotlib.colors import Normalize

  layers = drawing.shown(geometry)
  images = images - images[len(images) // 2] if difference else images
  figure, axes = drawing.grid(len(layers), len(images), (2.3, 2.7))
  for row, layer in zip(axes, layers):
    column = geometry.split(np.asarray(images, np.float64))[layer]
    top = float(np.abs(column).max()) or 1.0
    norm = Normalize(-top, top) if difference else drawing.energy_scale(column, 1e-4)
    for axis, image, title in zip(
      row, column, titles if layer == layers[0] else [''] * len(images)
    ):
      colours = drawing.Colours(norm, 'RdBu_r' if difference else 'cividis')
      drawn = drawing.image(axis, image, drawing.Panel(geometry, layer, title), colours)
    text = 'less the middle one [MeV]' if difference else 'energy in a cell [MeV]'
    figure.colorbar(drawn, ax=list(row), label=text, pad=0.01)
  drawing.outer_labels(axes)
  return figure


def traversal_figures(traversals: dict[str, Traversal], geometry: Geometry) -> dict[str, Figure]:
  """`traversal_<attribute>` -> its figure; that of theta shows differences, as in the paper."""
  figures = {}
  for name, (values, images, _) in traversals.items():
    figures[f'traversal_{name}'] = traversal_figure(
      images, geometry, titles(name, values), name == 'theta'
    )
  return figures


@styled()
def profile_figure(
  reference: Shower, generated: Shower, geometry: Geometry, scores: Scores | None = None
) -> Figure:
  """Mean profiles along x, y and z with ratios, on a linear and on a logarithmic scale (Rehm et al.
  2021, figure 4).
  """
  figure, axes = panels(6, 3)
  samples = [slices(sample, geometry) for sample in (reference, generated)]
  for column, axis in enumerate(AXES):
    compared = [Measured(s[axis].mean(0), s[axis].std(0) / np.sqrt(len(s[axis]))) for s in samples]
    edges, label = _slice_edges(geometry, axis)
    for row, (yscale, kind) in enumerate((('linear', 'mse'), ('log', 'mse_log'))):
      panel = axes[3 * row + column]
      _compare(panel, Places(scale.centres(edges, False), edges), compared)
      panel.main.set(yscale=yscale, ylabel=r'mean $E_\mathrm{slice} \, / \, E_p$')
      panel.ratio.set_xlabel(label)
      told = labels.metric(scores or {}, f'profiles/{kind}_{axis}', kind.replace('_', ' '))
      finish(panel, told.replace('mse', 'MSE') or _apart(compared))
  return figure


def _slice_edges(geometry: Geometry, axis: str) -> tuple[np.ndarray, str]:
  """Edges of the slices of a block of cells along an axis, and the axis' label."""
  if axis == 'z':
    return np.arange(len(geometry.layers) + 1) - 0.5, 'layer'
  layer, number = geometry.layers[0], 'xy'.index(axis)
  assert isinstance(layer, Layer)  # a block has no other
  count, pitch = layer.shape[number], layer.pitch[number]
  return layer.centre[number] + (np.arange(count + 1) - count / 2) * pitch, f'{axis} [mm]'


def _apart(compared: Sequence[Measured]) -> str:
  """The separation power of two profiles as distributions."""
  real, fake = (np.maximum(part.values, 0) for part in compared)
  if not (real.sum() and fake.sum()):
    return 'no cell is lit'
  return f'separation {labels.brief(float(separation_power(real, fake)))}'


@styled()
def ssim_figure(reference: Shower, generated: Shower, geometry: Geometry) -> Figure:
  """Structural similarity of random pairs of showers (Rehm et al. 2021, figure 9)."""
  figure, axes = drawing.grid(1, 1, (6.4, 4.8))
  edges = np.linspace(0, 1, 41)
  names = f'{NAMES[0]} and {NAMES[0]}', f'{NAMES[1]} and {NAMES[1]}', f'{NAMES[0]} and {NAMES[1]}'
  values = similarities(reference, generated, geometry).values()
  for name, colour, pairs in zip(names, (REAL, FAKE, OTHER), values):
    heights = np.histogram(np.clip(pairs, 0, 1), edges)[0] / max(len(pairs), 1)
    label = f'{name}, mean {pairs.mean():.3f}'
    axes[0, 0].stairs(
      heights,
      edges,
      color=colour,
      label=label,
      fill=colour == REAL,
      alpha=0.35 if colour == REAL else 1,
    )
  axes[0, 0].set(xlabel='structural similarity', ylabel='fraction of pairs', xlim=(0, 1))
  axes[0, 0].legend()
  return figure


def _compare(
  panel: Axis, places: Places, samples: Sequence[Measured], reach: float = REACH
) -> None:
  """Real values as steps, generated ones as points at these places, and their ratio."""
  real, fake = (Measured(*map(np.nan_to_num, sample)) for sample in samples)
  main, (centres, edges) = panel.main, places
  main.stairs(real.values, edges, color=REAL, label=NAMES[0])
  main.stairs(
    real.values + real.errors,
    edges,
    baseline=np.maximum(real.values - real.errors, 0),
    fill=True,
    color=REAL,
    alpha=0.25,
  )
  # On a logarithmic scale there is no place for 0.
  lit = fake.values > 0
  main.errorbar(centres[lit], fake.values[lit], fake.errors[lit], label=NAMES[1], **POINTS)
  draw_ratio(panel.ratio, places, real, fake, reach)
  main.set_xlim(edges[0], edges[-1])
