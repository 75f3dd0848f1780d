"""The test beam's files: towers and beam energy in GeV, impact point in mm, slopes of the beam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data.layouts import Layout
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower
from calojax.units import GEV, MM
from calojax_testbeam.detector import TESTBEAM

Arrays = Mapping[str, np.ndarray]


def geometry(attributes: Mapping[str, Any], arrays: Arrays) -> Geometry:
  """Always the matrix."""
  return TESTBEAM


def decode(arrays: Arrays, attributes: Mapping[str, Any], geometry: Geometry) -> Shower:
  """Towers `[n, 12, 12]`, energy `[n]`, point and slope `[n, 2]` -> showers in MeV and mm."""
  towers = arrays['towers']
  if towers.shape[1:] != geometry.grid:
    raise ValueError(f'towers of shape {towers.shape}, expected {(len(towers), *geometry.grid)}')
  along = np.column_stack([arrays['beam_slope'], np.ones(len(towers))])
  direction = along / np.linalg.norm(along, axis=1, keepdims=True)
  condition = Condition.of(arrays['beam_energy'] * GEV, arrays['beam_point'] * MM, direction)
  return Shower(towers.reshape(len(towers), -1) * GEV, condition)


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`."""
  energies, (energy, position, direction) = showers
  return {
    'towers': energies.reshape(-1, *geometry.grid) / GEV,
    'beam_energy': energy / GEV,
    'beam_point': position / MM,
    'beam_slope': direction[:, :2] / direction[:, 2:],
  }


LAYOUT = Layout(
  units={'towers': 'GeV', 'beam_energy': 'GeV', 'beam_point': 'mm', 'beam_slope': '1'},
  axes='shower, x, y',
  geometry=geometry,
  decode=decode,
  encode=encode,
  energy='beam_energy',
  point='beam_point',
)
