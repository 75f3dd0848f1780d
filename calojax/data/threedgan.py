"""The public 3DGAN layout: one block of 25 x 25 x 25 cells a shower."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.detectors import CLIC
from calojax.geometry import Geometry
from calojax.showers import Shower
from calojax.units import GEV, MEV

UNITS = {'ECAL': 'GeV'}
OPTIONAL = {'target': 'GeV', **particles.UNITS}
AXES = 'shower, x, y, depth'
THRESHOLD = 1e-6 * GEV  # smaller deposits are set to zero, as in the published trainings
RESPONSES = (1e-4, 2.0)  # mean of deposited over incident energy: outside, the units are wrong
ELECTRON = 11  # PDG code


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The 25-layer detector, unless the attribute `geometry` says otherwise."""
  return particles.geometry(attributes, CLIC)


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `ECAL` (b, x, y, depth) and `target` (b, 2 or more), whose second column is
  E_p in GeV.

  `ECAL` is in GeV, as published, unless the attribute `units` says MeV. Without `target`, E_p is
  the norm of `ParticleMomentum`; without that and `ParticlePoint` the particles are perpendicular
  at the centre.

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
  response = energies.sum(dtype=np.float64) / (energy.sum(dtype=np.float64) or 1)
  if 0 < response < RESPONSES[0] or RESPONSES[1] < response < np.inf:
    raise ValueError(
      f'ECAL taken as {unit} has a mean response sum(E) / E_p of {response:.3g}, expected '
      f"{RESPONSES[0]:g} to {RESPONSES[1]:g}; the attribute 'units' tells MeV from GeV"
    )
  energies[(energies > 0) & (energies < THRESHOLD)] = 0
  return Shower(energies, particles.written(arrays, energy))


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
    if target.ndim != 2 or len(target) != count or target.shape[1] < 2:
      raise ValueError(
        f'target of shape {target.shape}, expected ({count}, 2) or more columns, the second E_p'
      )
    return target[:, 1]
  if 'ParticleMomentum' not in arrays:
    raise ValueError("no 'target', expected it or 'ParticleMomentum' beside 'ECAL'")
  return np.linalg.norm(particles.momenta(arrays, count), axis=1)
