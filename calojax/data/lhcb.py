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

  Raises:
    ValueError: a pitch that is none.
  """
  (layer,) = LHCB_ECAL.regular_layers()
  pitch = attributes.get('pitch_mm', layer.pitch)
  try:
    px, py = np.broadcast_to(np.asarray(pitch, float), 2)
  except (TypeError, ValueError):
    raise ValueError(f'pitch_mm is {pitch!r}, expected one or two lengths in mm') from None
  if not (0 < px < np.inf and 0 < py < np.inf):
    raise ValueError(f'pitch_mm is {pitch!r}, expected lengths > 0 in mm')
  layer = dataclasses.replace(layer, pitch=(float(px), float(py)))
  return particles.geometry(attributes, dataclasses.replace(LHCB_ECAL, layers=(layer,)))


def decode(
  arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], geometry: Geometry
) -> Shower:
  """Showers `[b, v]` of `EnergyDeposit` (b, 30, 30), also with one channel before or after or flat,
  `ParticlePoint` (b, 3) or (b, 2) and `ParticleMomentum` (b, 3).

  The incident energy is |p|: exact for photons, and the electron's mass is negligible above 100
  MeV. Of the point only x and y, on the front face, are read.

  Raises:
    ValueError: a wrong shape, naming the array.
  """
  deposit, grid = arrays['EnergyDeposit'], geometry.grid
  rows = {len(arrays[key]) for key in particles.UNITS}
  count = rows.pop() if len(rows) == 1 else len(deposit)
  if deposit.ndim == 4:
    _refuse_channels(deposit.shape, grid)
  if deposit.shape not in [
    (count, *grid),
    (count, *grid, 1),
    (count, 1, *grid),
    (count, geometry.cells),
  ]:
    raise ValueError(f'EnergyDeposit of shape {deposit.shape}, expected {(count, *grid)}')
  if arrays['ParticlePoint'].shape == (count, 2):  # without z, which is not read
    arrays = {**arrays, 'ParticlePoint': np.pad(arrays['ParticlePoint'], ((0, 0), (0, 1)))}
  energy = np.linalg.norm(particles.momenta(arrays, count), axis=1)
  return Shower(
    deposit.reshape(count, geometry.cells) * MEV, particles.written(arrays, energy * GEV)
  )


def _refuse_channels(shape: tuple[int, ...], grid: tuple[int, int]) -> None:
  """Raises ValueError for images of several channels, of which none says what it is."""
  after = shape[1:3] == grid
  channels = shape[3] if after else shape[1]
  if channels != 1 and grid in (shape[1:3], shape[2:4]):
    raise ValueError(
      f'EnergyDeposit of shape {shape} has {channels} channels, expected one: save the channel of '
      f'the deposited energy alone, as EnergyDeposit{"[..., 0]" if after else "[:, 0]"}'
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
