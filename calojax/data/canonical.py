"""The canonical layout, calojax's own: what every other layout is turned into on reading.

`energies` (n, v) MeV, `energy` (n,) MeV, `position` (n, 2) mm and `direction` (n, 3), float32, with
the attributes `format`, `version`, `units`, `axes`, `geometry` and `provenance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.geometry import Geometry
from calojax.showers import Shower

VERSION = 1
UNITS = {'energies': 'MeV', 'energy': 'MeV', 'position': 'mm', 'direction': '1'}
AXES = 'shower, cell (layer by layer, x slower, y faster)'


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The geometry in the attribute `geometry`.

  Raises:
    ValueError: another version of the layout, or no geometry.
  """
  if str(attributes.get('version')) != str(VERSION):
    raise ValueError(f"attribute 'version' is {attributes.get('version')}, expected {VERSION}")
  return Geometry.from_json(str(attributes.get('geometry')))


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` as they are kept.

  Raises:
    ValueError: a wrong shape, naming the array, or a particle that is none.
  """
  energies = arrays['energies']
  return Shower(energies, particles.kept(arrays, len(energies)))


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`."""
  return {'energies': showers.energies, **showers.condition._asdict()}
