"""Whether the points and the pitch of a file can be right: its showers lie where the particles
point, on the cells, and are not too wide.
"""

from __future__ import annotations

import numpy as np

from calojax.data.measured import FEWEST, FEWEST_BARYCENTRES, Roles, Sample, rms
from calojax.detectors import CALOCHALLENGE, DETECTORS
from calojax.geometry import Geometry, Layer
from calojax.showers import Shower
from calojax.units import AS_WRITTEN, UNITS

BESIDE, CERTAIN = 3.0, 7.0  # cells or widths of a shower, standard deviations
EXPLAINED = 0.3  # share of the barycentres' variance that an other unit or pitch must explain
# RMS width of a shower in the LHCb ECAL: 1.2 cells of 20.2 mm, 3.5 of 4.04 mm, in a matrix of 30.
LHCB_WIDTH, LHCB_FINE = (2.2, 6.0), 14.0  # cells, mm; noise in all cells is 8.7 wide


def scales(sample: Sample, geometry: Geometry, roles: Roles) -> str:
  """What is wrong with the unit of the points, or with the pitch; '' if nothing."""
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  centred = [
    v - v.mean(0) for v in (sample.barycentre, sample.position, sample.slope * sample.depth)
  ]
  seen, point, lateral = centred
  apart = rms(seen - point - lateral)
  by_axis = np.sqrt(np.square(seen - point - lateral).mean(0))
  aim = point + lateral
  # Particles that all go one way along one line tell nothing of a scale.
  if np.all(by_axis < sample.pitch) or not rms(seen) > 0 or not rms(aim) > 0:
    return ''
  powers = [10.0**n for n in (-3, -2, -1, 1, 2, 3)]
  best = min(powers, key=lambda k: rms(seen - k * point - lateral))
  with_unit = rms(seen - best * point - lateral) / rms(seen)
  pitch = float((seen * aim).sum() / np.square(seen).sum())
  with_pitch = rms(pitch * seen - aim) / rms(aim)
  # Of a detector of a user's the depth may be a guess: then any depth is granted.
  if not _published(geometry):
    free = min(rms(seen - point - scale * lateral) for scale in np.linspace(0, 4, 41))
    if free < 2 * min(with_unit * rms(seen), with_pitch * rms(seen)):
      return ''
  limit = np.sqrt(1 - EXPLAINED)
  # A pitch that is wrong by ten is told from a unit by the slopes, which it scales too.
  if with_unit < min(limit, 2 * with_pitch, apart / rms(seen) / 2):
    size = UNITS[roles.units[roles.point.split(',')[0]]][1] * best
    unit = next(
      (u for u, (k, s) in UNITS.items() if k == 'length' and abs(s / size - 1) < 1e-9), ''
    )
    flag = ','.join(f'{name}:{unit}' for name in roles.point.split(','))
    way = f', or pass --config.data.units={flag}' if unit else ''
    change = f'multiply by {best:g}' if best > 1 else f'divide by {1 / best:g}'
    return (
      f'the showers lie {apart:.3g} mm from where the particles point, expected less than a cell: '
      f'{roles.point} looks like {unit or "another unit"}: {change}{way}; '
      f'--config.data.units={AS_WRITTEN} if it is right'
    )
  # A shower as wide as the detector leaks, and its barycentre stays behind.
  contained = np.all(sample.width < sample.reach / 3)
  if with_pitch < limit and (pitch < 0.5 or (pitch > 2 and contained)):
    return (
      f'the showers lie {apart:.3g} mm from where the particles point, expected less than a cell: '
      f'the cells look like {pitch * sample.pitch[0]:.2g} mm and not {sample.pitch[0]:g} mm; '
      f'{_pitch_way(pitch * sample.pitch[0])}'
    )
  return ''


def _published(geometry: Geometry) -> bool:
  """Whether the layers are those of a known detector, whose depths are measured."""
  known = (g for g in DETECTORS.own.values() if g not in CALOCHALLENGE)
  return any(geometry.layers == detector.layers for detector in known)


def _pitch_way(pitch: float) -> str:
  return (
    f"state the pitch as an attribute or an array 'pitch_mm' of the file, here about {pitch:.2g}, "
    f'or pass --config.data.units={AS_WRITTEN} if it is right'
  )


def beside(sample: Sample, geometry: Geometry) -> str:
  """Whether all showers lie to one side of where their particles point; '' if not."""
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  # Of a detector of a user's the depth may be a guess: then any depth is granted.
  depths = [1.0] if _published(geometry) else np.linspace(0, 4, 41)
  apart = [
    sample.barycentre - sample.position - scale * sample.slope * sample.depth for scale in depths
  ]
  for axis, name in enumerate('xy'):
    away, error = min(
      (abs(float(v[:, axis].mean())), v[:, axis].std() / np.sqrt(len(v))) for v in apart
    )
    most = BESIDE * max(sample.pitch[axis], sample.width[axis])
    # A shower as wide as the detector leaks, and its barycentre stays behind.
    if away > most + CERTAIN * error and sample.width[axis] < sample.reach[axis] / 3:
      return (
        f'the showers lie {away:.3g} mm beside where the particles point along {name} (mean), '
        f'expected less than {most:.3g}: are points and cells counted from the same origin? '
        f'--config.data.units={AS_WRITTEN} if it is right'
      )
  return ''


def outside(sample: Sample, geometry: Geometry, roles: Roles) -> str:
  """Whether most particles miss the cells; '' if not."""
  layers = [layer for layer in geometry.layers if isinstance(layer, Layer)]
  if len(sample.position) < FEWEST or len(layers) < len(geometry.layers):
    return ''
  crossing = sample.position + sample.slope * sample.depth
  for axis in (0, 1):
    low = min(_end(layer, axis, -1) for layer in layers)
    high = max(_end(layer, axis, 1) for layer in layers)
    missed = np.mean((crossing[:, axis] < low) | (crossing[:, axis] > high))
    if missed > 0.5:
      return (
        f'{missed:.0%} of the particles miss the cells along {"xy"[axis]}: they cross at '
        f'{np.median(crossing[:, axis]):.3g} mm (median), the cells reach from {low:.3g} to '
        f'{high:.3g} mm; is {roles.point or "the direction"} in another unit? '
        f'--config.data.units={roles.point.split(",")[0] or "KEY"}:UNIT says so, '
        f'--config.data.units={AS_WRITTEN} that it is right'
      )
  return ''


def _end(layer: Layer, axis: int, side: int) -> float:
  """Where a layer ends, and half a cell more."""
  return layer.centre[axis] + side * (layer.shape[axis] + 1) / 2 * layer.pitch[axis]


def width(showers: Shower, geometry: Geometry) -> str:
  """Whether showers in the LHCb ECAL are too wide for cells of 20.2 mm; '' if not."""
  energies = np.asarray(showers.energies, np.float64)
  energies = energies[energies.sum(1) > 0]
  if len(energies) < FEWEST:
    return ''
  total = energies.sum(1, keepdims=True)
  xy = geometry.positions[:, :2]
  spread = np.sqrt(np.maximum(energies @ xy**2 / total - (energies @ xy / total) ** 2, 0))
  cells = float(np.median(spread / geometry.layers[0].pitch))
  if not LHCB_WIDTH[0] < cells < LHCB_WIDTH[1]:
    return ''
  return (
    f'showers are {cells:.2g} cells wide (RMS), expected less than {LHCB_WIDTH[0]:g} for cells of '
    f'{geometry.layers[0].pitch[0]:g} mm, which the file does not state; '
    f'{_pitch_way(LHCB_FINE / cells)}'
  )
