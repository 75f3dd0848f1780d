"""Figures of generated against real showers: images, sample pairs, observables with ratios, PRD curves.

Figures are matplotlib's `Figure` objects on the Agg canvas; pyplot and its global state stay out. Colours are Okabe and
Ito's, which colour-blind readers tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from calojax.evaluation.physics import COMPARED, observe
from calojax.files import written_aside
from calojax.geometry import Geometry
from calojax.observables import ALPHAS, OBSERVABLES
from calojax.showers import Shower, take

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

REAL, FAKE = '#4d4d4d', '#d55e00'
POINTS = {'color': FAKE, 'fmt': 'o', 'markersize': 2.5, 'linewidth': 1}
PANELS = 5  # layers shown of a deeper calorimeter
NAMES = ('Geant4', 'generated')


def write_plots(
  directory: str | os.PathLike, reference: Shower, generated: Shower, geometry: Geometry,
  curves: dict[str, dict[str, Any]], pairs: tuple[Shower, Shower] | None = None,
) -> list[pathlib.Path]:
  """The paths of the PNG files written into the directory; each is written aside and renamed.

  Args:
    directory: made if need be.
    reference, generated: `[n, v]` showers.
    geometry: of both.
    curves: `summary['curves']` of `summary.evaluate`.
    pairs: a few real and generated showers of the same particles, drawn side by side; by default the first of both sets.
  """
  figures = {
    'mean_image': mean_image_figure(reference, generated, geometry),
    'samples': sample_figure(*(pairs or (reference, generated)), geometry),
    'observables': observables_figure(reference, generated, geometry),
    'prd': prd_figure(curves),
  }
  directory = pathlib.Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  paths = [directory / f'{name}.png' for name in figures]
  for path, figure in zip(paths, figures.values()):
    with written_aside(path) as part:
      figure.savefig(part, format='png', dpi=130)
  return paths


def figure_to_array(figure: Figure) -> np.ndarray:
  """The figure's pixels `[h, w, 3]`, uint8, at its own resolution."""
  from matplotlib.backends.backend_agg import FigureCanvasAgg

  canvas = FigureCanvasAgg(figure)
  canvas.draw()
  return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def mean_image_figure(reference: Shower, generated: Shower, geometry: Geometry) -> Figure:
  """Mean real and generated shower on one logarithmic scale and their ratio, a row for each layer shown."""
  from matplotlib.colors import TwoSlopeNorm

  layers = _shown(geometry)
  means = [geometry.split(sample.energies.mean(axis=0, dtype=np.float64)) for sample in (reference, generated)]
  figure, axes = _grid(len(layers), 3, (3.9, 3.1))
  for row, layer in zip(axes, layers):
    real, fake = (mean[layer] for mean in means)
    norm = _energy_scale(real, 1e-4)
    for axis, image, name in zip(row, (real, fake), NAMES):
      drawn = _image(axis, image, geometry, layer, f'{name}, mean', norm, 'cividis')
    figure.colorbar(drawn, ax=list(row[:2]), label='energy in a cell [MeV]', pad=0.02)
    ratio = np.divide(fake, real, out=np.full(real.shape, np.nan), where=real > norm.vmin)
    drawn = _image(row[2], ratio, geometry, layer, 'generated / Geant4', TwoSlopeNorm(1, 0, 2), 'PuOr')
    figure.colorbar(drawn, ax=row[2], label='ratio', extend='max', pad=0.02)
  _outer_labels(axes)
  return figure


def sample_figure(reference: Shower, generated: Shower, geometry: Geometry, pairs: int = 5) -> Figure:
  """The first showers of both sets, pair by pair under the same condition, on one logarithmic scale a layer."""
  layers, pairs = _shown(geometry), min(pairs, len(reference.energies))
  figure, axes = _grid(2 * len(layers), pairs, (2.5, 2.5))
  images = [geometry.split(sample.energies[:pairs]) for sample in (reference, generated)]
  for number, layer in enumerate(layers):
    rows = axes[2 * number : 2 * number + 2]
    norm = _energy_scale(images[0][layer], 1e-5)
    for column in range(pairs):
      title = f'{_describe(take(reference, column))}\n' if number == 0 else ''
      for row, name, sample, text in zip(rows, NAMES, images, (title, '')):
        drawn = _image(row[column], sample[layer][column], geometry, layer, text + name, norm, 'cividis')
    figure.colorbar(drawn, ax=rows, label='energy in a cell [MeV]', pad=0.01)
  _outer_labels(axes)
  return figure


def observables_figure(
  reference: Shower, generated: Shower, geometry: Geometry, names: Sequence[str] = COMPARED, columns: int = 5
) -> Figure:
  """Each observable's distribution over the ratio generated / Geant4; a vector shows its components' means instead."""
  from matplotlib.figure import Figure

  rows = -(-len(names) // columns)
  figure = Figure(figsize=(3.9 * columns, 3.7 * rows), layout='constrained')
  figure.get_layout_engine().set(h_pad=0.02, hspace=0)
  outer = figure.add_gridspec(rows, columns)
  for number, name in enumerate(names):
    inner = outer[number // columns, number % columns].subgridspec(2, 1, height_ratios=(3, 1), hspace=0)
    main = figure.add_subplot(inner[0])
    ratio = figure.add_subplot(inner[1], sharex=main)
    real, fake = (observe(name, sample, geometry) for sample in (reference, generated))
    if OBSERVABLES[name].width > 1:
      _profile(main, ratio, real, fake, name)
    else:
      _histogram(main, ratio, real[:, 0], fake[:, 0], name)
    _finish(main, ratio)
  return figure


def prd_figure(curves: dict[str, dict[str, Any]]) -> Figure:
  """Precision against recall of each score, with the curve of real against independent real showers."""
  figure, axes = _grid(1, max(len(curves), 1), (4.2, 4.0))
  for axis, (name, curve) in zip(axes[0], curves.items()):
    ceiling = f'Geant4 vs Geant4, AUC {curve["ceiling"]:.3f} $\\pm$ {curve["ceiling_error"]:.3f}'
    axis.plot(curve['ceiling_recall'], curve['ceiling_precision'], color=REAL, linestyle='--', label=ceiling)
    label = f'generated, AUC {curve["value"]:.3f} $\\pm$ {curve["error"]:.3f}'
    axis.plot(curve['recall'], curve['precision'], color=FAKE, label=label)
    axis.set(title=name.replace('_', ', '), xlabel='recall', ylabel='precision')
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect='equal')
    axis.legend(loc='lower left', frameon=False, fontsize=9)
    axis.tick_params(direction='in', top=True, right=True)
  return figure


def _grid(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, np.ndarray]:
  from matplotlib.figure import Figure

  figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout='constrained')
  return figure, figure.subplots(rows, columns, squeeze=False)


def _shown(geometry: Geometry) -> list[int]:
  """The layers drawn: all, or `PANELS` of them evenly through the depth."""
  count = len(geometry.layers)
  return np.unique(np.linspace(0, count - 1, min(count, PANELS)).round().astype(int)).tolist()


def _energy_scale(image: np.ndarray, depth: float):
  """Logarithmic norm from the image's maximum down by a factor `depth`."""
  from matplotlib.colors import LogNorm

  top = float(image.max()) or 1.0
  return LogNorm(top * depth, top, clip=False)


def _image(axis: Axes, image: np.ndarray, geometry: Geometry, layer: int, title: str, norm, colours: str):
  """Draws one layer with x to the right and y upwards, in mm; what is below the scale or no number is white."""
  grid = geometry.layers[layer]
  (x, y), (w, h) = grid.centre, [n * pitch / 2 for n, pitch in zip(grid.shape, grid.pitch)]
  seen = np.ma.masked_where(~(image >= norm.vmin), image)
  extent = (x - w, x + w, y - h, y + h)
  suffix = f', layer {layer}' if len(geometry.layers) > 1 else ''
  axis.set_title(title + suffix, fontsize=10)
  return axis.imshow(seen.T, norm=norm, cmap=colours, origin='lower', extent=extent, interpolation='nearest')


def _outer_labels(axes: np.ndarray) -> None:
  for axis in axes[-1]:
    axis.set_xlabel('x [mm]')
  for axis in axes[:, 0]:
    axis.set_ylabel('y [mm]')


def _describe(shower: Shower) -> str:
  direction = np.asarray(shower.condition.direction, np.float64)
  slope = np.hypot(*direction[:2]) / direction[2]
  return f'{shower.condition.energy / 1000:.1f} GeV, {np.degrees(np.arctan(slope)):.1f}$^\\circ$'


def _bins(real: np.ndarray, logarithmic: bool, count: int = 40) -> np.ndarray:
  """Edges over the central 99.8 % of the real values."""
  low, high = np.quantile(real, (0.001, 0.999))
  if logarithmic:
    return np.geomspace(low, high, count + 1)
  margin = (high - low) * 0.05 or 0.5
  return np.linspace(low - margin, high + margin, count + 1)


def _histogram(main: Axes, ratio: Axes, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Fractions of showers with Poisson errors; the outer bins hold what lies beyond, so no shower is hidden."""
  unit = OBSERVABLES[name].unit
  logarithmic = unit == 'MeV' and np.quantile(real, 0.999) > 10 * np.quantile(real, 0.001) > 0  # energies over a decade
  edges = _bins(real, logarithmic)
  counts = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] for values in (real, fake)]
  fractions = [count / len(values) for count, values in zip(counts, (real, fake))]
  errors = [np.sqrt(count) / len(values) for count, values in zip(counts, (real, fake))]
  centres = np.sqrt(edges[1:] * edges[:-1]) if logarithmic else (edges[1:] + edges[:-1]) / 2
  main.stairs(fractions[0], edges, fill=True, color=REAL, alpha=0.25)
  main.stairs(fractions[0], edges, color=REAL, label=NAMES[0])
  main.errorbar(centres, fractions[1], errors[1], label=NAMES[1], **POINTS)
  main.set_ylabel('showers / bin / total')
  _ratio(ratio, centres, edges, *fractions, *errors)
  if logarithmic:
    main.set_xscale('log')
  ratio.set_xlabel(OBSERVABLES[name].label + (f' [{unit}]' if unit else ''))
  main.set_xlim(edges[0], edges[-1])


def _profile(main: Axes, ratio: Axes, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Mean and error of each component; the band is the spread of the real showers."""
  logarithmic = name == 'occupancy'
  x = ALPHAS if logarithmic else np.arange(real.shape[1], dtype=float)
  edges = np.sqrt(x[:1] ** 2 / x[1:2]), np.sqrt(x[1:] * x[:-1]), np.sqrt(x[-1:] ** 3 / x[-2:-1])
  edges = np.concatenate(edges) if logarithmic else np.append(x - 0.5, x[-1] + 0.5)
  means = [values.mean(axis=0) for values in (real, fake)]
  errors = [values.std(axis=0) / np.sqrt(len(values)) for values in (real, fake)]
  main.fill_between(x, means[0] - real.std(axis=0), means[0] + real.std(axis=0), color=REAL, alpha=0.25, linewidth=0)
  main.plot(x, means[0], color=REAL, label=f'{NAMES[0]}, mean and spread')
  main.errorbar(x, means[1], fake.std(axis=0), label=f'{NAMES[1]}, mean and spread', **POINTS)
  main.set_ylabel(OBSERVABLES[name].label)
  _ratio(ratio, x, edges, *means, *errors)
  if logarithmic:
    main.set_xscale('log')
  ratio.set_xlabel(r'threshold $\alpha$ in $E_\mathrm{cell} \geq \alpha \, E$' if logarithmic else 'component')


def _ratio(axis: Axes, centres, edges, real, fake, real_error, fake_error) -> None:
  """Generated over real; the band is the error of the real values, the bars those of the generated ones."""
  filled = real > 0
  empty = np.full(len(real), np.nan)
  quotient, bar = (np.divide(values, real, out=empty.copy(), where=filled) for values in (fake, fake_error))
  band = np.divide(real_error, real, out=np.zeros(len(real)), where=filled)
  axis.stairs(1 + band, edges, baseline=1 - band, fill=True, color=REAL, alpha=0.25)
  axis.axhline(1, color=REAL, linewidth=1)
  axis.errorbar(centres, quotient, bar, **POINTS)
  # A point outside the panel becomes an arrow at its edge.
  axis.plot(centres[quotient > 1.6], np.full((quotient > 1.6).sum(), 1.53), '^', color=FAKE, markersize=4)
  axis.plot(centres[quotient < 0.4], np.full((quotient < 0.4).sum(), 0.47), 'v', color=FAKE, markersize=4)
  axis.set(ylim=(0.4, 1.6), ylabel='ratio', yticks=(0.5, 1, 1.5))


def _finish(main: Axes, ratio: Axes) -> None:
  main.set_ylim(0, main.get_ylim()[1] * 1.2)
  main.legend(loc='best', frameon=False, fontsize=8)
  main.tick_params(direction='in', which='both', top=True, right=True, labelbottom=False)
  ratio.tick_params(direction='in', which='both', top=True, right=True)
