"""The CaloChallenge layout: flat voxels and incident energies, both in MeV (Krause et al. 2024,
arXiv:2410.21611).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.detectors import CALOCHALLENGE
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower
from calojax.units import MEV

UNITS = {'incident_energies': 'MeV', 'showers': 'MeV'}
AXES = 'shower, voxel (layer by layer, angle slower, radius faster)'
BY_VOXELS = {geometry.cells: geometry for geometry in CALOCHALLENGE}


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The geometry in the attribute `geometry`, or the published one with as many voxels.

  Raises:
    ValueError: neither; it lists the known numbers of voxels.
  """
  showers = arrays['showers']
  if showers.ndim != 2:
    raise ValueError(f'showers of shape {showers.shape}, expected (showers, voxels)')
  found = particles.own_geometry(attributes) or BY_VOXELS.get(showers.shape[1])
  if found is None:
    known = ', '.join(f'{cells} ({geometry.name})' for cells, geometry in BY_VOXELS.items())
    raise ValueError(
      f'showers of {showers.shape[1]} voxels, expected one of {known}, '
      'or a geometry from a binning.xml'
    )
  return found


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `showers` (b, v) and `incident_energies` (b, 1), perpendicular at the
  centre.

  Raises:
    ValueError: a wrong shape, naming the array.
  """
  count = len(arrays['showers'])
  energies = particles.rows(arrays, 'showers', (count, geometry.cells)) * MEV
  energy = particles.rows(arrays, 'incident_energies', (count, 1), (count,)).reshape(count) * MEV
  return Shower(energies, Condition.of(energy))


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`.

  Raises:
    ValueError: what the layout cannot hold: layers that are not polar, or particles that are
      inclined or off the centre.
  """
  geometry.polar_layers()  # refuses others
  energy, position, direction = showers.condition
  off = np.maximum(np.abs(position).max(1), np.abs(direction[:, :2]).max(1))
  if off.max() > 1e-3:
    first = int(np.argmax(off > 1e-3))
    raise ValueError(
      f'position {position[first]} and direction {direction[first]} of shower {first} '
      'cannot be written, expected perpendicular incidence at the centre'
    )
  return {'incident_energies': energy[:, None] / MEV, 'showers': showers.energies / MEV}
