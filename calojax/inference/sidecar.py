"""The description beside an exported generator: what it says, whether it is what was written, and
which particles it covers.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from calojax.showers import Condition

SIDECAR = 'model.json'
FORMAT = 2  # of the sidecar
UNITS = {'energy': 'MeV', 'x': 'mm', 'y': 'mm', 'dx/dz': '', 'dy/dz': ''}
ROUNDING = 1e-5  # of a range's ends, beyond which a condition counts as outside


def read(folder: str) -> dict[str, Any]:
  """What `model.json` says, found to be what was written.

  Raises:
    ValueError: it is not there, or altered.
  """
  path = os.path.join(folder, SIDECAR)
  try:
    with open(path, encoding='utf-8') as file:
      card = json.load(file)
    stated = card.pop('sha256')
  except FileNotFoundError:
    raise ValueError(f'{folder} is not an exported model: no {SIDECAR} in it') from None
  except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
    raise ValueError(
      f'{path} is not the description of a model, or was truncated: {error!r}'
    ) from None
  if digest(card) != stated:
    raise ValueError(f'{path} was altered: its content does not have the sha256 that it states')
  if card['format'] != FORMAT:
    raise ValueError(
      f'{path} is of format {card["format"]}, expected {FORMAT}: '
      'it needs another version of calojax'
    )
  return card


def digest(card: dict[str, Any]) -> str:
  """SHA-256 of a sidecar without its own `sha256`."""
  # Sorted: the hash is of the content, not of the order in which somebody's tool wrote it.
  return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()


def check_file(folder: str, name: str, stated: dict[str, Any]) -> None:
  """Raises ValueError if a file is not there, truncated or altered."""
  # A model may come from anybody: no path in it leads out of its folder.
  if os.path.basename(name) != name:
    raise ValueError(f'{folder}: {SIDECAR} names a file {name!r}, expected one of this folder')
  path = os.path.join(folder, name)
  try:
    with open(path, 'rb') as file:
      found = hashlib.file_digest(file, 'sha256').hexdigest()
  except FileNotFoundError:
    raise ValueError(f'{path} is missing, {SIDECAR} names it') from None
  if found != stated['sha256']:
    size = os.path.getsize(path)
    raise ValueError(
      f'{path} is truncated or altered: sha256 {found[:12]}..., '
      f'expected {stated["sha256"][:12]}...; {size} bytes, expected {stated["bytes"]}'
    )


def ranges_of(
  energy: np.ndarray, position: np.ndarray, direction: np.ndarray
) -> dict[str, tuple[float, float]]:
  """Lowest and highest value of the energy (MeV), of x and y on the front face (mm) and of the
  slopes.
  """
  slopes = direction[:, :2] / direction[:, 2:]
  columns = {
    'energy': energy,
    'x': position[:, 0],
    'y': position[:, 1],
    'dx/dz': slopes[:, 0],
    'dy/dz': slopes[:, 1],
  }
  return {name: (float(column.min()), float(column.max())) for name, column in columns.items()}


def warn_outside(condition: Condition, trained: Mapping[str, Sequence[float]]) -> bool:
  """Warns of particles that are not like those that the generator has seen, whose ranges are
  `trained`; where there are none, of nothing. Returns whether it did.
  """
  warned = False
  if not trained or not len(condition.energy):
    return warned
  for name, (low, high) in ranges_of(*condition).items():
    first, last = trained[name]
    # The particles of the training itself, rounded to float32, are inside.
    slack = ROUNDING * max(abs(first), abs(last), 1e-3)
    if low < first - slack or high > last + slack:
      warned = True
      unit = UNITS[name] and f' {UNITS[name]}'
      warnings.warn(
        f'{name} from {low:g} to {high:g}{unit} is outside the range that the generator was '
        f'trained on, {first:g} to {last:g}{unit}',
        stacklevel=4,  # past Model._started and Model.generate or stream: the line of their caller
      )
  return warned
