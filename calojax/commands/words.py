"""Geometries and particles in words."""

from __future__ import annotations

import itertools

import numpy as np

from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.showers import Condition
from calojax.units import GEV

MOST = 3  # kinds of layers that are told apart


def geometry(calorimeter: Geometry) -> str:
  """The layers of a calorimeter on one line.

  >>> geometry(Geometry('a', (Layer((30, 30), (20.2, 20.2), depth=150.0),)))
  '1 layer of 30x30 cells of 20.2 x 20.2 mm; 900 cells'
  """
  layers = calorimeter.layers
  alike = [list(group) for _, group in itertools.groupby(layers, key=_cells)]
  parts = [f'{len(group)} layer{"s" * (len(group) > 1)} of {_cells(group[0])}' for group in alike]
  if len(parts) > MOST:
    kind = 'cells around the axis' if isinstance(layers[0], PolarLayer) else 'cells'
    parts = [f'{len(layers)} layers of {kind}, {", ".join(map(_shape, layers))}']
  return f'{", ".join(parts)}; {calorimeter.cells:,} cells'


def _shape(layer: Layer | PolarLayer) -> str:
  return 'x'.join(map(str, layer.shape))


def _cells(layer: Layer | PolarLayer) -> str:
  """The cells of a layer."""
  if isinstance(layer, PolarLayer):
    return f'{_shape(layer)} cells around the axis, radius up to {layer.edges[-1]:g} mm'
  return f'{_shape(layer)} cells of {" x ".join(f"{width:g}" for width in layer.pitch)} mm'


def particles(condition: Condition) -> list[tuple[str, str]]:
  """Names and ranges of energy, angle and position of particles."""
  energy = np.asarray(condition.energy, np.float64) / GEV
  direction = np.asarray(condition.direction, np.float64)
  theta = np.degrees(np.arctan2(np.hypot(*direction.T[:2]), direction[:, 2]))
  x, y = np.asarray(condition.position, np.float64).T
  middle = f', median {np.median(energy):.4g}' if len(energy) > 1 else ''
  return [
    ('energy', f'{_range(energy)} GeV{middle}'),
    ('theta', f'{_range(theta)} degrees to the axis'),
    ('x, y', f'{_range(x)} mm, {_range(y)} mm on the front face'),
  ]


def _range(values: np.ndarray) -> str:
  """Lowest and highest, or the one value that all have."""
  low, high = f'{values.min():.4g}', f'{values.max():.4g}'
  return low if low == high else f'{low} to {high}'


def table(rows: list[tuple[str, str]]) -> str:
  """Names and texts in two columns."""
  width = max(len(name) for name, _ in rows) + 2
  return '\n'.join(f'{name:<{width}}{text}' for name, text in rows)
