"""What the figures share: colours, the image of a layer, showers in rows.

Figures are matplotlib's `Figure` objects on the Agg canvas; pyplot and its global state stay out.
Colours are Okabe and Ito's, which colour-blind readers tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.showers import Shower

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

REAL, FAKE, OTHER = '#4d4d4d', '#d55e00', '#0072b2'
POINTS = {'color': FAKE, 'fmt': 'o', 'markersize': 2.5, 'linewidth': 1}
PANELS = 5  # layers shown of a deeper calorimeter
PAIR_PANELS = 3  # where each layer takes two rows
NAMES = ('Geant4', 'generated')


class Panel(NamedTuple):
  """The layer that is drawn, and what stands above it."""

  geometry: Geometry
  layer: int
  title: str


class Colours(NamedTuple):
  """matplotlib's norm (energy to 0..1) and the name of its colour map."""

  norm: Any
  map: str = 'cividis'


def grid(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, np.ndarray]:
  """A figure and its panels `[rows, columns]` of this size each, inches."""
  from matplotlib.figure import Figure

  figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout='constrained')
  return figure, figure.subplots(rows, columns, squeeze=False)


def shown(geometry: Geometry, most: int = PANELS) -> list[int]:
  """The layers drawn: all, or `most` of them evenly through the depth."""
  count = len(geometry.layers)
  if count <= most:
    return list(range(count))
  return ((np.arange(most) + 0.5) * count / most).astype(int).tolist()


def energy_scale(image: np.ndarray, depth: float):
  """Logarithmic norm from the image's maximum down by a factor `depth`."""
  from matplotlib.colors import LogNorm

  top = float(image.max()) or 1.0
  return LogNorm(top * depth, top, clip=False)


def image(axis: Axes, energies: np.ndarray, panel: Panel, colours: Colours):
  """Draws one layer with x to the right and y upwards, in mm; what is below the scale or no number
  is white.
  """
  geometry, layer, title = panel
  cells = geometry.layers[layer]
  seen = np.ma.masked_where(~(energies >= colours.norm.vmin), energies)
  number = [f'layer {layer}'] if len(geometry.layers) > 1 else []
  axis.set_title(', '.join([title] * bool(title) + number))
  axis.minorticks_off()
  if not isinstance(cells, Layer):
    return _wedges(axis, seen, cells, colours)
  (x, y), (w, h) = cells.centre, [n * pitch / 2 for n, pitch in zip(cells.shape, cells.pitch)]
  extent = (x - w, x + w, y - h, y + h)
  # Cells are what was measured: smoothed between them, a picture would show more than there is.
  return axis.imshow(
    seen.T,
    norm=colours.norm,
    cmap=colours.map,
    origin='lower',
    extent=extent,
    interpolation='nearest',
  )


def _wedges(axis: Axes, energies: np.ma.MaskedArray, layer: PolarLayer, colours: Colours):
  """Draws a layer of wedges `[angles, radii]`, each in steps of angle fine enough to look round."""
  steps = -(-96 // layer.angles)
  angle = np.linspace(-np.pi, np.pi, layer.angles * steps + 1)[:, None]
  radius = np.asarray(layer.edges)
  # pcolormesh knows no mm: without this wedges would be part of an ellipse.
  axis.set_aspect('equal')
  x, y = radius * np.cos(angle), radius * np.sin(angle)
  return axis.pcolormesh(x, y, energies.repeat(steps, 0), norm=colours.norm, cmap=colours.map)


def pairs_figure(
  above: Shower,
  below: Shower,
  geometry: Geometry,
  names: Sequence[str],
  titles: Sequence[Sequence[str]],
  heading: str,
) -> Figure:
  """Showers in two rows in each layer shown, on one logarithmic scale a layer.

  Args:
    above: as many as there are titles.
    below: as many.
    geometry: of both.
    names: of the two rows.
    titles: of each shower above, and of each below; may be empty.
    heading: what the columns have in common.
  """
  layers = shown(geometry, PAIR_PANELS)
  count = len(titles[0])
  figure, axes = grid(2 * len(layers), count, (2.7, 3.1))
  # With the usual gap names of rows touch the frames above, and those of x the edge.
  figure.set_layout_engine('constrained', h_pad=0.12)
  figure.suptitle(heading, fontsize=13)
  images = [geometry.split(sample.energies[:count]) for sample in (above, below)]
  for number, layer in enumerate(layers):
    rows = axes[2 * number : 2 * number + 2]
    # The upper row sets the scale of both, so that a difference in colour is one of energy.
    colours = Colours(energy_scale(images[0][layer], 1e-5))
    for row, name, sample, texts in zip(rows, names, images, titles):
      for axis, cells, text in zip(row, sample[layer], texts):
        title = f'{text}\n{name}' if text and number == 0 else name
        drawn = image(axis, cells, Panel(geometry, layer, title), colours)
    for axis in rows[0]:
      axis.tick_params(labelbottom=False)
    figure.colorbar(drawn, ax=rows, label='energy in a cell [MeV]', pad=0.01)
  outer_labels(axes)
  return figure


def outer_labels(axes: np.ndarray) -> None:
  """Names at the outer axes, y numbers at the left ones only."""
  for axis in axes[-1]:
    axis.set_xlabel('x [mm]')
  for axis in axes[:, 0]:
    axis.set_ylabel('y [mm]')
  for axis in axes[:, 1:].flat:  # numbers at each panel would take most of the time of drawing
    axis.tick_params(labelleft=False)


def describe(shower: Shower) -> str:
  """Energy and angle of the particle of a single shower, for a title."""
  direction = np.asarray(shower.condition.direction, np.float64)
  slope = np.hypot(*direction[:2]) / direction[2]
  return f'{shower.condition.energy / 1000:.1f} GeV, {np.degrees(np.arctan(slope)):.1f}$^\\circ$'
