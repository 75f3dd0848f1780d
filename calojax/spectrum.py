"""The particles that a generator was trained on, which stand for their spectrum: kept in a file,
drawn from.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from calojax.files import written_aside
from calojax.showers import Condition, at, even, single

FILE = 'spectrum.npz'


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
