"""The particles that are shot at a calorimeter: distributions as data, drawn event by event."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from calojax.registry import find
from calojax.showers import Condition, check_particles
from calojax.units import GEV

PARTICLES = {'e-': 11, 'e+': -11, 'gamma': 22}  # PDG codes
SPECTRA = {
  'fixed': lambda low, high, u: low,
  'uniform': lambda low, high, u: low + (high - low) * u,
  'log_uniform': lambda low, high, u: low * (high / low) ** u,  # dN/dE ~ 1/E
}
# MeV: below there is no shower, above 100 TeV Geant4's electromagnetic tables end.
TABLES = (1.0, 1e8)
ANGLES = ('slope', 'slope_limit', 'theta')  # the kinds of angular law
TAILS = 6.0  # standard deviations of the slopes that have to find the front face

_STREAM = 20240805  # keeps the particles' random stream apart from others of the same seed


@dataclasses.dataclass(frozen=True)
class Gun:
  """Distributions of the incident particles.

  Attributes:
    particle: a key of `PARTICLES`.
    spectrum: a key of `SPECTRA`.
    energy: lowest and highest kinetic energy, MeV.
    slope: standard deviation of dx/dz and of dy/dz, both normal.
    slope_limit: largest |dx/dz| and |dy/dz|, both uniform.
    theta: largest polar angle, degrees, uniform, at any azimuth. Of `ANGLES` at most one is not
      zero.
    spread: half the side of the square, mm, in which the trajectories cross the plane `aim`.
    aim: depth of that plane behind the front face, mm.
  """

  particle: str
  spectrum: str
  energy: tuple[float, float]
  slope: float = 0.0
  slope_limit: float = 0.0
  theta: float = 0.0
  spread: float = 0.0
  aim: float = 0.0


def changed(gun: Gun, given: Mapping[str, Any]) -> Gun:
  """The gun with other fields; `energy` is one or two numbers in GeV. One energy is a fixed one,
  one kind of angle ends the other.

  Raises:
    ValueError: energies that are not one or two numbers, or one energy for a spectrum.
  """
  given = dict(given)
  if 'energy' in given:
    try:
      given['energy'] = tuple(float(value) * GEV for value in given['energy'])
    except ValueError:
      given['energy'] = ()
    if len(given['energy']) not in (1, 2):
      raise ValueError('energy is not of the form LOWEST,HIGHEST or one number, in GeV')
    if len(given['energy']) == 1:
      given = {'spectrum': 'fixed', **given, 'energy': given['energy'] * 2}
  if any(given.get(kind) for kind in ANGLES):
    given = {**dict.fromkeys(ANGLES, 0.0), **given}
  found = dataclasses.replace(gun, **given)
  if (found.spectrum == 'fixed') != (found.energy[0] == found.energy[1]):
    raise ValueError(
      f'spectrum {found.spectrum!r} for energies from {found.energy[0] / GEV:g} to '
      f'{found.energy[1] / GEV:g} GeV, expected one energy for a fixed one and two for the others'
    )
  return found


def check(gun: Gun, width: float) -> Gun:
  """The gun itself, found valid for a front face of that width (mm).

  Raises:
    ValueError: an unknown particle or spectrum, energies that are not positive, not in order or
      beyond the tables, two kinds of angle, a negative or infinite length or angle, particles that
      miss the front face.
  """
  find(PARTICLES, gun.particle, 'particle')
  find(SPECTRA, gun.spectrum, 'spectrum')
  low, high = gun.energy
  if not TABLES[0] <= low <= high <= TABLES[1]:
    raise ValueError(
      f'energies from {low / GEV:g} to {high / GEV:g} GeV, expected from at least '
      f'{TABLES[0] / GEV:g} GeV up to at most {TABLES[1] / GEV:g} GeV, where the tables end'
    )
  for name in (*ANGLES, 'spread', 'aim'):
    value = getattr(gun, name)
    if not 0 <= value < math.inf:
      raise ValueError(f'{name} is {value:g}, expected a number >= 0')
  if sum(getattr(gun, kind) > 0 for kind in ANGLES) > 1:
    raise ValueError(
      f'slope {gun.slope:g}, slope_limit {gun.slope_limit:g} and theta {gun.theta:g} degrees, '
      'expected at most one above 0'
    )
  if gun.theta > 80:
    raise ValueError(f'theta is {gun.theta:g} degrees, expected at most 80')
  reach = gun.spread + gun.aim * max(
    TAILS * gun.slope, gun.slope_limit, math.tan(math.radians(gun.theta))
  )
  if reach > width / 2:
    raise ValueError(
      f'particles meet the front face up to {reach:g} mm from the axis, expected at most '
      f'{width / 2:g} mm: reduce spread, aim or the angles'
    )
  return gun


def draw(gun: Gun, seed: int, start: int, stop: int) -> Condition:
  """The particles of the events [start, stop) of a seed: event i is the same whatever events it is
  drawn with.
  """
  drawn = [_particle(gun, np.random.default_rng((_STREAM, seed, i))) for i in range(start, stop)]
  # Not `Condition.of`: Geant4 is given doubles, and rounded ones would be other showers of a seed.
  return check_particles(Condition(*map(np.stack, zip(*drawn))))


def _particle(gun: Gun, rng: np.random.Generator) -> tuple[np.float64, np.ndarray, np.ndarray]:
  """Energy, position and direction of one particle.

  Every gun takes the same random numbers, in this order, whether it uses them or not: a changed
  spectrum leaves position and direction alone, and a new kind of angle the particles of old seeds.
  """
  energy = SPECTRA[gun.spectrum](*gun.energy, rng.random())
  crossing = rng.uniform(-1, 1, 2) * gun.spread
  angle, phi = np.radians(gun.theta) * rng.random(), 2 * np.pi * rng.random()
  slopes = rng.standard_normal(2) * gun.slope + np.tan(angle) * np.array([np.cos(phi), np.sin(phi)])
  slopes += rng.uniform(-1, 1, 2) * gun.slope_limit
  direction = np.array([*slopes, 1.0]) / np.sqrt(1 + slopes @ slopes)
  return np.float64(energy), crossing - gun.aim * slopes, direction
