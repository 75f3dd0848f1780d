"""The public CaloGAN layout: three images a shower in MeV, incident energies in GeV.

The images' first axis is y and the second x (the published text calls them phi and eta; it gives
layer 0 cells of 5 mm along the axis of 96 and 160 mm along that of 3), which the barycentres of
inclined showers confirm. Files of the variable-angle set, which tell vertex and momentum (`x0 y0 z0
t0 px py pz`), are [x, y]: the program that made them numbers the cells of layer 0 by 3 bins of x
and 96 of y. Their calorimeter is the same one, turned by 90 degrees.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.detectors import CALOGAN
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower
from calojax.units import GEV, MEV

# The calorimeter in the coordinates of the variable-angle set.
TURNED = dataclasses.replace(
  CALOGAN,
  name='calogan_turned',
  layers=tuple(
    dataclasses.replace(layer, shape=layer.shape[::-1], pitch=layer.pitch[::-1])
    for layer in CALOGAN.regular_layers()
  ),
)
LAYERS = ('layer_0', 'layer_1', 'layer_2')
UNITS = {**{key: 'MeV' for key in LAYERS}, 'energy': 'GeV'}
MOMENTUM = {'px': 'GeV', 'py': 'GeV', 'pz': 'GeV'}
ANGLES = {'theta': 'rad', 'phi': 'rad'}  # from z and from x; names and units are our choice
OPTIONAL = {**particles.UNITS, 'x0': 'mm', 'y0': 'mm', **ANGLES}
READ = {'z0': 'mm', **MOMENTUM}
AXES = 'shower, y, x'
FRONT = -240.0  # mm, z of the front face where the program has its origin, mid-way


def order(keys: Collection[str]) -> str:
  """What runs along the image axes of a file of these keys."""
  return 'xy' if 'px' in keys else 'yx'


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The three-layer detector, unless the attribute `geometry` says otherwise."""
  return particles.geometry(attributes, CALOGAN if order(arrays) == 'yx' else TURNED)


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `layer_0` (b, 3, 96), `layer_1` (b, 12, 12), `layer_2` (b, 12, 6) and
  `energy` (b, 1).

  The particle comes from `ParticlePoint` and `ParticleMomentum`, or from `x0`, `y0` and `theta`,
  `phi` or `px`, `py`, `pz`; what is not there is the centre and the perpendicular. A vertex at `z0`
  before the front face is carried on to it; the time `t0` says nothing of the shower. `overflow`,
  the energy outside the cells, is not read: no model here makes it.

  Raises:
    ValueError: a wrong shape or half of a pair, naming the array, or a geometry that is not of
      three layers.
  """
  _check(geometry)
  count, slower = len(arrays['layer_0']), order(arrays)
  columns = []
  for key, layer in zip(LAYERS, geometry.layers):
    shape = layer.shape if slower == 'xy' else layer.shape[::-1]
    image = particles.rows(arrays, key, (count, *shape))
    along_x = image if slower == 'xy' else image.swapaxes(1, 2)
    columns.append(along_x.reshape(count, layer.cells))
  energies = np.concatenate(columns, axis=1)
  energy = particles.rows(arrays, 'energy', (count, 1), (count,)).reshape(count)
  return Shower(energies * MEV, Condition.of(energy * GEV, *incidence(arrays, count)))


def incidence(arrays: Mapping[str, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
  """Position and direction by whichever names the file uses."""
  position, direction = particles.incidence(arrays, count)
  angles = particles.columns(arrays, count, *ANGLES)
  momentum = particles.columns(arrays, count, *MOMENTUM)
  if 'ParticleMomentum' not in arrays:
    if momentum:
      direction = np.stack(momentum, axis=1)
      length = np.linalg.norm(direction, axis=1, keepdims=True)
      direction = direction / np.where(length > 0, length, 1)  # 0 is refused by name
    elif angles:
      direction = particles.pointing(*map(particles.check_angle, angles, ANGLES))
  point = particles.columns(arrays, count, 'x0', 'y0')
  if point and 'ParticlePoint' not in arrays:
    position = np.stack(point, axis=1) + _to_front(arrays, direction)
  return position, direction


def _to_front(arrays: Mapping[str, np.ndarray], direction: np.ndarray) -> np.ndarray:
  """How far a particle goes sideways from its vertex to the front face `[b, 2]`, mm.

  Raises:
    ValueError: a vertex inside the calorimeter.
  """
  count = len(direction)
  if 'z0' not in arrays or not np.any(arrays['z0']):  # z0 = 0: counted from the front face
    return np.zeros((count, 2))
  (z,) = particles.columns(arrays, count, 'z0')
  if np.any(z > FRONT + 1e-3):
    raise ValueError(f'z0 up to {z.max():g} mm, expected at most {FRONT:g}, the front face')
  forward = np.where(direction[:, 2:] > 0, direction[:, 2:], 1)  # others are refused by name
  return (FRONT - z)[:, None] * direction[:, :2] / forward


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`; `overflow` is zero."""
  _check(geometry)
  count = len(showers.energies)
  images = [image.swapaxes(1, 2) / MEV for image in geometry.split(showers.energies)]
  energy = (showers.condition.energy / GEV)[:, None].astype(np.float32)
  return {
    **dict(zip(LAYERS, images)),
    'energy': energy,
    'overflow': np.zeros((count, 3), np.float32),
    **particles.encode(showers.condition),
  }


def _check(geometry: Geometry) -> None:
  if len(geometry.layers) != len(LAYERS):
    raise ValueError(
      f'geometry {geometry.name!r} has {len(geometry.layers)} layers, expected {len(LAYERS)}'
    )
