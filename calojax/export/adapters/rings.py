"""Square cells divided among rings and angles around the axis, by the area that they share."""

from __future__ import annotations

import math

import numpy as np

from calojax.geometry import Layer

# As many as give about as many cells as there were: rings times angles, in place of rows times
# columns.
ANGLES = 32
# Along x and y of a cell; of different numbers, none lies on a diagonal, where two sectors meet.
POINTS = (100, 98)


def rings(layer: Layer) -> tuple[int, float]:
  """Number and width (mm) of rings that hold all of a layer's cells; they are as wide as the
  smaller side of a cell.
  """
  width = min(layer.pitch)
  return math.ceil(
    math.hypot(*(n * p / 2 for n, p in zip(layer.shape, layer.pitch))) / width
  ), width


def overlap(layer: Layer) -> np.ndarray:
  """`[cells, rings * ANGLES]`, float32: which part of a cell's area lies in each sector, the angle
  (from -pi) being the faster index.

  Every row adds up to 1, so that no energy is lost: areas are counted on `POINTS` of a cell.
  """
  count, width = rings(layer)
  x, y = (
    (np.arange(n)[:, None] - n / 2 + (np.arange(points) + 0.5) / points) * p
    for n, points, p in zip(layer.shape, POINTS, layer.pitch)
  )
  sectors = np.empty((layer.cells, count * ANGLES), np.float32)
  for i, j in np.ndindex(layer.shape):
    a, b = np.meshgrid(x[i], y[j], indexing='ij')
    ring = (np.hypot(a, b) / width).astype(int)
    angle = np.floor((np.arctan2(b, a) / (2 * np.pi) + 0.5) * ANGLES).astype(int) % ANGLES
    sectors[i * layer.shape[1] + j] = np.bincount(
      (ring * ANGLES + angle).ravel(), minlength=count * ANGLES
    )
  return sectors / math.prod(POINTS)
