"""The two types that everything speaks: a shower and the particle that made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from calojax.geometry import Geometry

Array = Any  # numpy or jax


class Condition(NamedTuple):
  """The incident particle.

  Attributes:
    energy: `[*b]` kinetic energy, MeV.
    position: `[*b, 2]` x and y on the front face, mm.
    direction: `[*b, 3]` unit vector; z points into the calorimeter.
  """

  energy: Array
  position: Array
  direction: Array

  @classmethod
  def of(
    cls, energy: Any, position: Any = (0.0, 0.0), direction: Any = (0.0, 0.0, 1.0)
  ) -> Condition:
    """The particles `[b]` as float32 arrays, found valid: the one way to make them from numbers.

    >>> Condition.of([1000.0, 2000.0], (1.0, 2.0)).position  # MeV, mm
    array([[1., 2.],
           [1., 2.]], dtype=float32)

    Args:
      energy: kinetic energies, MeV; a number, or `[b]`.
      position: x and y on the front face, mm; one point for all, or `[b, 2]`.
      direction: unit vectors into the calorimeter; one for all, or `[b, 3]`.

    Raises:
      ValueError: lengths that do not go together, a number that is not finite, an energy <= 0, a
        direction that is no unit vector with z > 0; it names the value.
    """
    given = {'energy': energy, 'position': position, 'direction': direction}
    arrays = {name: single(value) for name, value in given.items()}
    for (name, array), width in zip(arrays.items(), ((), (2,), (3,))):
      if (
        array.ndim not in (len(width), len(width) + 1)
        or array.shape[array.ndim - len(width) :] != width
      ):
        wanted = 'a number or [b]' if not width else f'{width} or [b, {width[0]}]'
        raise ValueError(f'{name} of shape {array.shape}, expected {wanted}')
    counts = {name: len(a) for (name, a), rank in zip(arrays.items(), (0, 1, 1)) if a.ndim > rank}
    count = max(counts.values(), default=1)
    for name, found in counts.items():
      if found != count:
        raise ValueError(f'{found} values of {name} for {count} particles, expected one or as many')
    shapes = ((count,), (count, 2), (count, 3))
    # Copied: a broadcast view has one row in memory for all, and cannot be written to.
    return check_particles(
      cls(*(np.array(np.broadcast_to(a, s)) for a, s in zip(arrays.values(), shapes)))
    )


class Shower(NamedTuple):
  """Deposited energies `[*b, v]` in MeV, the cells in the order of the `Geometry`, and the particle
  that made them.
  """

  energies: Array
  condition: Condition


def single(values: Any) -> np.ndarray:
  """The values as a contiguous float32 array (numpy), the precision of everything that is kept."""
  with np.errstate(over='ignore'):  # what overflows is infinite, and refused by the checks
    return np.asarray(values, np.float32, order='C')


def at(condition: Condition, index: Any) -> Condition:
  """The particles at `index` (slice, integers or mask over the first axis)."""
  return Condition(*(field[index] for field in condition))


def joined(conditions: Iterable[Condition]) -> Condition:
  """Particles one set after the other (numpy)."""
  return Condition(*map(np.concatenate, zip(*conditions)))


def take(showers: Shower, index: Any) -> Shower:
  """The showers at `index` (slice, integers or mask over the first axis)."""
  return Shower(showers.energies[index], at(showers.condition, index))


def pieces(showers: Shower, size: int) -> Iterator[Shower]:
  """The showers, at most `size` at a time."""
  for start in range(0, len(showers.energies), size):
    yield take(showers, slice(start, start + size))


def thinned(showers: Shower, count: int) -> Shower:
  """At most so many showers, evenly from the whole set: its order, which may be that of the
  energies, does not count.
  """
  total = len(showers.energies)
  return showers if total <= count else take(showers, even(total, count))


def even(total: int, most: int) -> np.ndarray:
  """At most so many of the numbers 0 to total - 1, evenly, ascending."""
  count = min(most, total)
  # Multiplied before it is divided: integers all the way, and no two alike.
  return np.arange(count) * total // count


def concatenate(parts: list[Shower]) -> Shower:
  """Showers one set after the other (numpy)."""
  energies = np.concatenate([part.energies for part in parts])
  return Shower(energies, joined(part.condition for part in parts))


def check(showers: Shower, geometry: Geometry, source: str) -> Shower:
  """The showers themselves, found valid.

  Args:
    showers: `[b, v]` energies in MeV with their condition (numpy).
    geometry: of v cells.
    source: what to name in an error, usually the file.

  Raises:
    ValueError: an empty set, a wrong shape, a NaN, infinite or negative energy, a non-positive
      incident energy or a direction that is not a unit vector into the calorimeter; it names the
      first shower concerned and the value.
  """
  count = len(showers.energies)
  if count == 0:
    raise ValueError(f'{source}: no showers, expected at least one')
  shapes = {
    'energies': (count, geometry.cells),
    'energy': (count,),
    'position': (count, 2),
    'direction': (count, 3),
  }
  arrays = {'energies': showers.energies, **showers.condition._asdict()}
  for name, shape in shapes.items():
    if arrays[name].shape != shape:
      raise ValueError(
        f'{source}: {name} of shape {arrays[name].shape}, expected {shape} '
        f'for geometry {geometry.name!r}'
      )
    _refuse(~np.isfinite(arrays[name]), arrays[name], f'{source}: {name}', 'a finite number')
  # Geant4's cells have no noise: a negative one is a file of something else, and the logarithms and
  # roots of the transforms have no value for it.
  _refuse(showers.energies < 0, showers.energies, f'{source}: cell energy (MeV)', 'a value >= 0')
  check_particles(showers.condition, f'{source}: ')
  return showers


def check_particles(condition: Condition, source: str = '') -> Condition:
  """The particles `[b]` themselves, found valid, in whatever precision they have.

  Raises:
    ValueError: at the first particle that cannot be one; `source` stands before its name.
  """
  energy, _, direction = condition
  for name, values in condition._asdict().items():
    _refuse(~np.isfinite(values), values, f'{source}{name}', 'a finite number')
  _refuse(energy <= 0, energy, f'{source}incident energy (MeV)', 'a value > 0')
  length = np.linalg.norm(direction, axis=-1)
  # Wide enough for float32 and for files that keep four digits; a momentum or an angle taken for a
  # direction is off by far more.
  _refuse(np.abs(length - 1) > 1e-3, length, f'{source}length of the direction', '1')
  forward = direction[:, 2]
  # Slopes divide by it.
  _refuse(forward <= 0, forward, f'{source}z of the direction', 'a value > 0, into the calorimeter')
  return condition


def _refuse(bad: np.ndarray, values: np.ndarray, name: str, expected: str) -> None:
  """Raises ValueError if any of `bad` is set, naming the first value."""
  if bad.any():
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    raise ValueError(
      f'{name} is {values[first]:g} in shower {first[0]} ({int(bad.sum())} such values), '
      f'expected {expected}'
    )
