"""The particles that a generator was trained on, which stand for their spectrum: kept in a file,
drawn from; and particles that are asked for by energy, angles and position.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from calojax.files import written_aside
from calojax.registry import find
from calojax.showers import Condition, at, even, single

FILE = 'spectrum.npz'
QUANTITIES = {'energy': 'MeV', 'theta': 'degrees', 'phi': 'degrees', 'x': 'mm', 'y': 'mm'}
_ASKED = 20261129  # keeps the random stream of what is asked for apart from others of the same seed


class Range(NamedTuple):
  """Lowest and highest value of a quantity of which each particle gets its own: an energy is
  log-uniform (dN/dE ~ 1/E), the others are uniform.
  """

  low: float
  high: float


def save(path: str | os.PathLike, conditions: Condition, most: int) -> None:
  """Writes at most so many of these particles, evenly from all, as float32."""
  kept = at(conditions, even(len(conditions.energy), most))
  fields: dict[str, Any] = {name: single(field) for name, field in kept._asdict().items()}
  # An open file, because numpy appends .npz to a name that does not end in it.
  with written_aside(path) as part, open(part, 'wb') as file:
    np.savez_compressed(file, **fields)


def load(path: str | os.PathLike) -> Condition:
  """The particles of a file.

  Raises:
    ValueError: it is not there, or was not written by `save`.
  """
  try:
    # A workdir may come from anybody: a pickle in it would run their code.
    with np.load(path, allow_pickle=False) as arrays:
      return Condition.of(*(arrays[name] for name in Condition._fields))
  except Exception as error:  # on damaged bytes zip files fail in many ways
    # numpy advises to unpickle what is no npz file, which would run whatever it holds.
    reason = 'it is no npz file of numbers' if 'pickle' in str(error) else error
    raise ValueError(f'{os.fspath(path)} does not hold particles: {reason}') from None


def draw(conditions: Condition, count: int, seed: int) -> Condition:
  """`count` particles drawn with replacement from those given (numpy).

  Raises:
    ValueError: count is not positive.
  """
  if count < 1:
    raise ValueError(f'count is {count}, expected at least 1')
  # Whole particles, so that energy, position and direction stay correlated as they were.
  rows = np.random.default_rng(seed).integers(len(conditions.energy), size=count)
  return at(conditions, rows)


def asked(
  known: Condition, wanted: Mapping[str, Any], count: int | None = None, seed: int = 0
) -> Condition:
  """Particles `[count]` of which some quantities are asked for; the others are those of particles
  drawn from the ones known (numpy).

  >>> one = Condition.of(1000.0)
  >>> asked(one, {'energy': [5e3, 2e4], 'theta': 30.0, 'phi': 90.0}).direction.round(3)
  array([[0.   , 0.5  , 0.866],
         [0.   , 0.5  , 0.866]], dtype=float32)

  Args:
    known: whole particles are drawn from them, so that what is not asked for stays correlated as it
      was; the azimuth of a particle along z is uniform.
    wanted: by name of `QUANTITIES` a number, a `Range`, or `[count]` values; the angles are those
      of the direction: theta to the axis z, phi from x towards y.
    count: how many; by default as many as there are values, or one.
    seed: of all that is drawn; asking for one quantity leaves the others as they are.

  Raises:
    ValueError: an unknown quantity, values that are not `count`, a range that is none, or what no
      particle has.
  """
  lengths = {name: len(v) for name, v in wanted.items() if np.ndim(v) and not _is_range(v)}
  count = max(lengths.values(), default=1) if count is None else count
  for name, length in lengths.items():
    if length != count:
      raise ValueError(f'{length} values of {name} for {count} particles, expected one or as many')
  drawn = draw(known, count, seed)
  direction = drawn.direction.astype(np.float64)
  upright = np.hypot(*direction.T[:2]) == 0
  phi = np.where(upright, _values('phi', Range(-180.0, 180.0), count, seed), _azimuth(direction))
  theta = np.degrees(np.arctan2(np.hypot(*direction.T[:2]), direction[:, 2]))
  own = dict(zip(QUANTITIES, (drawn.energy, theta, phi, *drawn.position.T)))
  given = {name: _values(name, value, count, seed) for name, value in wanted.items()}
  energy, theta, phi, x, y = {**own, **given}.values()
  if {'theta', 'phi'} & set(given):
    polar, azimuth = np.radians(theta), np.radians(phi)
    sides = np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth)
    direction = np.stack([*sides, np.cos(polar)], axis=1)
  return Condition.of(energy, np.stack([x, y], axis=1), direction)


def _azimuth(direction: np.ndarray) -> np.ndarray:
  """Angles from x towards y, degrees."""
  return np.degrees(np.arctan2(direction[:, 1], direction[:, 0]))


def _is_range(value: Any) -> bool:
  return isinstance(value, Range)


def _values(name: str, value: Any, count: int, seed: int) -> np.ndarray:
  """`[count]` values of a quantity.

  Raises:
    ValueError: an unknown quantity, or values out of its bounds.
  """
  unit = find(QUANTITIES, name, 'quantity of a particle')
  ends = np.asarray(value, np.float64)
  low, high = (ends.min(), ends.max()) if ends.size else (0.0, 0.0)
  bounds = {'energy': (np.nextafter(0, 1), np.inf), 'theta': (0.0, np.nextafter(90, 0))}
  least, most = bounds.get(name, (-np.inf, np.inf))
  if not (np.isfinite(ends).all() and least <= low <= high <= most):
    expected = {'energy': 'above 0', 'theta': 'from 0 to below 90'}.get(name, 'finite')
    raise ValueError(f'{name} is {value} {unit}, expected numbers {expected}')
  if not _is_range(value):
    return np.broadcast_to(ends, (count,))
  if ends[0] > ends[1]:
    raise ValueError(f'{name} from {ends[0]:g} to {ends[1]:g} {unit}, expected the lowest first')
  fractions = np.random.default_rng((_ASKED, seed, list(QUANTITIES).index(name))).random(count)
  if name == 'energy':
    return ends[0] * (ends[1] / ends[0]) ** fractions
  return ends[0] + (ends[1] - ends[0]) * fractions
