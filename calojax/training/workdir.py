"""What a run's folder holds beside checkpoints: its config, its data's geometry and origin, and the
spectrum it was trained on.

`config.json checkpoints/ data.json spectrum.npz metrics.jsonl events* evaluation/<step>/`. A
workdir is enough to sample from, on a machine that has not the data.
"""

from __future__ import annotations

import json
import os
from typing import Any

import ml_collections

from calojax import config, spectrum
from calojax.files import check_digests, write_digests, write_text
from calojax.geometry import Geometry
from calojax.showers import Condition

SPECTRUM = 100_000  # conditions kept at most
CONFIG, DATA = 'config.json', 'data.json'


def claim(workdir: str, asked: Any) -> None:
  """Makes the workdir and keeps the config in it, or finds the same config there.

  Raises:
    ValueError: the workdir belongs to another config.
  """
  os.makedirs(workdir, exist_ok=True)
  path = os.path.join(workdir, CONFIG)
  if os.path.exists(path):
    check_config(workdir, asked)
  else:
    write_text(path, json.dumps(json.loads(asked.to_json()), indent=2) + '\n')


def check_config(workdir: str, asked: Any) -> None:
  """Raises ValueError if the workdir was made with another config; the differing keys are listed
  with both values.
  """
  old, new = (config.flatten(json.loads(c.to_json())) for c in (stored_config(workdir), asked))
  differing = [
    f'{key} was {old.get(key)!r}, now {new.get(key)!r}'
    for key in sorted(set(old) | set(new))
    if old.get(key) != new.get(key)
  ]
  if differing:
    raise ValueError(
      f'{workdir} was made with another config: {"; ".join(differing)}. '
      'Give a new --workdir, or the old values'
    )


def stored_config(workdir: str) -> ml_collections.ConfigDict:
  """The config kept in a workdir, locked; if an earlier version kept it, with the defaults of what
  has been added since.

  Raises:
    ValueError: there is none, or it is not what was written.
  """
  path = os.path.join(workdir, CONFIG)
  try:
    with open(path, encoding='utf-8') as file:
      text = file.read()
  except FileNotFoundError:
    raise ValueError(f'{workdir} is not a workdir: no {CONFIG} in it') from None
  except ValueError as error:  # not UTF-8
    raise ValueError(f'{path} is not JSON: {error}') from None
  check_digests(workdir, CONFIG)
  try:
    return config.check(config.from_json(text))
  except ValueError as error:
    raise ValueError(f'{path} {error}') from None


def describe_data(
  workdir: str,
  geometry: Geometry,
  provenance: dict[str, Any],
  fingerprint: str,
  conditions: Condition,
) -> None:
  """Keeps the geometry, origin and spectrum of the training data in the workdir, or finds the same
  data there.

  Raises:
    ValueError: the workdir was made with data of another fingerprint.
  """
  path = os.path.join(workdir, DATA)
  if os.path.exists(path):
    check_data(workdir, stored_data(workdir)[1], fingerprint)
    return
  spectrum.save(os.path.join(workdir, spectrum.FILE), conditions, SPECTRUM)
  description = {
    'fingerprint': fingerprint,
    'geometry': json.loads(geometry.to_json()),
    'provenance': provenance,
  }
  write_text(path, json.dumps(description, indent=2, default=str) + '\n')
  write_digests(workdir, (CONFIG, DATA, spectrum.FILE))


def check_data(workdir: str, description: dict[str, Any], fingerprint: str) -> None:
  """Raises ValueError if the workdir was made with data of another fingerprint."""
  old = description['fingerprint']
  if old != fingerprint:
    raise ValueError(
      f'{workdir} was made with data of fingerprint {old}, now {fingerprint}. '
      'Give a new --workdir, or the old data'
    )


def stored_data(workdir: str) -> tuple[Geometry, dict[str, Any], Condition]:
  """Geometry, description and spectrum of the training data of a workdir.

  Raises:
    ValueError: they are not there or cannot be read.
  """
  try:
    check_digests(workdir, DATA, spectrum.FILE)
    with open(os.path.join(workdir, DATA), encoding='utf-8') as file:
      description = json.load(file)
    if not isinstance(description, dict) or not {'geometry', 'fingerprint'} <= set(description):
      raise ValueError(f'{DATA} holds {json.dumps(description)[:80]}, expected geometry, ...')
    geometry = Geometry.from_json(json.dumps(description['geometry']))
    conditions = spectrum.load(os.path.join(workdir, spectrum.FILE))
    return geometry, {'fingerprint': description['fingerprint'], **description}, conditions
  except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
    raise ValueError(f'{workdir} is not a complete workdir: {error}') from None
