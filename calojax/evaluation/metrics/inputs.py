"""What judges are shown of showers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from calojax.evaluation.features import compared, observe, scalars
from calojax.evaluation.metrics.trajectory import (
  Placed,
  about_the_trajectory,
  crossing_planes,
  slopes,
)
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.showers import Shower, take

# Inputs of each kind held in memory at most; of more showers the first are taken.
VALUES = 100_000_000
FAINT = 0.1  # quantile of the lit cells' energies, from which on an input follows the logarithm
SIDES = {'core': (0, 8), 'ring_12': (8, 12), 'ring_20': (12, 20), 'halo': (20, 10_000)}  # in cells
DEPTHS = 4  # groups of layers at most


def low_inputs(showers: Shower, geometry: Geometry) -> np.ndarray:
  """log10 of the incident energy in MeV and the cells over it, `[n, 1 + v]` float32."""
  showers = bounded(showers, geometry)
  energy = np.asarray(showers.condition.energy, np.float64)[:, None]
  inputs = np.empty((len(energy), 1 + geometry.cells), np.float32)
  inputs[:, :1] = np.log10(energy)
  np.divide(showers.energies, energy, out=inputs[:, 1:], casting='unsafe')
  return inputs


def high_inputs(showers: Shower, geometry: Geometry) -> np.ndarray:
  """log10 of the incident energy in MeV and the observables that are one number a shower, `[n, 1 +
  m]` float32.
  """
  energy = np.asarray(showers.condition.energy, np.float64)[:, None]
  return np.concatenate(
    [np.log10(energy), observe(scalars(geometry), showers, geometry)], axis=1
  ).astype(np.float32)


def bounded(showers: Shower, geometry: Geometry) -> Shower:
  """The showers, or the first of them, as many as may be in memory."""
  return take(showers, slice(VALUES // (1 + geometry.cells)))


@dataclass(frozen=True)
class Scale:
  """What the real showers tell of all sets, so that they are shown alike.

  Attributes:
    planes: where trajectories cross the layers, see `crossing_planes`.
    faint: MeV, the energy of a faint cell.
  """

  planes: np.ndarray
  faint: float


def scale_of(reference: Shower, geometry: Geometry) -> Scale:
  """The scale of real showers."""
  showers = bounded(reference, geometry)
  lit = showers.energies[showers.energies > 0]
  faint = float(np.quantile(lit, FAINT)) if len(lit) else 1.0
  return Scale(crossing_planes(showers, geometry), faint)


class View:
  """Showers as judges see them; what several judges look at is made once."""

  def __init__(self, showers: Shower, geometry: Geometry, scale: Scale):
    self.showers, self.geometry, self.scale = showers, geometry, scale

  @property
  def low(self) -> np.ndarray:
    """See `low_inputs`."""
    return low_inputs(self.showers, self.geometry)

  @property
  def high(self) -> np.ndarray:
    """See `high_inputs`."""
    return high_inputs(self.showers, self.geometry)

  @functools.cached_property
  def placed(self) -> Placed:
    """The showers in the frame of their trajectories."""
    return about_the_trajectory(
      bounded(self.showers, self.geometry), self.geometry, self.scale.planes
    )

  @functools.cached_property
  def particle(self) -> np.ndarray:
    """Logarithm of E_p, slopes, and the crossing in that frame; the impact where nothing moves."""
    condition = bounded(self.showers, self.geometry).condition
    polar = any(isinstance(layer, PolarLayer) for layer in self.geometry.layers)
    where = condition.position if polar else self.placed.offset.reshape(len(condition.energy), -1)
    return np.concatenate(
      [np.log(condition.energy)[:, None], where, self.placed.slope], axis=1, dtype=np.float64
    )

  @property
  def described(self) -> np.ndarray:
    """All observables that are compared one by one (of several layers the energies, shares, widths
    and occupancies of each too) and the particle, `[n, m]`.
    """
    showers = bounded(self.showers, self.geometry)
    observables = observe(compared(self.geometry), showers, self.geometry)
    place = [showers.condition.position, slopes(showers.condition)]
    return np.concatenate([self.particle, *place, observables], axis=1)

  def logarithms(self, cells: np.ndarray) -> np.ndarray:
    """The particle and logarithms of these cells of `placed`, `[n, m]` float32."""
    # Linear below the faintest cells: a dark one is 0, and a negative one of a bad generator stays
    # a number.
    logs = np.arcsinh(self.placed.cells[:, cells] / np.float32(self.scale.faint))
    return np.concatenate([self.particle, logs], axis=1, dtype=np.float32)

  @property
  def rings(self) -> np.ndarray:
    """The particle, and of each ring of each layer the logarithm of its energy and the number of
    its lit cells, `[n, m]` float32.
    """
    columns, start = [], 0
    for layer in self.geometry.layers:
      cells = self.placed.cells[:, start : start + layer.cells]
      for ring in rings(layer).values():
        columns += [
          np.arcsinh(cells[:, ring].sum(1) / self.scale.faint),
          (cells[:, ring] > 0).sum(1),
        ]
      start += layer.cells
    return np.concatenate([self.particle, np.stack(columns, axis=1)], axis=1, dtype=np.float32)


def sides(layer: Layer | PolarLayer) -> np.ndarray:
  """`[cells]`, in cells: the side of the square about the middle of the layer that just holds each
  cell; of cells around the axis the diameter of the circle.
  """
  if isinstance(layer, Layer):
    x, y = np.abs((layer.positions()[:, :2] - layer.centre) / layer.pitch).T
    return np.rint(2 * np.maximum(x, y) + 1).astype(int)
  return np.tile(2 * np.arange(1, layer.shape[1] + 1), layer.shape[0])


def rings(layer: Layer | PolarLayer) -> dict[str, np.ndarray]:
  """The numbers of the cells of each ring of `SIDES` about the middle of a layer, those that have
  any: square rings of a grid, round ones of cells around the axis.
  """
  side = sides(layer)
  found = {
    name: np.flatnonzero((side > low) & (side <= high)) for name, (low, high) in SIDES.items()
  }
  return {name: cells for name, cells in found.items() if len(cells)}


def cell_groups(geometry: Geometry) -> dict[str, np.ndarray]:
  """Groups of cells, each of which is shown to a judge of its own: the rings of a single layer; of
  several layers the cores of consecutive ones, in at most four groups.
  """
  if len(geometry.layers) == 1:
    return rings(geometry.layers[0])
  starts = np.cumsum([0] + [layer.cells for layer in geometry.layers])
  # A narrow layer may have no core cell away from its edge, but it has its middle.
  cores = [start + rings(layer)['core'] for start, layer in zip(starts, geometry.layers)]
  groups = {}
  for part in np.array_split(np.arange(len(cores)), min(DEPTHS, len(cores))):
    numbers = f'layers_{part[0]}_{part[-1]}' if len(part) > 1 else f'layer_{part[0]}'
    groups[numbers] = np.concatenate([cores[i] for i in part])
  return groups
