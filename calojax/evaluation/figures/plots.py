"""Figures of generated against real showers on any calorimeter: images, sample pairs, observables
with ratios, PRD curves.
"""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from calojax.evaluation.features import compared, observe
from calojax.evaluation.figures import drawing, layered
from calojax.evaluation.figures.drawing import FAKE, NAMES, POINTS, REAL
from calojax.evaluation.metrics.profiles import is_stack
from calojax.files import written_aside
from calojax.geometry import Geometry
from calojax.observables import ALPHAS, OBSERVABLES
from calojax.showers import Shower, take

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure


def figures(
  reference: Shower,
  generated: Shower,
  geometry: Geometry,
  curves: dict[str, dict[str, Any]],
  pairs: tuple[Shower, Shower] | None = None,
) -> dict[str, Figure]:
  """All figures of a comparison by name.

  Args:
    reference, generated: `[n, v]` showers.
    geometry: of both; several layers and blocks of cells have figures of their own.
    curves: `summary['curves']` of `summary.evaluate`.
    pairs: a few real and generated showers of the same particles, drawn side by side; by default
      the first of both sets.
  """
  drawn = {
    'mean_image': mean_image_figure(reference, generated, geometry),
    'samples': sample_figure(*(pairs or (reference, generated)), geometry),
    'observables': observables_figure(reference, generated, geometry),
    'prd': prd_figure(curves),
  }
  drawn['response'] = layered.response_figure(reference, generated)
  if len(geometry.layers) > 1:
    drawn['neighbours'] = layered.neighbour_figure(reference, generated, geometry)
  if is_stack(geometry):
    drawn['profiles'] = layered.profile_figure(reference, generated, geometry)
    drawn['similarity'] = layered.ssim_figure(reference, generated, geometry)
  return drawn


def rendered(figures: dict[str, Figure]) -> dict[str, bytes]:
  """The figures as PNG."""
  images = {}
  for name, figure in figures.items():
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=130)
    images[name] = buffer.getvalue()
  return images


def write_images(directory: str | os.PathLike, images: dict[str, bytes]) -> list[pathlib.Path]:
  """The paths of the images written as `<name>.png` into the directory; each is written aside and
  renamed.
  """
  directory = pathlib.Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  paths = [directory / f'{name}.png' for name in images]
  for path, image in zip(paths, images.values()):
    with written_aside(path) as part, open(part, 'wb') as file:
      file.write(image)
  return paths


def figure_to_array(figure: Figure) -> np.ndarray:
  """The figure's pixels `[h, w, 3]`, uint8, at its own resolution."""
  from matplotlib.backends.backend_agg import FigureCanvasAgg

  canvas = FigureCanvasAgg(figure)
  canvas.draw()
  return np.asarray(canvas.buffer_rgba())[..., :3].copy()


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
    norm = drawing.energy_scale(real, 1e-4)
    for axis, image, name in zip(row, (real, fake), NAMES):
      drawn = drawing.image(axis, image, geometry, layer, f'{name}, mean', norm, 'cividis')
    figure.colorbar(drawn, ax=list(row[:2]), label='energy in a cell [MeV]', pad=0.02)
    ratio = np.divide(fake, real, out=np.full(real.shape, np.nan), where=real > norm.vmin)
    drawn = drawing.image(
      row[2], ratio, geometry, layer, 'generated / Geant4', TwoSlopeNorm(1, 0, 2), 'PuOr'
    )
    figure.colorbar(drawn, ax=row[2], label='ratio', extend='max', pad=0.02)
  drawing.outer_labels(axes)
  return figure


def sample_figure(
  reference: Shower, generated: Shower, geometry: Geometry, pairs: int = 5
) -> Figure:
  """The first showers of both sets, pair by pair under the same condition."""
  real = take(reference, slice(min(pairs, len(reference.energies))))
  titles = [f'{drawing.describe(take(real, i))}\n' for i in range(len(real.energies))]
  return drawing.pairs_figure(real, generated, geometry, NAMES, titles)


def observables_figure(
  reference: Shower,
  generated: Shower,
  geometry: Geometry,
  names: Sequence[str] | None = None,
  columns: int = 5,
) -> Figure:
  """Each observable's distribution over the ratio generated / Geant4; a vector shows its
  components' means instead.

  Of few layers the energies are drawn one by one. Without names, the observables are those of
  `compared`.
  """
  from matplotlib.figure import Figure

  panels = [panel for name in names or compared(geometry) for panel in _panels(name, geometry)]
  rows = -(-len(panels) // columns)
  figure = Figure(figsize=(3.9 * columns, 3.7 * rows), layout='constrained')
  figure.get_layout_engine().set(h_pad=0.02, hspace=0)
  outer = figure.add_gridspec(rows, columns)
  observed = {
    name: [observe(name, sample, geometry) for sample in (reference, generated)]
    for name, _ in panels
  }
  for number, (name, component) in enumerate(panels):
    main, ratio = drawing.main_and_ratio(figure, outer[number // columns, number % columns])
    real, fake = observed[name]
    if component is None:
      _vector(main, ratio, real, fake, name)
    else:
      _histogram(main, ratio, real[:, component], fake[:, component], name)
    if OBSERVABLES[name].width is None and component is not None:
      ratio.set_xlabel(f'{ratio.get_xlabel()}, $l$ = {component}')
    drawing.finish(main, ratio)
  return figure


def _panels(name: str, geometry: Geometry) -> list[tuple[str, int | None]]:
  """The panels of an observable: (name, component to draw the distribution of, or None for the
  means of all).
  """
  if OBSERVABLES[name].width == 1:
    return [(name, 0)]
  if name in ('layer_energies', 'layer_fractions') and len(geometry.layers) <= drawing.PANELS:
    return [(name, layer) for layer in range(len(geometry.layers))]
  return [(name, None)]


def prd_figure(curves: dict[str, dict[str, Any]]) -> Figure:
  """Precision against recall of each score, with the curve of real against independent real
  showers.
  """
  figure, axes = drawing.grid(1, max(len(curves), 1), (4.2, 4.0))
  for axis, (name, curve) in zip(axes[0], curves.items()):
    ceiling = f'Geant4 vs Geant4, AUC {curve["ceiling"]:.3f} $\\pm$ {curve["ceiling_error"]:.3f}'
    axis.plot(
      curve['ceiling_recall'], curve['ceiling_precision'], color=REAL, linestyle='--', label=ceiling
    )
    label = f'generated, AUC {curve["value"]:.3f} $\\pm$ {curve["error"]:.3f}'
    axis.plot(curve['recall'], curve['precision'], color=FAKE, label=label)
    axis.set(title=name.replace('_', ', '), xlabel='recall', ylabel='precision')
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect='equal')
    axis.legend(loc='lower left', frameon=False, fontsize=9)
    axis.tick_params(direction='in', top=True, right=True)
  return figure


def _bins(real: np.ndarray, logarithmic: bool, count: int = 40) -> np.ndarray:
  """Edges over the central 99.8 % of the real values."""
  low, high = np.quantile(real, (0.001, 0.999))
  if logarithmic:
    return np.geomspace(low, high, count + 1)
  margin = (high - low) * 0.05 or 0.5
  return np.linspace(low - margin, high + margin, count + 1)


def _histogram(main: Axes, ratio: Axes, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Fractions of showers with Poisson errors; the outer bins hold what lies beyond, so no shower is
  hidden.
  """
  unit = OBSERVABLES[name].unit
  logarithmic = (
    unit == 'MeV' and np.quantile(real, 0.999) > 10 * np.quantile(real, 0.001) > 0
  )  # energies over a decade
  edges = _bins(real, logarithmic)
  counts = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] for values in (real, fake)]
  fractions = [count / len(values) for count, values in zip(counts, (real, fake))]
  errors = [np.sqrt(count) / len(values) for count, values in zip(counts, (real, fake))]
  centres = np.sqrt(edges[1:] * edges[:-1]) if logarithmic else (edges[1:] + edges[:-1]) / 2
  main.stairs(fractions[0], edges, fill=True, color=REAL, alpha=0.25)
  main.stairs(fractions[0], edges, color=REAL, label=NAMES[0])
  main.errorbar(centres, fractions[1], errors[1], label=NAMES[1], **POINTS)
  main.set_ylabel('showers / bin / total')
  drawing.ratio(ratio, centres, edges, *fractions, *errors)
  if logarithmic:
    main.set_xscale('log')
  ratio.set_xlabel(OBSERVABLES[name].label + (f' [{unit}]' if unit else ''))
  main.set_xlim(edges[0], edges[-1])


def _vector(main: Axes, ratio: Axes, real: np.ndarray, fake: np.ndarray, name: str) -> None:
  """Mean and error of each component; the band is the spread of the real showers."""
  logarithmic = name == 'occupancy'
  x = ALPHAS if logarithmic else np.arange(real.shape[1], dtype=float)
  edges = np.append(x - 0.5, x[-1] + 0.5)
  if logarithmic:
    edges = np.concatenate(
      [np.sqrt(x[:1] ** 2 / x[1:2]), np.sqrt(x[1:] * x[:-1]), np.sqrt(x[-1:] ** 3 / x[-2:-1])]
    )
  means = [values.mean(axis=0) for values in (real, fake)]
  errors = [values.std(axis=0) / np.sqrt(len(values)) for values in (real, fake)]
  main.fill_between(
    x, means[0] - real.std(axis=0), means[0] + real.std(axis=0), color=REAL, alpha=0.25, linewidth=0
  )
  main.plot(x, means[0], color=REAL, label=f'{NAMES[0]}, mean and spread')
  main.errorbar(x, means[1], fake.std(axis=0), label=f'{NAMES[1]}, mean and spread', **POINTS)
  unit = OBSERVABLES[name].unit
  main.set_ylabel(OBSERVABLES[name].label + (f' [{unit}]' if unit else ''))
  drawing.ratio(ratio, x, edges, *means, *errors)
  if logarithmic:
    main.set_xscale('log')
  component = 'layer $l$' if OBSERVABLES[name].width is None else 'component'
  ratio.set_xlabel(
    r'threshold $\alpha$ in $E_\mathrm{cell} \geq \alpha \, E$' if logarithmic else component
  )
