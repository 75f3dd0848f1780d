"""Whether E_vis / E_p of a file can be that of a calorimeter: the units of its energies."""

from __future__ import annotations

import numpy as np

from calojax.data.measured import FEWEST, Roles, Sample
from calojax.geometry import Geometry
from calojax.units import AS_WRITTEN, UNITS

RESPONSE = (2e-3, 1.2)
KNOWN = 30.0  # factor from a known sampling fraction
SPREAD = 50.0
# Of a file whose energies spread by WIDE (16 % to 84 % quantile), the rank correlation of E_vis and
# E_p: 0 +- 0.1 if the rows are of different showers, more than 0.5 in any calorimeter.
MANY, WIDE, FOLLOWS = 100, 3.0, 0.2
# MeV. Where cells and particle are in a wrong unit both, their ratio does not tell it; every public
# set lies in between, by more than the thousandth part that a wrong unit would be of it.
INCIDENT = (100.0, 1e7)
HEAVY = 5e5  # MeV: beyond it an incident energy is rather in too small a unit
LIGHT = 100.0  # MeV: below it rather in too large a one


def response(sample: Sample, geometry: Geometry, roles: Roles) -> str:
  """What is wrong with E_vis / E_p; '' if nothing."""
  count = sample.empty + len(sample.response)
  if count >= FEWEST and sample.empty > count / 2:
    return (
      f'{sample.empty} of {count} showers have no energy in any cell, expected less than half: is '
      f'{roles.cells} complete? --config.data.units={AS_WRITTEN} if it is right'
    )
  if len(sample.response) < FEWEST:
    return ''
  differ = len(np.unique(sample.response * sample.energy))
  if differ < len(sample.response) / 2:
    return (
      f'only {differ} of {len(sample.response)} showers differ: is {roles.cells} complete? '
      f'--config.data.units={AS_WRITTEN} if it is right'
    )
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
  return _unlike(sample, roles)


def unit(sample: Sample, roles: Roles) -> str:
  """What is wrong with the units of cells and particle both; '' if nothing."""
  low, high = INCIDENT
  if len(sample.energy) < FEWEST or low <= sample.incident <= high:
    return ''
  factor = 1000.0 if sample.incident < low else 1e-3
  others = {
    key: _other(roles.units[key], factor) for key in (roles.energy, *roles.cells.split(','))
  }
  return (
    f'the median incident energy is {sample.incident:.3g} MeV, expected {low:g} to {high:g}: '
    f'{roles.energy} looks like {others[roles.energy]} and {roles.cells} like '
    f'{others[roles.cells.split(",")[0]]}, pass --config.data.units='
    f'{",".join(f"{key}:{unit}" for key, unit in others.items())}; '
    f'--config.data.units={AS_WRITTEN} if it is right'
  )


def _other(unit: str, factor: float) -> str:
  """The unit that is so much larger, or that itself if there is none."""
  size = UNITS[unit][1] * factor
  return next((name for name, (kind, s) in UNITS.items() if _is(kind, s, size)), unit)


def _unlike(sample: Sample, roles: Roles) -> str:
  """Whether the showers are those of other particles; '' if not."""
  low, high = np.quantile(sample.energy, (0.16, 0.84))
  if len(sample.energy) < MANY or high < WIDE * low:
    return ''
  seen, brought = (
    np.argsort(np.argsort(v)) for v in (sample.response * sample.energy, sample.energy)
  )
  found = float(np.corrcoef(seen, brought)[0, 1])
  if found > FOLLOWS:
    return ''
  return (
    f'visible energy does not follow the incident energy (rank correlation {found:.2f}, expected '
    f'more than {FOLLOWS:g}): are the rows of {roles.cells} and {roles.energy} of the same '
    f'showers? --config.data.units={AS_WRITTEN} if it is right'
  )


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
