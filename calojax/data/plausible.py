"""Whether the showers of a file can be what its layout says: the units by the visible energy, the
axes, the points and the pitch by where the showers lie.

Nothing here knows how a shower should look in a detector that nobody has seen. What is asked holds
in any calorimeter, and the thresholds lie half-way, on the scale of the mistake, between what is
right and what is wrong:

- No calorimeter sees more than the particle brought, but for noise and calibration: the median of
  E_vis / E_p is at most 1.2. None sees less than some 0.5 % (300 um of silicon between tungsten:
  0.5 to 2 %); a homogeneous one taken for a thousandth sees 0.1 %: at least 0.2 %. Where the
  sampling fraction is known, it is within a factor 30 of that, as units differ by 1000.
- E_vis / E_p has one order of magnitude, in a thin calorimeter that pions cross two: from the 16 %
  to the 84 % quantile less than a factor 50; mixed units or energies of other showers give more.
- The barycentre follows impact + slope x depth, along the same axis and with the same sign, by a
  likelihood ratio of `CERTAIN`, some seven standard deviations; it need not follow closely, nor at
  all (the cells may be wider than the spread of the particles).
- Impact and barycentre are in the same unit: they are apart by less than a cell, or no other unit
  or pitch brings them together.

A calorimeter of which this does not hold is read with `data.units` or `data.axes` as 'as_written'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from calojax.data.conventions import Conventions
from calojax.detectors import CALOCHALLENGE, DETECTORS, LHCB_ECAL
from calojax.geometry import Geometry, Layer
from calojax.showers import Shower, thinned
from calojax.units import AS_WRITTEN, UNITS

SHOWERS, CELLS = 2000, 4_000_000  # looked at, at most: some 50 ms
FEWEST, FEWEST_BARYCENTRES = 20, 50  # of fewer nothing is said
RESPONSE = (2e-3, 1.2)
KNOWN = 30.0  # factor from a known sampling fraction
SPREAD = 50.0
CERTAIN = 25.0  # log likelihood ratio
HEAVY = 5e5  # MeV: beyond it an incident energy is rather in too small a unit
LIGHT = 50.0  # MeV: below it rather in too large a one
EXPLAINED = 0.3  # share of the barycentres' variance that an other unit or pitch must explain
# RMS width of a shower in the LHCb ECAL: 1.2 cells of 20.2 mm, 3.5 of 4.04 mm, in a matrix of 30.
LHCB_WIDTH, LHCB_FINE = (2.2, 6.0), 14.0  # cells, mm; noise in all cells is 8.7 wide


class Roles(NamedTuple):
  """The names of a layout's arrays, with their units, for the messages; '' where there is none."""

  cells: str
  energy: str
  point: str
  units: dict[str, str]


class Sample(NamedTuple):
  """What is asked of a few showers.

  Attributes:
    response: `[n]` E_vis / E_p.
    incident: median E_p, MeV.
    barycentre: `[n, 2]` over the layers that resolve each axis, mm.
    position, slope: `[n, 2]`.
    depth: `[n, 2]` of those layers, weighted by energy, mm.
    width: `[2]` median RMS width of a shower in them, mm.
    pitch: `[2]` of their cells, mm.
    reach: `[2]` half the width of the detector, mm.
  """

  response: np.ndarray
  incident: float
  barycentre: np.ndarray
  position: np.ndarray
  slope: np.ndarray
  depth: np.ndarray
  width: np.ndarray
  pitch: np.ndarray
  reach: np.ndarray


def check(
  showers: Shower,
  geometry: Geometry,
  source: str,
  conventions: Conventions,
  roles: Roles,
  order: str = 'xy',
  assumed_pitch: bool = False,
) -> None:
  """Raises ValueError, with a guess at the mistake and the way out, unless the showers `[n]` can be
  of this calorimeter.

  Args:
    showers: in MeV and mm.
    geometry: theirs.
    source: the file, to be named.
    conventions: what the user said of it.
    roles: names of the arrays.
    order: of the image axes, as the file was read.
    assumed_pitch: nothing in the file says how wide the cells are.
  """
  few = thinned(showers, max(FEWEST_BARYCENTRES, min(SHOWERS, CELLS // geometry.cells)))
  sample = measured(few, geometry)
  tests: list[Callable[[], str]] = []
  if conventions.units != AS_WRITTEN:
    tests += [lambda: response(sample, geometry, roles)]
  if conventions.axes != AS_WRITTEN:
    tests += [lambda: axes(sample, order)]
  if conventions.units != AS_WRITTEN:
    tests += [lambda: scales(sample, geometry, roles), lambda: outside(sample, geometry, roles)]
    if assumed_pitch and geometry.layers == LHCB_ECAL.layers:
      tests += [lambda: width(few, geometry)]
  for test in tests:
    fault = test()
    if fault:
      raise ValueError(f'{source}: {fault}')


def measured(showers: Shower, geometry: Geometry) -> Sample:
  """What is asked of the showers that have any energy."""
  lit = showers.energies.sum(1, dtype=np.float64) > 0
  energies = np.asarray(showers.energies[lit], np.float64)
  incident, position, direction = (
    np.asarray(field[lit], np.float64) for field in showers.condition
  )
  total = energies.sum(1)
  centre, depth, spread = (np.zeros((len(total), 2)) for _ in range(3))
  pitch = np.zeros(2)
  for axis in (0, 1):
    pitch[axis] = min(layer.pitch[axis] for layer in geometry.layers)
    # A layer of much wider cells than another would only blur what that one sees.
    fine = np.concatenate(
      [np.full(layer.cells, layer.pitch[axis] <= 2 * pitch[axis]) for layer in geometry.layers]
    )
    seen = energies * fine
    weight = np.maximum(seen.sum(1), 1e-12 * total)
    centre[:, axis] = seen @ geometry.positions[:, axis] / weight
    depth[:, axis] = seen @ geometry.positions[:, 2] / weight
    square = seen @ geometry.positions[:, axis] ** 2 / weight
    spread[:, axis] = np.sqrt(np.maximum(square - centre[:, axis] ** 2, 0))
  return Sample(
    total / incident,
    float(np.median(incident)) if len(incident) else 0.0,
    centre,
    position,
    direction[:, :2] / direction[:, 2:],
    depth,
    np.median(spread, axis=0) if len(spread) else np.zeros(2),
    pitch,
    np.ptp(geometry.positions[:, :2], axis=0) / 2,
  )


def response(sample: Sample, geometry: Geometry, roles: Roles) -> str:
  """What is wrong with E_vis / E_p; '' if nothing."""
  if len(sample.response) < FEWEST:
    return ''
  low, median, high = np.quantile(sample.response, (0.16, 0.5, 0.84))
  first, last = RESPONSE
  # 1 is also what a geometry has whose sampling fraction nobody stated.
  if geometry.sampling_fraction < 1:
    first = geometry.sampling_fraction / KNOWN
    last = min(max(last, geometry.sampling_fraction), geometry.sampling_fraction * KNOWN)
  if not first <= median <= last:
    centre = geometry.sampling_fraction if geometry.sampling_fraction < 1 else 0.1
    return (
      f'the median of visible over incident energy is {median:.3g}, expected {first:.2g} to '
      f'{last:.2g}: {_energy_guess(median / centre, sample.incident, roles)}; '
      f'--config.data.units={AS_WRITTEN} if it is right'
    )
  if high > SPREAD * low:
    return (
      f'visible over incident energy runs from {low:.3g} to {high:.3g} (16 % and 84 % quantiles), '
      f'expected within a factor {SPREAD:g}: energies in mixed units, or of other showers than '
      f"{roles.energy}'s; --config.data.units={AS_WRITTEN} if it is right"
    )
  return ''


def _energy_guess(ratio: float, incident: float, roles: Roles) -> str:
  """Which array looks like which unit, if E_vis / E_p is off by this ratio, and the flag that says
  so.
  """
  power = 1000.0 ** max(1, round(abs(np.log10(ratio)) / 3))
  small = ratio < 1
  blame_particle = incident > HEAVY if small else incident < LIGHT
  key = roles.energy if blame_particle else roles.cells
  size = UNITS[roles.units[key.split(',')[0]]][1]
  # Too little seen: the cells' numbers count larger units than thought, the particle's smaller.
  factor = power if small != blame_particle else 1 / power
  unit = next((name for name, (kind, s) in UNITS.items() if _is(kind, s, size * factor)), '')
  change = f'multiply by {power:g}' if factor > 1 else f'divide by {power:g}'
  if not unit:
    return f'{key} looks as if it were in another unit: {change}'
  flag = ','.join(f'{name}:{unit}' for name in key.split(','))
  return f'{key} looks like {unit}: {change}, or pass --config.data.units={flag}'


def _is(kind: str, size: float, wanted: float) -> bool:
  return kind == 'energy' and abs(size / wanted - 1) < 1e-9


def axes(sample: Sample, order: str) -> str:
  """What is wrong with the axes: the barycentre follows another one, or runs against it; '' if
  nothing.
  """
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  own, other = ([_followed(sample, i, j) for i, j in pairs] for pairs in (OWN, OTHER))
  certainty = (
    0.5
    * len(sample.barycentre)
    * sum(np.log(a.left / b.left) for a, b in zip(own, other) if min(a.left, b.left) > 0)
  )
  exchanged = certainty > CERTAIN
  found = other if exchanged else own
  against = [follow.sign < -np.sqrt(2 * CERTAIN) for follow in found]
  if not (exchanged or any(against)):
    return ''
  names = dict(zip('xy', 'yx' if exchanged else 'xy'))
  turned = ''.join(
    ('-' if against['xy'.index(letter)] != minus else '') + names[letter]
    for minus, letter in _letters(order)
  )
  words = ['x and y are exchanged'] if exchanged else []
  words += [f'{names[axis]} is reversed' for axis, wrong in zip('xy', against) if wrong]
  return (
    f'the showers lie where the particles do not point: {" and ".join(words)} (read as {order!r}; '
    f'log likelihood ratio {max(certainty, *(f.sign**2 / 2 for f in found)):.0f}, expected at most '
    f'{CERTAIN:g}); pass --config.data.axes={turned}, or --config.data.axes={AS_WRITTEN} if it is '
    'right'
  )


OWN, OTHER = ((0, 0), (1, 1)), ((0, 1), (1, 0))


class _Follow(NamedTuple):
  """How a barycentre follows an axis of the particle: share of its variance that is left, and the
  coefficient of the impact (of the slope, if all meet one point) in its own errors.
  """

  left: float
  sign: float


def _followed(sample: Sample, axis: int, particle: int) -> _Follow:
  """The regression of the barycentre's `axis` on impact and slope along the axis `particle`."""
  target = sample.barycentre[:, axis] - sample.barycentre[:, axis].mean()
  terms = [values[:, particle] for values in (sample.position, sample.slope)]
  terms = [term - term.mean() for term in terms if np.ptp(term) > 1e-6 * (1 + np.abs(term).max())]
  if not terms or not np.any(target):
    return _Follow(1.0, 0.0)
  design = np.stack(terms, axis=1)
  design = design / design.std(0)
  coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
  left = float(np.square(target - design @ coefficients).sum())
  variance = (
    max(left, 1e-12)
    / max(1, len(target) - len(terms))
    * np.linalg.pinv(design.T @ design).diagonal()
  )
  return _Follow(
    max(left, 1e-12) / float(np.square(target).sum()),
    float(coefficients[0] / np.sqrt(max(variance[0], 1e-30))),
  )


def _letters(order: str) -> list[tuple[bool, str]]:
  """Sign (True: minus) and letter of each axis of '-xy'."""
  return [(i > 0 and order[i - 1] == '-', c) for i, c in enumerate(order) if c in 'xy']


def scales(sample: Sample, geometry: Geometry, roles: Roles) -> str:
  """What is wrong with the unit of the points, or with the pitch; '' if nothing."""
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  centred = [
    v - v.mean(0) for v in (sample.barycentre, sample.position, sample.slope * sample.depth)
  ]
  seen, point, lateral = centred
  apart = _rms(seen - point - lateral)
  by_axis = np.sqrt(np.square(seen - point - lateral).mean(0))
  aim = point + lateral
  # Particles that all go one way along one line tell nothing of a scale.
  if np.all(by_axis < sample.pitch) or not _rms(seen) > 0 or not _rms(aim) > 0:
    return ''
  powers = [10.0**n for n in (-3, -2, -1, 1, 2, 3)]
  best = min(powers, key=lambda k: _rms(seen - k * point - lateral))
  with_unit = _rms(seen - best * point - lateral) / _rms(seen)
  pitch = float((seen * aim).sum() / np.square(seen).sum())
  with_pitch = _rms(pitch * seen - aim) / _rms(aim)
  # Of a detector of a user's the depth may be a guess: then any depth is granted.
  if not _published(geometry):
    free = min(_rms(seen - point - scale * lateral) for scale in np.linspace(0, 4, 41))
    if free < 2 * min(with_unit * _rms(seen), with_pitch * _rms(seen)):
      return ''
  limit = np.sqrt(1 - EXPLAINED)
  # A pitch that is wrong by ten is told from a unit by the slopes, which it scales too.
  if with_unit < min(limit, 2 * with_pitch, apart / _rms(seen) / 2):
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
  known = (g for g in DETECTORS.values() if g not in CALOCHALLENGE)
  return any(geometry.layers == detector.layers for detector in known)


def _pitch_way(pitch: float) -> str:
  return (
    f"state the pitch as an attribute or an array 'pitch_mm' of the file, here about {pitch:.2g}, "
    f'or pass --config.data.units={AS_WRITTEN} if it is right'
  )


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


def _rms(values: np.ndarray) -> float:
  return float(np.sqrt(np.square(values).sum(-1).mean()))
