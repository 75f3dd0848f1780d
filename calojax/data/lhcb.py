"""The public LHCb layout: matrices of cells, momenta in GeV and points in cm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.data import particles
from calojax.detectors import LHCB_ECAL
from calojax.geometry import Geometry
from calojax.showers import Shower
from calojax.units import GEV, MEV

UNITS = {'EnergyDeposit': 'MeV', **particles.UNITS}
AXES = 'shower, x, y'
ELECTRON = 11  # PDG code


def geometry(attributes: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Geometry:
  """The LHCb ECAL, unless the attribute `geometry` (if it is JSON, not prose) or `pitch_mm` says
  otherwise.
  """
  (layer,) = LHCB_ECAL.regular_layers()
  px, py = np.broadcast_to(attributes.get('pitch_mm', layer.pitch), 2)
  layer = dataclasses.replace(layer, pitch=(float(px), float(py)))
  return particles.geometry(attributes, dataclasses.replace(LHCB_ECAL, layers=(layer,)))


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `EnergyDeposit` (b, 30, 30) or (b, 30, 30, 1), `ParticlePoint` and
  `ParticleMomentum` (b, 3).

  The incident energy is |p|: exact for photons, and the electron's mass is negligible above 100
  MeV. Of the point only x and y, on the front face, are read.

  Raises:
    ValueError: a wrong shape, naming the array.
  """
  deposit = arrays['EnergyDeposit']
  count = len(deposit)
  if deposit.shape not in [(count, *geometry.grid), (count, *geometry.grid, 1)]:
    raise ValueError(f'EnergyDeposit of shape {deposit.shape}, expected {(count, *geometry.grid)}')
  energy = np.linalg.norm(particles.momenta(arrays, count), axis=1)
  return Shower(
    deposit.reshape(count, geometry.cells) * MEV, particles.written(arrays, energy * GEV)
  )


def encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  """Inverse of `decode`; every particle is called an electron."""
  energies, condition = showers
  count = len(energies)
  deposit = (energies.reshape(count, *geometry.grid) / MEV).astype(np.float32)
  return {
    'EnergyDeposit': deposit,
    **particles.encode(condition),
    'ParticlePDG': np.full(count, ELECTRON, np.int32),
  }
