"""The two types that everything speaks: a shower and the particle that made it."""

from __future__ import annotations

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


class Shower(NamedTuple):
  """Deposited energies `[*b, v]` in MeV, the cells in the order of the `Geometry`, and the particle
  that made them.
  """

  energies: Array
  condition: Condition


def take(showers: Shower, index: Any) -> Shower:
  """The showers at `index` (slice, integers or mask over the first axis)."""
  return Shower(showers.energies[index], Condition(*(field[index] for field in showers.condition)))


def thinned(showers: Shower, count: int) -> Shower:
  """At most so many showers, evenly from the whole set: its order, which may be that of the
  energies, does not count.
  """
  total = len(showers.energies)
  return showers if total <= count else take(showers, np.arange(count) * total // count)


def concatenate(parts: list[Shower]) -> Shower:
  """Showers one set after the other (numpy)."""
  conditions = zip(*(part.condition for part in parts))
  return Shower(
    np.concatenate([part.energies for part in parts]), Condition(*map(np.concatenate, conditions))
  )


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
        f'{source}: {name} of shape {arrays[name].shape}, expected {shape} for geometry {geometry.name!r}'
      )
    _refuse(~np.isfinite(arrays[name]), arrays[name], f'{source}: {name}', 'a finite number')
  _refuse(showers.energies < 0, showers.energies, f'{source}: cell energy (MeV)', 'a value >= 0')
  _refuse(
    showers.condition.energy <= 0,
    showers.condition.energy,
    f'{source}: incident energy (MeV)',
    'a value > 0',
  )
  length = np.linalg.norm(showers.condition.direction, axis=-1)
  _refuse(np.abs(length - 1) > 1e-3, length, f'{source}: length of the direction', '1')
  forward = showers.condition.direction[:, 2]
  _refuse(
    forward <= 0, forward, f'{source}: z of the direction', 'a value > 0, into the calorimeter'
  )
  return showers


def _refuse(bad: np.ndarray, values: np.ndarray, name: str, expected: str) -> None:
  """Raises ValueError if any of `bad` is set, naming the first value."""
  if bad.any():
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    raise ValueError(
      f'{name} is {values[first]:g} in shower {first[0]} ({int(bad.sum())} such values), expected {expected}'
    )
