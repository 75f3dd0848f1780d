"""The public 3DGAN layouts: one block of 25 x 25 x 25 cells a shower, perpendicular; or of 51 x 51
x 25 at polar angles of 60 to 120 degrees to the beam.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import lemurs, particles
from calojax.detectors import CLIC
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower
from calojax.units import GEV, MEV

UNITS = {'ECAL': 'GeV'}
OPTIONAL = {'target': 'GeV', **particles.UNITS}
READ = {'energy': 'GeV', 'theta': 'rad'}
AXES = 'shower, x, y, depth'
THRESHOLD = 1e-6 * GEV  # smaller deposits are set to zero, as in the published trainings
RESPONSES = (1e-4, 2.0)  # mean of deposited over incident energy: outside, the units are wrong
ELECTRON = 11  # PDG code
WIDE = (51, 51)  # cells of a layer of the set with angles
CLIC_WIDE = dataclasses.replace(
  CLIC,
  name='clic_wide',
  layers=tuple(
    Layer(WIDE, layer.pitch, layer.depth, layer.centre) for layer in CLIC.regular_layers()
  ),
)


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The 25-layer detector, with 51 x 51 cells a layer if the file has that window, unless the
  attribute `geometry` says otherwise.
  """
  wide = arrays['ECAL'].shape[1:4] == (*WIDE, len(CLIC.layers))
  return particles.geometry(attributes, CLIC_WIDE if wide else CLIC)


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `ECAL` (b, x, y, depth) and `target` (b, 2 or more) or (b, 1, 2 or more),
  whose second column is E_p in GeV; or of `energy` (b,) in GeV and `theta`, the polar angle to the
  beam.

  `ECAL` is in GeV, as published, unless the attribute `units` says MeV. Without `target` and
  `energy`, E_p is the norm of `ParticleMomentum`. Without a direction the particles are
  perpendicular, without `ParticlePoint` at the centre; `theta` leans in y, as the published
  pictures have it.

  Raises:
    ValueError: a wrong shape, no incident energy, unknown units, or units that the response shows
      to be wrong.
  """
  block = _block(geometry)
  ecal, count = arrays['ECAL'], len(arrays['ECAL'])
  if ecal.shape not in [(count, *block), (count, *block, 1)]:
    raise ValueError(f'ECAL of shape {ecal.shape}, expected {(count, *block)}')
  unit = _unit(attributes)
  layers = ecal.reshape(count, *block).transpose(0, 3, 1, 2)
  energies = layers.reshape(count, geometry.cells) * {'MeV': MEV, 'GeV': GEV}[unit]
  energy = _incident(arrays, count) * GEV
  if attributes.get('as_written'):  # the user's word
    return _cut(energies, _condition(arrays, energy))
  response = energies.sum(dtype=np.float64) / (energy.sum(dtype=np.float64) or 1)
  if 0 < response < RESPONSES[0] or RESPONSES[1] < response < np.inf:
    raise ValueError(
      f'ECAL taken as {unit} has a mean response sum(E) / E_p of {response:.3g}, expected '
      f"{RESPONSES[0]:g} to {RESPONSES[1]:g}; the attribute 'units' tells MeV from GeV, or pass "
      f'--config.data.units=ECAL:{"MeV" if unit == "GeV" else "GeV"}'
    )
  return _cut(energies, _condition(arrays, energy))


def _cut(energies: np.ndarray, condition: Condition) -> Shower:
  """The showers without what is below the threshold."""
  energies[(energies > 0) & (energies < THRESHOLD)] = 0
  return Shower(energies, condition)


def _condition(arrays: Mapping[str, np.ndarray], energy: np.ndarray) -> Condition:
  """The particles of these energies, MeV."""
  if 'theta' not in arrays or 'ParticleMomentum' in arrays:
    return particles.written(arrays, energy)
  (theta,) = particles.columns(arrays, len(energy), 'theta')
  position, _ = particles.incidence(arrays, len(energy))
  x, y, z = lemurs.facing(particles.check_angle(theta, 'theta'), np.zeros_like(theta)).T
  return Condition.of(energy, position, np.stack([y, x, z], axis=1))


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`, in GeV; the first column of `target` is an electron's PDG code."""
  energies, condition = showers
  x, y, depth = _block(geometry)
  ecal = energies.reshape(-1, depth, x, y).transpose(0, 2, 3, 1) / GEV
  target = np.stack([np.full(len(energies), ELECTRON), condition.energy / GEV], axis=1).astype(
    np.float32
  )
  return {'ECAL': ecal.astype(np.float32), 'target': target, **particles.encode(condition)}


def _block(geometry: Geometry) -> tuple[int, int, int]:
  """Numbers of cells along x, y and depth; ValueError unless all layers have the same."""
  if len(set(geometry.grids)) != 1:
    raise ValueError(
      f'geometry {geometry.name!r} has layers of shapes {sorted(set(geometry.grids))}, '
      'expected one shape'
    )
  return *geometry.grids[0], len(geometry.layers)


def _unit(attributes: Mapping[str, Any]) -> str:
  """MeV or GeV, by the attribute `units`: JSON by key, or prose such as 'EnergyDeposit MeV,
  ParticleMomentum GeV'.
  """
  text = str(attributes.get('units', 'GeV'))
  found = re.search(r'(?:^|\bECAL\W+|\bEnergyDeposit\W+)([MG]eV)\b', text)
  if not found:
    raise ValueError(f"attribute 'units' is {text!r}, expected MeV or GeV for ECAL")
  return found[1]


def _incident(arrays: Mapping[str, np.ndarray], count: int) -> np.ndarray:
  """E_p `[b]` in GeV."""
  if 'target' in arrays:
    target = arrays['target']
    if target.ndim == 3 and target.shape[1] == 1:  # of the fixed-angle set: (b, 1, 5)
      target = target[:, 0]
    if target.ndim != 2 or len(target) != count or target.shape[1] < 2:
      raise ValueError(
        f'target of shape {target.shape}, expected ({count}, 2) or more columns, the second E_p'
      )
    if len(target) > 1 and np.ptp(target[:, 0]) > 0 == np.ptp(target[:, 1]):
      raise ValueError(
        f'the second column of target is {target[0, 1]:g} throughout and the first is not, '
        'expected E_p in the second'
      )
    return target[:, 1]
  if 'energy' in arrays:
    return particles.columns(arrays, count, 'energy')[0]
  if 'ParticleMomentum' not in arrays:
    raise ValueError("no 'target', expected it or 'ParticleMomentum' beside 'ECAL'")
  return np.linalg.norm(particles.momenta(arrays, count), axis=1)
