"""The LEMURS layout and that of Par04: cylinders of voxels around each particle (McKeown,
Raikwar and Zaborowska 2025, arXiv:2509.05108).

The cylinder is turned with the particle: its axis is the particle's direction, its angle counts
from -pi as Par04's sensitive detector counts it. So the barycentre does not move with the
direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.geometry import Geometry, PolarLayer
from calojax.showers import Condition, Shower
from calojax.units import MEV

UNITS = {
  'showers': 'MeV',
  'incident_energy': 'MeV',
  'incident_theta': 'rad',
  'incident_phi': 'rad',
}
UNITS_OF_PARTICLES = ('incident_energy', 'incident_theta', 'incident_phi')
AXES = 'shower, radius, angle, depth'
RADIUS, DEPTH = 2.325, 3.4  # mm, of a cell of the silicon-tungsten set
PUBLISHED = ((9, 16, 45), (18, 50, 45))  # radii, angles and layers of LEMURS and of Par04
SAMPLING = 0.033  # of Par04's silicon-tungsten; other detectors of the set are within a factor 30


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The cylinder in the attribute `geometry`, or one of as many cells of the silicon-tungsten set's
  size.

  Raises:
    ValueError: the showers are no cylinders.
  """
  shape = arrays['showers'].shape
  own = particles.own_geometry(attributes)
  if own:
    return own
  if len(shape) != 4 or min(shape[1:]) < 1:
    raise ValueError(f'showers of shape {shape}, expected (showers, radii, angles, layers)')
  for usual in PUBLISHED:
    if sorted(shape[1:]) == sorted(usual) and shape[1:] != usual:
      raise ValueError(
        f'showers of shape {shape}, expected (showers, radii, angles, layers), here '
        f'{(shape[0], *usual)}: save them with their axes in that order, or with a geometry'
      )
  radii, angles, layers = shape[1:]
  edges = tuple(round(i * RADIUS, 3) for i in range(radii + 1))
  return Geometry(
    'par04_siw',
    tuple(PolarLayer(edges, angles, round((i + 0.5) * DEPTH, 3)) for i in range(layers)),
    SAMPLING,
  )


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `showers` (b, r, angle, depth) and the incident energy, polar and azimuthal
  angle (b,).

  Raises:
    ValueError: a wrong shape or angle, naming the array.
  """
  count, (angles, radii) = len(arrays['showers']), geometry.grids[0]
  shape = (count, radii, angles, len(geometry.layers))
  voxels = particles.rows(arrays, 'showers', shape)
  energies = voxels.transpose(0, 3, 2, 1).reshape(count, geometry.cells) * MEV
  energy, theta, phi = (
    particles.rows(arrays, key, (count,), (count, 1)).reshape(count).astype(np.float64)
    for key in UNITS_OF_PARTICLES
  )
  for key, angle in (('incident_theta', theta), ('incident_phi', phi)):
    particles.check_angle(angle, key)
  if np.any((theta < 0) | (theta > np.pi + 1e-3)):
    raise ValueError(
      f'incident_theta from {theta.min():.3g} to {theta.max():.3g} rad, expected 0 to 3.14: '
      'is it a pseudorapidity?'
    )
  return Shower(energies, Condition.of(energy * MEV, direction=facing(theta, phi)))


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`; polar angles of a barrel, azimuth 0, as the layout says of them no more
  than the inclination.
  """
  layers = geometry.polar_layers()
  angles, radii = geometry.grids[0]
  if set(geometry.grids) != {(angles, radii)}:
    raise ValueError(f'geometry {geometry.name!r} has layers of several shapes, expected one')
  energies, (energy, position, direction) = showers
  if np.abs(position).max(initial=0) > 1e-3:
    raise ValueError('particles off the centre cannot be written, expected all at x = y = 0')
  voxels = energies.reshape(len(energies), len(layers), angles, radii).transpose(0, 3, 2, 1)
  theta, phi = seen_from_beam(direction)
  if np.abs(facing(theta, phi) - direction).max(initial=0) > 1e-3:
    raise ValueError(
      'directions of more than 45 degrees off the normal and the x axis cannot be written, '
      'expected those of a barrel'
    )
  return {
    'showers': voxels / MEV,
    'incident_energy': energy / MEV,
    'incident_theta': theta.astype(np.float32),
    'incident_phi': phi.astype(np.float32),
  }


def facing(theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
  """Unit vectors `[b, 3]` with z along the normal of the face that a particle meets, of its angles
  to the beam.

  The set's five calorimeters are barrels: their normal is radial, x runs along the beam, and the
  azimuth says nothing, being a symmetry of the cylinder. Particles within 45 degrees of the beam
  could meet no barrel: of them z is along the beam.
  """
  barrel = np.stack([np.cos(theta), np.zeros_like(theta), np.sin(theta)], axis=1)
  along = np.stack(
    [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.abs(np.cos(theta))], axis=1
  )
  return np.where((np.sin(theta) >= np.abs(np.cos(theta)))[:, None], barrel, along)


def seen_from_beam(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Polar and azimuthal angle `[b]` that `facing` turns into these directions; the azimuth of a
  barrel's particle is 0.
  """
  x, y, z = np.asarray(direction, np.float64).T
  barrel = (np.abs(y) < 1e-6) & (z >= np.abs(x))
  theta = np.where(barrel, np.arccos(np.clip(x, -1, 1)), np.arccos(np.clip(z, -1, 1)))
  return theta, np.where(barrel, 0.0, np.arctan2(y, x))
