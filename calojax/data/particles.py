"""The incident particle and the detector as several public layouts write them, each key of them
optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.geometry import Geometry
from calojax.showers import Condition
from calojax.units import CM, GEV

UNITS = {'ParticleMomentum': 'GeV', 'ParticlePoint': 'cm'}


def geometry(attributes: Mapping[str, Any], default: Geometry) -> Geometry:
  """The geometry in the attribute `geometry`, otherwise the default."""
  return own_geometry(attributes) or default


def own_geometry(attributes: Mapping[str, Any]) -> Geometry | None:
  """The geometry in the attribute `geometry`, if that is JSON; files of others have prose there."""
  text = str(attributes.get('geometry', ''))
  return Geometry.from_json(text) if text.startswith('{') else None


def rows(arrays: Mapping[str, np.ndarray], key: str, *shapes: tuple[int, ...]) -> np.ndarray:
  """The array of that key; ValueError unless it has one of these shapes."""
  if arrays[key].shape not in shapes:
    raise ValueError(
      f'{key} of shape {arrays[key].shape}, expected {" or ".join(map(str, shapes))}'
    )
  return arrays[key]


def kept(arrays: Mapping[str, np.ndarray], count: int) -> Condition:
  """The particles `[b]` of arrays with the names and shapes of `Condition` itself.

  Raises:
    ValueError: a wrong shape, which `Condition.of` might take for one particle for all, or a
      particle that is none.
  """
  shapes = dict(zip(Condition._fields, ((count,), (count, 2), (count, 3))))
  return Condition.of(*(rows(arrays, key, shape) for key, shape in shapes.items()))


def written(arrays: Mapping[str, np.ndarray], energy: np.ndarray) -> Condition:
  """The particles `[b]` of these energies in MeV with the incidence that the file tells.

  Raises:
    ValueError: a wrong shape, naming the array, or a particle that is none.
  """
  return Condition.of(energy, *incidence(arrays, len(energy)))


def momenta(arrays: Mapping[str, np.ndarray], count: int) -> np.ndarray:
  """`ParticleMomentum` `[b, 3]` in GeV; float64, so that a length is not rounded twice."""
  return rows(arrays, 'ParticleMomentum', (count, 3)).astype(np.float64)


def incidence(arrays: Mapping[str, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
  """Position `[b, 2]` in mm and direction `[b, 3]` of `ParticlePoint` and `ParticleMomentum`.

  Without a point the particle meets the centre of the front face, without a momentum it is
  perpendicular.

  Raises:
    ValueError: a wrong shape, naming the array.
  """
  position, direction = np.zeros((count, 2)), np.tile([0.0, 0.0, 1.0], (count, 1))
  if 'ParticlePoint' in arrays:
    position = rows(arrays, 'ParticlePoint', (count, 3))[:, :2] * CM
  if 'ParticleMomentum' in arrays:
    momentum = momenta(arrays, count)
    length = np.linalg.norm(momentum, axis=1, keepdims=True)
    # A momentum of 0 becomes a direction of 0, which the check of the particles refuses by name.
    direction = momentum / np.where(length > 0, length, 1)
  return position, direction


def columns(arrays: Mapping[str, np.ndarray], count: int, *keys: str) -> list[np.ndarray]:
  """The arrays `[b]` of these keys, float64, of which a file has all or none: then an empty list.

  Raises:
    ValueError: some are missing, or a wrong shape, naming the array.
  """
  there = [key for key in keys if key in arrays]
  if there and len(there) < len(keys):
    missing = next(key for key in keys if key not in arrays)
    together = 'both' if len(keys) == 2 else 'all'
    raise ValueError(f'{there[0]!r} without {missing!r}, expected {together} or none')
  return [rows(arrays, key, (count,), (count, 1)).reshape(count).astype(float) for key in there]


def check_angle(angle: np.ndarray, key: str) -> np.ndarray:
  """The angles themselves, rad; ValueError if they are beyond a full turn, as degrees are."""
  largest = float(np.abs(angle).max(initial=0))
  if largest > 2 * np.pi + 1e-3:
    raise ValueError(
      f'{key} up to {largest:.4g} rad, expected at most 6.28: it looks like degrees, pass '
      f'--config.data.units={key}:deg'
    )
  return angle


def pointing(theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
  """Unit vectors `[b, 3]` of a polar angle from z and an azimuth from x, rad."""
  return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)


def encode(condition: Condition) -> dict[str, np.ndarray]:
  """`ParticleMomentum` in GeV, the mass neglected, and `ParticlePoint` in cm."""
  energy, position, direction = condition
  point = np.concatenate([position / CM, np.zeros((len(energy), 1))], axis=1)
  values = {'ParticleMomentum': (energy / GEV)[:, None] * direction, 'ParticlePoint': point}
  return {key: value.astype(np.float32) for key, value in values.items()}
