"""How a file's numbers are meant where they are not as its layout says: units, axes, negative
cells.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from calojax.geometry import Geometry, Layer
from calojax.registry import find
from calojax.showers import Shower
from calojax.units import AS_WRITTEN, AXES, UNITS

NEGATIVE = ('refuse', 'zero')


class Conventions(NamedTuple):
  """What a user says of a file.

  Attributes:
    units: `KEY:UNIT,...` of arrays that are not in the layout's unit, or `as_written`: they are,
      and no physics is asked; '': as the file or its layout says, found plausible.
    axes: what runs along the two image axes of a layer in the file, slower first, with a minus
      where it falls: one of `AXES`; `as_written`: what the layout says, and no physics is asked;
      '': that, found plausible.
    negative: cells below zero are refused, or become zero.
    asked: whether physics is asked at all: what a generator makes need not be physics.
  """

  units: str = ''
  axes: str = ''
  negative: str = 'refuse'
  asked: bool = True

  def stated(self) -> dict[str, str]:
    """What is said of the file and is not the default, for the provenance."""
    values = {key: value for key, value in self._asdict().items() if value != DEFAULT[key]}
    values.pop('asked', None)
    return values


DEFAULT = Conventions()._asdict()


@contextlib.contextmanager
def flagged(flags: str) -> Iterator[None]:
  """Errors inside that name `data.units` and its kin, as a config has them, name them as the flags
  of a command that begin with `flags`, as '--' or '--generated_'.
  """
  try:
    yield
  except ValueError as error:
    text = re.sub(r'(--config\.)?\bdata\.(units|axes|negative)\b', rf'{flags}\2', str(error))
    raise ValueError(text) from None


def checked(conventions: Conventions) -> Conventions:
  """The conventions themselves; ValueError if a word of them has no meaning."""
  parsed(conventions.units)
  if conventions.axes not in ('', AS_WRITTEN):
    find(dict.fromkeys((*AXES, AS_WRITTEN)), conventions.axes, 'order of the axes, data.axes,')
  find(dict.fromkeys(NEGATIVE), conventions.negative, 'way with negative cells, data.negative,')
  return conventions


def parsed(units: str) -> dict[str, str]:
  """Units by key of a text `KEY:UNIT,...`; none of '' and `as_written`.

  >>> parsed('ParticleMomentum:MeV,ParticlePoint:mm')
  {'ParticleMomentum': 'MeV', 'ParticlePoint': 'mm'}

  Raises:
    ValueError: another text, or an unknown unit.
  """
  if units in ('', AS_WRITTEN):
    return {}
  found = {}
  for part in units.split(','):
    key, separator, unit = (piece.strip() for piece in part.partition(':'))
    if not (key and separator):
      raise ValueError(
        f'data.units is {units!r}, expected KEY:UNIT,... such as ParticleMomentum:MeV, '
        f'or {AS_WRITTEN}'
      )
    find(UNITS, unit, 'unit')
    found[key] = unit
  return found


def told(text: str, keys: Mapping[str, str]) -> dict[str, str]:
  """Units that a file's attribute `units` tells for these keys: JSON by key, or prose such as
  'EnergyDeposit MeV, ParticleMomentum GeV'.
  """
  known = '|'.join(sorted(UNITS, key=len, reverse=True))
  found = {key: re.search(rf'\b{re.escape(key)}\W+({known})\b', text) for key in keys}
  return {key: match[1] for key, match in found.items() if match}


def rescaled(
  arrays: Mapping[str, np.ndarray], expected: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, np.ndarray]:
  """The arrays in the units that the layout expects, where others are given.

  Raises:
    ValueError: a key that the file lacks, or a unit of another quantity.
  """
  scaled = dict(arrays)
  for key, unit in given.items():
    known = find({name: unit for name, unit in expected.items() if name in arrays}, key, 'array')
    quantity, size = UNITS[unit]
    if known not in UNITS or UNITS[known][0] != quantity:
      raise ValueError(f'unit {unit!r} of {key!r}, expected one like {known}')
    if unit != known:
      scaled[key] = arrays[key] * (size / UNITS[known][1])
  return scaled


def turned(
  showers: Shower, geometry: Geometry, declared: str, given: str
) -> tuple[Shower, Geometry]:
  """Showers and geometry of images that were read as if their axes were those `declared`, 'xy' or
  'yx', but are those `given`.

  Only the images turn: particles keep their x and y. A layer that is not square gets the other
  shape, for its cells were counted along the other axis.

  Raises:
    ValueError: a layer that is no regular grid.
  """
  swap = given.replace('-', '') != declared
  # A sign in front of a letter, of the axis as it is after the exchange.
  flips = [axis for axis, letter in enumerate('xy') if f'-{letter}' in given]
  if not (swap or flips):
    return showers, geometry
  layers = geometry.regular_layers()
  images = geometry.split(showers.energies)
  if swap:
    images = [image.swapaxes(-1, -2) for image in images]
    layers = tuple(_exchanged(layer) for layer in layers)
  for axis in flips:
    images = [np.flip(image, axis - 2) for image in images]
  energies = np.concatenate([image.reshape(len(image), -1) for image in images], axis=1)
  return showers._replace(energies=energies), dataclasses.replace(geometry, layers=layers)


def _exchanged(layer: Layer) -> Layer:
  """The layer with its cells along y where they were along x."""
  return dataclasses.replace(
    layer, shape=layer.shape[::-1], pitch=layer.pitch[::-1], centre=layer.centre[::-1]
  )


def emptied(energies: np.ndarray) -> np.ndarray:
  """The cells `[b, v]` with zero in place of what is below zero."""
  return np.where(energies < 0, np.float32(0), energies)


def described(conventions: Conventions, provenance: dict[str, Any]) -> dict[str, Any]:
  """The provenance with what a user said of the file, if he said anything."""
  stated = conventions.stated()
  return {**provenance, 'conventions': stated} if stated else provenance
