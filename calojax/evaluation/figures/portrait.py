"""One set of showers at a glance: mean image, some showers, profiles, energies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calojax.evaluation.figures import drawing
from calojax.evaluation.figures.drawing import OTHER
from calojax.geometry import Geometry
from calojax.showers import Shower, take, thinned
from calojax.units import GEV

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

COLUMNS = 4
CELLS = 4_000_000  # of all showers together, whose distances to the axis are taken
BINS = 40


def portrait(showers: Shower, geometry: Geometry, title: str) -> Figure:
  """Mean image of the layers, some showers in the layer with most energy, profiles along and across
  the particle's line, and histograms of energies.

  Args:
    showers: `[n, v]`, numpy.
    geometry: of v cells.
    title: above all.
  """
  layers = drawing.shown(geometry, COLUMNS)
  figure, axes = drawing.grid(3, COLUMNS, (3.6, 3.0))
  figure.suptitle(title, fontsize=11)
  mean = geometry.split(showers.energies.mean(axis=0, dtype=np.float64))
  energies = geometry.split(showers.energies)
  _images(axes[0], [mean[i] for i in layers], geometry, layers, ['mean'] * len(layers))
  total = showers.energies.sum(axis=1, dtype=np.float64)
  if len(layers) < COLUMNS:
    histogram(figure.add_subplot(3, COLUMNS, len(layers) + 1), total / GEV, 'visible energy [GeV]')
  strongest = int(np.argmax([image.sum() for image in mean]))
  some = np.linspace(0, len(showers.energies) - 1, COLUMNS).astype(int)
  by_energy = some[np.argsort(showers.condition.energy[some], kind='stable')]
  chosen = list(dict.fromkeys(by_energy.tolist()))
  titles = [drawing.describe(take(showers, i)) for i in chosen]
  images = [energies[strongest][i] for i in chosen]
  _images(axes[1], images, geometry, [strongest] * len(images), titles)
  longitudinal(axes[2, 0], mean, geometry)
  lateral(axes[2, 1], showers, geometry)
  histogram(axes[2, 2], showers.condition.energy / GEV, 'incident energy [GeV]')
  histogram(axes[2, 3], total / showers.condition.energy, 'visible / incident energy')
  return figure


def _images(
  axes: np.ndarray,
  images: list[np.ndarray],
  geometry: Geometry,
  layers: list[int],
  titles: list[str],
) -> None:
  """A row of images; panels without one are left out."""
  for axis in axes[len(images) :]:
    axis.remove()
  for axis, energies, layer, title in zip(axes, images, layers, titles):
    colours = drawing.Colours(drawing.energy_scale(energies, 1e-4))
    drawn = drawing.image(axis, energies, drawing.Panel(geometry, layer, title), colours)
    axis.set(xlabel='x [mm]', ylabel='y [mm]')
    axis.figure.colorbar(drawn, ax=axis, label='energy in a cell [MeV]')


def longitudinal(axis: Axes, mean: list[np.ndarray], geometry: Geometry) -> None:
  """Mean energy of each layer; of a single one, of each column of cells along x."""
  if len(geometry.layers) == 1:
    cells, image = geometry.layers[0], mean[0]
    axis.stairs(image.sum(axis=1), np.arange(image.shape[0] + 1), color=OTHER)
    axis.set(xlabel=f'column of cells ({cells.shape[0]} along x)')
  else:
    axis.stairs([image.sum() for image in mean], np.arange(len(mean) + 1) - 0.5, color=OTHER)
    axis.set(xlabel='layer')
  axis.set(ylabel='mean energy [MeV]', title='longitudinal profile' if len(mean) > 1 else 'profile')
  _finish(axis)


def lateral(axis: Axes, showers: Shower, geometry: Geometry) -> None:
  """Mean energy against the distance of a cell from the particle's line in its layer."""
  few = thinned(showers, max(1, CELLS // geometry.cells))
  distances, energies = from_the_line(few, geometry).ravel(), few.energies.ravel()
  width = min(min(layer.pitch) for layer in geometry.layers)
  far = np.average(distances, weights=energies) * 6 if energies.any() else distances.max()
  edges = np.linspace(0, max(far, 2 * width), min(BINS, max(2, int(far / width))) + 1)
  heights, _ = np.histogram(distances, edges, weights=energies.astype(np.float64))
  axis.stairs(heights / len(few.energies) / np.diff(edges), edges, color=OTHER)
  axis.set(xlabel="distance from the particle's line [mm]", ylabel='mean energy [MeV / mm]')
  axis.set(title='lateral profile')
  if (heights > 0).any():
    axis.set_yscale('log')
  _finish(axis)


def from_the_line(showers: Shower, geometry: Geometry) -> np.ndarray:
  """Distances `[n, v]`, mm, in the plane of each cell's layer."""
  _, position, direction = showers.condition
  slopes = direction[:, :2] / direction[:, 2:]
  places = geometry.positions.astype(np.float32)
  crossing = position[:, None, :] + slopes[:, None, :] * places[None, :, 2:]
  return np.hypot(*np.moveaxis(places[None, :, :2] - crossing, -1, 0))


def histogram(axis: Axes, values: np.ndarray, name: str) -> None:
  """How many showers have which value; in logarithmic bins where the values span decades."""
  low, high = float(values.min()), float(values.max())
  spanning = low > 0 and high > 20 * low
  if not high > low:
    low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
  edges = np.geomspace(low, high, BINS + 1) if spanning else np.linspace(low, high, BINS + 1)
  axis.stairs(np.histogram(values, edges)[0], edges, color=OTHER, fill=True, alpha=0.6)
  axis.set(xlabel=name, ylabel='showers', xscale='log' if spanning else 'linear')
  _finish(axis)


def _finish(axis: Axes) -> None:
  axis.tick_params(direction='in', which='both', top=True, right=True)
