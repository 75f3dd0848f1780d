"""The public CaloGAN layout: three images a shower in MeV, incident energies in GeV.

The images' first axis is y and the second x (the published text calls them phi and eta; it gives
layer 0 cells of 5 mm along the axis of 96 and 160 mm along that of 3), which the barycentres of
inclined showers confirm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.detectors import CALOGAN
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower
from calojax.units import GEV, MEV

LAYERS = ('layer_0', 'layer_1', 'layer_2')
UNITS = {**{key: 'MeV' for key in LAYERS}, 'energy': 'GeV'}
# The published conversion writes no position and no angle; the names and units of these four are
# our choice.
ANGLES = {'x0': 'mm', 'y0': 'mm', 'theta': 'rad', 'phi': 'rad'}
OPTIONAL = {**particles.UNITS, **ANGLES}
AXES = 'shower, y, x'


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The three-layer detector, unless the attribute `geometry` says otherwise."""
  return particles.geometry(attributes, CALOGAN)


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `layer_0` (b, 3, 96), `layer_1` (b, 12, 12), `layer_2` (b, 12, 6) and
  `energy` (b, 1).

  The particle comes from `ParticlePoint` and `ParticleMomentum`, or from `x0`, `y0`, `theta` and
  `phi`; what is not there is the centre and the perpendicular. `overflow`, the energy outside the
  cells, is not read: no model here makes it.

  Raises:
    ValueError: a wrong shape or half of a pair, naming the array, or a geometry that is not of
      three layers.
  """
  _check(geometry)
  count = len(arrays['layer_0'])
  images = [
    particles.rows(arrays, key, (count, *grid[::-1])) for key, grid in zip(LAYERS, geometry.grids)
  ]
  columns = [
    image.swapaxes(1, 2).reshape(count, layer.cells)
    for image, layer in zip(images, geometry.layers)
  ]
  energies = np.concatenate(columns, axis=1)
  energy = particles.rows(arrays, 'energy', (count, 1), (count,)).reshape(count)
  return Shower(energies * MEV, Condition.of(energy * GEV, *_incidence(arrays, count)))


def _incidence(arrays: Mapping[str, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
  """Position and direction by whichever names the file uses."""
  position, direction = particles.incidence(arrays, count)
  pairs = {}
  for pair in (('x0', 'y0'), ('theta', 'phi')):
    there = [key for key in pair if key in arrays]
    if len(there) == 1:
      raise ValueError(
        f'{there[0]!r} without {(set(pair) - set(there)).pop()!r}, expected both or none'
      )
    pairs[pair] = [
      particles.rows(arrays, key, (count,), (count, 1)).reshape(count).astype(np.float64)
      for key in there
    ]
  if pairs['x0', 'y0'] and 'ParticlePoint' not in arrays:
    position = np.stack(pairs['x0', 'y0'], axis=1)
  if pairs['theta', 'phi'] and 'ParticleMomentum' not in arrays:
    theta, phi = pairs['theta', 'phi']
    direction = np.stack(
      [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1
    )
  return position, direction


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
