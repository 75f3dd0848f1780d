"""Mirror images of showers: new ones that Geant4 would have made as likely, where the calorimeter
has the symmetry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calojax.geometry import Geometry, Layer
from calojax.showers import Shower, concatenate


def mirrored(showers: Shower, geometry: Geometry, axis: int) -> Shower:
  """The showers with x (axis 0) or y (axis 1) reversed."""
  sign = np.where(np.arange(3) == axis, -1, 1).astype(np.float32)
  _, position, direction = showers.condition
  return Shower(
    _each_layer(showers.energies, geometry, lambda image: np.flip(image, axis - 2)),
    showers.condition._replace(position=position * sign[:2], direction=direction * sign),
  )


def transposed(showers: Shower, geometry: Geometry) -> Shower:
  """The showers with x and y exchanged."""
  _, position, direction = showers.condition
  return Shower(
    _each_layer(showers.energies, geometry, lambda image: np.swapaxes(image, -1, -2)),
    showers.condition._replace(position=position[:, ::-1], direction=direction[:, [1, 0, 2]]),
  )


def all_images(showers: Shower, geometry: Geometry) -> Shower:
  """The showers and their images under every symmetry of the cells: four-fold, eight-fold if all
  cells and layers are square.

  Raises:
    ValueError: the layers are not rectangular grids centred on the axis.
  """
  centred = [
    layer for layer in geometry.layers if isinstance(layer, Layer) and tuple(layer.centre) == (0, 0)
  ]
  if len(centred) < len(geometry.layers):
    raise ValueError(
      f'data.symmetries is set, but {geometry.name!r} has layers that are not rectangular grids '
      'centred on x = y = 0'
    )
  for axis in (0, 1):
    showers = concatenate([showers, mirrored(showers, geometry, axis)])
  if all(
    layer.shape[0] == layer.shape[1] and layer.pitch[0] == layer.pitch[1] for layer in centred
  ):
    showers = concatenate([showers, transposed(showers, geometry)])
  return showers


def _each_layer(energies: np.ndarray, geometry: Geometry, turn: Any) -> np.ndarray:
  """Flat showers `[n, v]` with every layer's image `[n, nx, ny]` turned."""
  return np.concatenate(
    [turn(image).reshape(len(energies), -1) for image in geometry.split(energies)], axis=1
  )
