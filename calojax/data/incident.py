"""Files of particles alone: HDF5, npz or ROOT without showers, and CSV with a header."""

from __future__ import annotations

import array
import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from calojax.data import calogan, lemurs, particles
from calojax.data.conventions import parsed, rescaled, told
from calojax.data.opened import File, numbers, opened
from calojax.files import named
from calojax.registry import find
from calojax.showers import Condition
from calojax.units import GEV, UNITS

Arrays = Mapping[str, np.ndarray]

CANONICAL = {'energy': 'MeV', 'position': 'mm', 'direction': '1'}
OTHERS = {
  **particles.UNITS,
  **calogan.OPTIONAL,
  **calogan.READ,
  'incident_energies': 'MeV',
  'incident_energy': 'MeV',
  'incident_theta': 'rad',
  'incident_phi': 'rad',
}
# Columns of a CSV file; x and y in mm, dx dy dz a direction of any length.
COLUMNS = {
  'energy': 'MeV',
  'x': 'mm',
  'y': 'mm',
  'theta': 'rad',
  'phi': 'rad',
  'dx': '1',
  'dy': '1',
  'dz': '1',
}


def has_showers(path: str | os.PathLike) -> bool:
  """Whether a file has more than particles; a text file has not."""
  if is_text(path):
    return False
  with opened(path) as file:
    keys = set(file.arrays)
  return not keys <= {*CANONICAL, *OTHERS, 't0', 'ParticlePDG', 'geometry', 'units', 'provenance'}


def is_text(path: str | os.PathLike) -> bool:
  """Whether it is a CSV file, by its name."""
  return os.path.splitext(os.fspath(path))[1].lower() in ('.csv', '.txt')


def read(path: str | os.PathLike, units: str = '') -> Condition:
  """The particles of a file without showers; `KEY:UNIT,...` go before the file's own.

  Raises:
    ValueError: it cannot be read, or has no energies or something that is no particle; it names the
      file.
  """
  given = parsed(units)
  if is_text(path):
    return _csv(path, given)
  with opened(path) as file:
    arrays = {key: numbers(file, key) for key in file.arrays if key in {*CANONICAL, *OTHERS}}
    with named(path):
      return _of_arrays(file, arrays, given)


def _of_arrays(file: File, arrays: Arrays, given: Mapping[str, str]) -> Condition:
  """The particles by whichever names of a layout the file has."""
  text = str(file.attributes.get('units', ''))
  said = {**told(text, {key: '' for key in arrays}), **given}
  if {'position', 'direction'} & set(arrays) or 'format' in file.attributes:
    return _canonical(rescaled(arrays, CANONICAL, _of(said, CANONICAL)))
  arrays = rescaled(arrays, OTHERS | {'energy': 'GeV'}, _of(said, {**OTHERS, 'energy': 'GeV'}))
  count = len(next(iter(arrays.values()), ()))
  if 'incident_theta' in arrays and 'incident_phi' in arrays and 'incident_energy' in arrays:
    (energy, theta, phi) = particles.columns(arrays, count, *lemurs.UNITS_OF_PARTICLES)
    return Condition.of(energy, direction=lemurs.facing(theta, phi))
  for key in ('incident_energies', 'incident_energy'):
    if key in arrays:
      return Condition.of(particles.columns(arrays, count, key)[0])
  if 'energy' in arrays:
    alone = set(arrays) == {'energy'} and 'energy' not in said
    if alone:
      raise ValueError(
        "'energy' alone may be MeV, as in calojax's files, or GeV, as in CaloGAN's: expected an "
        "attribute 'units' such as 'energy MeV', or --config.data.units=energy:MeV"
      )
    energy = particles.columns(arrays, count, 'energy')[0] * GEV
    return Condition.of(energy, *calogan.incidence(arrays, count))
  if 'ParticleMomentum' in arrays:
    energy = np.linalg.norm(particles.momenta(arrays, count), axis=1)
    return particles.written(arrays, energy * GEV)
  raise ValueError(
    f'no energies among its keys {sorted(map(str, file.arrays))}, expected energy, '
    'incident_energies, incident_energy or ParticleMomentum'
  )


def _of(said: Mapping[str, str], expected: Mapping[str, str]) -> dict[str, str]:
  return {key: unit for key, unit in said.items() if unit != expected.get(key, unit)}


def _canonical(arrays: Arrays) -> Condition:
  """The particles of the canonical file's arrays; what is missing is the centre and the
  perpendicular.
  """
  if 'energy' not in arrays:
    raise ValueError(f'no energies among its keys {sorted(arrays)}, expected energy')
  count = len(arrays['energy'])
  shapes = {'position': (count, 2), 'direction': (count, 3)}
  there = {key: particles.rows(arrays, key, s) for key, s in shapes.items() if key in arrays}
  return Condition.of(particles.columns(arrays, count, 'energy')[0], **there)


def _csv(path: str | os.PathLike, given: Mapping[str, str]) -> Condition:
  """The particles of a text file: a header such as `energy [GeV],x,y,theta,phi`, a line each."""
  with named(path):
    lines = _lines(path)
    _, header = next(lines, (0, []))
    units = dict(map(_heading, header))
    if header and ('energy' not in units or len(units) < len(header)):
      raise ValueError(f'header {header}, expected energy once and any of {list(COLUMNS)[1:]}')
    values = _numbers(lines, len(units))
    if not len(values):
      raise ValueError('no particles, expected a header and a line at least')
    arrays = dict(zip(units, values.T))
    return _of_columns(rescaled(arrays, COLUMNS, _of({**units, **given}, COLUMNS)))


def _lines(path: str | os.PathLike) -> Iterator[tuple[int, list[str]]]:
  """Numbers and fields of the lines of a text file; blank ones and comments are left out.

  Raises:
    ValueError: it cannot be read.
  """
  try:
    with open(path, encoding='utf-8-sig', newline='') as file:
      for line, row in enumerate(csv.reader(file), 1):
        if row and not row[0].lstrip().startswith('#'):
          yield line, row
  except (OSError, ValueError, csv.Error) as error:
    raise ValueError(f'cannot be read, expected CSV text in UTF-8: {error}') from None


def _heading(text: str) -> tuple[str, str]:
  """Name and unit of a column."""
  match = re.fullmatch(r'\s*(\w+)\s*(?:[\[(]\s*(\w*)\s*[\])])?\s*', text)
  if not match:
    raise ValueError(
      f'column {text!r}, expected a name and maybe a unit, as energy [GeV], then a comma'
    )
  usual = find(COLUMNS, match[1].lower(), 'column')
  unit = match[2] or usual
  if unit != '1':
    find(UNITS, unit, 'unit')
  return match[1].lower(), unit


def _numbers(lines: Iterable[tuple[int, list[str]]], width: int) -> np.ndarray:
  """`[b, width]` of numbered lines; ValueError names the line of what is no number."""
  values = array.array('d')  # lists of texts would take ten times the memory
  for line, row in lines:
    try:
      found = [float(text) for text in row]
    except ValueError:
      found = []
    if len(found) != width:
      raise ValueError(f'line {line} is {row}, expected {width} numbers')
    values.extend(found)
  return np.array(values).reshape(-1, max(1, width))


def _of_columns(arrays: Arrays) -> Condition:
  """The particles of columns in MeV, mm and rad."""
  count = len(arrays['energy'])
  point = particles.columns(arrays, count, 'x', 'y')
  along = particles.columns(arrays, count, 'dx', 'dy', 'dz')
  angles = particles.columns(arrays, count, 'theta', 'phi')
  if along and angles:
    raise ValueError('columns theta and phi beside dx, dy and dz, expected one of the two')
  position, direction = np.zeros((count, 2)), np.tile([0.0, 0.0, 1.0], (count, 1))
  if point:
    position = np.stack(point, axis=1)
  if along:
    direction = np.stack(along, axis=1)
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = direction / np.where(length > 0, length, 1)  # 0 is refused by name
  elif angles:
    direction = particles.pointing(*map(particles.check_angle, angles, ('theta', 'phi')))
  return Condition.of(arrays['energy'], position, direction)
