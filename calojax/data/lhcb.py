"""The public LHCb layout: matrices of cells, momenta in GeV and points in cm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.detectors import LHCB_ECAL
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower
from calojax.units import CM, GEV, MEV

UNITS = {'EnergyDeposit': 'MeV', 'ParticlePoint': 'cm', 'ParticleMomentum': 'GeV'}
AXES = 'shower, x, y'
ELECTRON = 11  # PDG code


def geometry(attributes: Mapping[str, Any]) -> Geometry:
  """The LHCb ECAL, unless the attribute `geometry` (if it is JSON, not prose) or `pitch_mm` says otherwise."""
  text = str(attributes.get('geometry', ''))
  if text.startswith('{'):
    return Geometry.from_json(text)
  pitch = np.broadcast_to(attributes.get('pitch_mm', LHCB_ECAL.layers[0].pitch), 2)
  layer = dataclasses.replace(LHCB_ECAL.layers[0], pitch=tuple(float(p) for p in pitch))
  return dataclasses.replace(LHCB_ECAL, layers=(layer,))


def decode(arrays: Mapping[str, np.ndarray], geometry: Geometry) -> Shower:
  """Showers `[b, v]` of `EnergyDeposit` (b, 30, 30) or (b, 30, 30, 1), `ParticlePoint` and `ParticleMomentum` (b, 3).

  The incident energy is |p|: exact for photons, and the electron's mass is negligible above 100 MeV. Of the point only
  x and y, on the front face, are read.

  Raises:
    ValueError: a wrong shape, naming the array.
  """
  deposit, point, momentum = (arrays[key] for key in UNITS)
  count = len(deposit)
  if deposit.shape not in [(count, *geometry.grid), (count, *geometry.grid, 1)]:
    raise ValueError(f'EnergyDeposit of shape {deposit.shape}, expected {(count, *geometry.grid)}')
  for key in ('ParticlePoint', 'ParticleMomentum'):
    if arrays[key].shape != (count, 3):
      raise ValueError(f'{key} of shape {arrays[key].shape}, expected {(count, 3)} as there are {count} EnergyDeposit')
  energy = np.linalg.norm(momentum.astype(np.float64), axis=1)
  direction = momentum / np.where(energy > 0, energy, 1)[:, None]
  return Shower(deposit.reshape(count, geometry.cells) * MEV, Condition(energy * GEV, point[:, :2] * CM, direction))


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`; every particle is called an electron."""
  energies, (energy, position, direction) = showers
  count = len(energies)
  point = np.concatenate([position / CM, np.zeros((count, 1))], axis=1)
  values = (energies.reshape(count, *geometry.grid) / MEV, point, (energy / GEV)[:, None] * direction)
  arrays = {key: value.astype(np.float32) for key, value in zip(UNITS, values)}
  return {**arrays, 'ParticlePDG': np.full(count, ELECTRON, np.int32)}
