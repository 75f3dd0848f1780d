"""A calorimeter's read-out cells as data: the only place that knows where a cell is."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layer:
  """One read-out layer, a regular grid of cells.

  Attributes:
    shape: number of cells along x and y.
    pitch: cell size along x and y, mm.
    depth: distance of the layer's reference plane from the front face, mm: where a trajectory is
      taken to cross the cells.
    centre: x and y of the grid's centre, mm.
  """

  shape: tuple[int, int]
  pitch: tuple[float, float]
  depth: float
  centre: tuple[float, float] = (0.0, 0.0)

  @property
  def cells(self) -> int:
    """Number of cells."""
    return self.shape[0] * self.shape[1]

  def positions(self) -> np.ndarray:
    """Cell centres `[cells, 3]` in mm; x is the slower index, y the faster.

    >>> Layer((2, 1), (20.0, 20.0), depth=150.0).positions()
    array([[-10.,   0., 150.],
           [ 10.,   0., 150.]])
    """
    axes = [
      (np.arange(n) - (n - 1) / 2) * p + c for n, p, c in zip(self.shape, self.pitch, self.centre)
    ]
    # 'ij' because numpy's own order, 'xy', would make y the slower index and transpose every image.
    x, y = np.meshgrid(*axes, indexing='ij')
    return np.stack([x.ravel(), y.ravel(), np.full(self.cells, float(self.depth))], axis=1)


@dataclasses.dataclass(frozen=True)
class PolarLayer:
  """One layer of cells around the axis, the layout of CaloChallenge: the angle is the slower index,
  the radius the faster.

  Attributes:
    edges: radial bin edges, mm.
    angles: number of equal angular bins from -pi to pi.
    depth: as in `Layer`.
  """

  edges: tuple[float, ...]
  angles: int
  depth: float

  @property
  def shape(self) -> tuple[int, int]:
    """Number of cells along the angle and along the radius."""
    return self.angles, len(self.edges) - 1

  @property
  def pitch(self) -> tuple[float, float]:
    """Width of the innermost ring, mm, along x and y alike: the scale that the densest part of a
    shower is seen at.
    """
    # Condition features ask a layer for its pitch, of whatever kind it is.
    width = self.edges[1] - self.edges[0]
    return width, width

  @property
  def cells(self) -> int:
    """Number of cells."""
    return self.shape[0] * self.shape[1]

  def positions(self) -> np.ndarray:
    """Cell centres `[cells, 3]` in mm: mean radius, middle angle, x = r cos(angle), y = r
    sin(angle).

    The cells of a layer with a single angular bin are full rings: their centre is the axis.
    """
    # The middle of the ring, not the centroid of its area: as in the CaloChallenge's public code.
    radius = (np.asarray(self.edges[:-1]) + self.edges[1:]) / 2 * (self.angles > 1)
    angle = (np.arange(self.angles) + 0.5) * (2 * np.pi / self.angles) - np.pi
    x, y = np.outer(np.cos(angle), radius).ravel(), np.outer(np.sin(angle), radius).ravel()
    return np.stack([x, y, np.full(self.cells, float(self.depth))], axis=1)


@dataclasses.dataclass(frozen=True)
class Geometry:
  """An ordered set of layers; a shower's flat vector `[v]` is the layers one after the other.

  Attributes:
    name: the detector, e.g. `lhcb_ecal`.
    layers: the read-out layers, front to back.
    sampling_fraction: mean visible energy over incident energy (1 for a homogeneous calorimeter).
  """

  name: str
  layers: tuple[Layer | PolarLayer, ...]
  sampling_fraction: float = 1.0

  @property
  def cells(self) -> int:
    """Number of cells v."""
    return sum(layer.cells for layer in self.layers)

  # Every observable of every batch asks for it.
  @functools.cached_property
  def positions(self) -> np.ndarray:
    """Cell centres `[v, 3]` in mm."""
    return np.concatenate([layer.positions() for layer in self.layers])

  @property
  def grids(self) -> tuple[tuple[int, int], ...]:
    """Shape of each layer's cell matrix."""
    return tuple(layer.shape for layer in self.layers)

  @property
  def grid(self) -> tuple[int, int]:
    """Shape of the cell matrix of a single-layer calorimeter.

    Raises:
      ValueError: the geometry has several layers.
    """
    if len(self.layers) != 1:
      raise ValueError(f'geometry {self.name!r} has {len(self.layers)} layers, expected 1')
    return self.layers[0].shape

  def regular_layers(self) -> tuple[Layer, ...]:
    """The layers, all of them regular grids.

    Raises:
      ValueError: one is polar.
    """
    regular = tuple(layer for layer in self.layers if isinstance(layer, Layer))
    if len(regular) < len(self.layers):
      raise ValueError(f'geometry {self.name!r} has polar layers, expected regular grids')
    return regular

  def polar_layers(self) -> tuple[PolarLayer, ...]:
    """The layers, all of them polar.

    Raises:
      ValueError: one is a regular grid.
    """
    polar = tuple(layer for layer in self.layers if isinstance(layer, PolarLayer))
    if len(polar) < len(self.layers):
      raise ValueError(
        f'geometry {self.name!r} has layers of a regular grid, expected polar layers'
      )
    return polar

  def split(self, energies: Any) -> list[Any]:
    """The layers' images `[..., nx, ny]` of flat showers `[..., v]`."""
    if energies.shape[-1] != self.cells:
      raise ValueError(
        f'showers of {energies.shape[-1]} cells do not fit geometry {self.name!r} '
        f'of {self.cells} cells'
      )
    ends = np.cumsum([0] + [layer.cells for layer in self.layers])
    return [
      energies[..., a:b].reshape(energies.shape[:-1] + layer.shape)
      for a, b, layer in zip(ends, ends[1:], self.layers)
    ]

  def to_json(self) -> str:
    """The geometry as JSON text, the form kept in files."""
    return json.dumps(dataclasses.asdict(self))

  @classmethod
  def from_json(cls, text: str) -> Geometry:
    """Inverse of `to_json`.

    Raises:
      ValueError: the text does not describe a geometry.
    """
    try:
      fields = json.loads(text)
      fraction = float(fields['sampling_fraction'])
      if not (isinstance(fields['name'], str) and fields['layers'] and 0 < fraction < np.inf):
        raise ValueError('no name, no layer, or no positive sampling fraction')
      return cls(fields['name'], tuple(map(_layer, fields['layers'])), fraction)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
      raise ValueError(f'not a geometry: {error!r} in {text[:80]!r}') from None


def _layer(fields: dict[str, Any]) -> Layer | PolarLayer:
  """The layer of these JSON values; KeyError, TypeError or ValueError if there is none."""
  depth = float(fields['depth'])
  # The JSON has no name of the class: files of every version tell the kind of a layer by its
  # fields.
  if 'edges' in fields:
    layer = PolarLayer(tuple(map(float, fields['edges'])), int(fields['angles']), depth)
  else:
    (nx, ny), (px, py), (x, y) = (fields[key] for key in ('shape', 'pitch', 'centre'))
    layer = Layer((int(nx), int(ny)), (float(px), float(py)), depth, (float(x), float(y)))
  if min(layer.shape) < 1 or layer.cells > 10**8:
    raise ValueError(f'a layer of {layer.shape} cells')
  numbers = [*layer.edges, depth] if isinstance(layer, PolarLayer) else [*layer.centre, depth]
  if not (np.isfinite(numbers).all() and min(layer.pitch) > 0 and max(layer.pitch) < np.inf):
    raise ValueError(f'a layer of cells {layer.pitch} mm wide at depth {depth} mm')
  return layer
