"""What a run's folder holds beside checkpoints: its config, its data's geometry and origin, and the
spectrum it was trained on.

`config.json history.json checkpoints/ data.json spectrum.npz best.json metrics.jsonl events*
tracking.json evaluation/<step>/`. A workdir is enough to sample from, on a machine that has not
the data.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from calojax import data, spectrum
from calojax.config import Change, changes
from calojax.config.changes import END, MEMORY, PLACES
from calojax.config.of_workdir import CONFIG
from calojax.config.of_workdir import get_config as stored_config
from calojax.files import check_digests, write_digests, write_text
from calojax.geometry import Geometry
from calojax.showers import Condition
from calojax.training import history

SPECTRUM = 100_000  # conditions kept at most
DATA = 'data.json'


def claim(
  workdir: str, asked: Any, steps: int | None = None, origin: Mapping[str, Any] | None = None
) -> list[Change]:
  """Makes the workdir and keeps the config in it, or finds one there that the config can go on
  from; the changes, none of which is kept yet.

  Args:
    workdir: the folder.
    asked: the config.
    steps: an end that was asked for by itself, which may be another than the workdir's.
    origin: what a new run starts from, if not from nothing.

  Raises:
    ValueError: the workdir belongs to another config.
  """
  os.makedirs(workdir, exist_ok=True)
  if os.path.exists(os.path.join(workdir, CONFIG)):
    return check_config(workdir, asked, training=True, steps=steps)
  write_text(os.path.join(workdir, history.FILE), history.text([history.first(asked, origin)]))
  write_text(os.path.join(workdir, CONFIG), _text(asked))
  return []


def check_config(
  workdir: str, asked: Any, *, training: bool = False, steps: int | None = None
) -> list[Change]:
  """How a config differs from the one that the workdir was made with, where it may: in what is told
  and kept of a training, in where its data lie; where nothing is to be trained, in its end too.

  Raises:
    ValueError: it differs in more; the keys are listed with both values.
  """
  found = changes(stored_config(workdir), asked)
  ends = steps is not None or not training
  bad = [
    change
    for change in found
    if not (change.free or change.key in (*PLACES, MEMORY) or (ends and change.key == END))
  ]
  if bad:
    end = '; --steps=N goes on to another end' if any(c.key == END for c in bad) else ''
    raise ValueError(
      f'{workdir} was made with another config: {"; ".join(map(str, bad))}. '
      f'Give a new --workdir, or the old values{end}'
    )
  return found


def amend(workdir: str, asked: Any, changed: Sequence[Change], step: int) -> None:
  """Keeps a config with which the workdir goes on from a step, and its history."""
  entries = history.stored(workdir, stored_config(workdir))
  text = history.text(history.continued(entries, asked, changed, step))
  _replace(workdir, {history.FILE: text, CONFIG: _text(asked)})


def check_origin(workdir: str, config: Any, about: Mapping[str, Any] | None, begun: bool) -> None:
  """Raises ValueError unless the run in the workdir starts, or has started, from this one.

  Args:
    workdir: the folder.
    config: of the run.
    about: the run whose weights are asked for; None where nothing is said.
    begun: whether it has started: then its weights are there, whatever became of the other run.
  """
  entries = history.stored(workdir, config)
  first = entries[0].get('from')
  path, asked = (found['path'] if found else None for found in (first, about))
  if path != asked and not (begun and asked is None):
    raise ValueError(
      f'{workdir} was made to start from {path or "nothing"}, now from {asked or "nothing"}. '
      'Give a new --workdir, or the old --from'
    )
  if not begun and first != about:  # the other run has gone on since
    _replace(workdir, {history.FILE: history.text([entries[0] | {'from': about}, *entries[1:]])})


def _replace(workdir: str, texts: Mapping[str, str]) -> None:
  """Writes `config.json` or `history.json` anew, without their digests as long as they are not what
  was digested: a process killed in between leaves a workdir that loads.
  """
  write_digests(workdir, (DATA, spectrum.FILE))
  for name, text in texts.items():
    write_text(os.path.join(workdir, name), text)
  seal(workdir)


def seal(workdir: str) -> None:
  """Writes the digests of what a workdir is known by."""
  names = (CONFIG, DATA, spectrum.FILE, history.FILE)
  write_digests(workdir, [name for name in names if os.path.exists(os.path.join(workdir, name))])


def _text(config: Any) -> str:
  return json.dumps(json.loads(config.to_json()), indent=2) + '\n'


def with_data(config: Any, workdir: str, source: str | os.PathLike | None) -> Any:
  """The config with its data at `source`, if that is said.

  Raises:
    ValueError: they have gone from where the training in the workdir read them.
  """
  if source is not None:
    config = config.copy_and_resolve_references()
    config.data.source = os.fspath(source)
  path = config.data.source
  made = os.path.exists(os.path.join(workdir, CONFIG))
  if made and path not in data.DATASETS and not os.path.exists(path):
    raise ValueError(
      f'{path}, data of {workdir}, is not there; --data=PATH tells where they have moved: their '
      'fingerprint is compared'
    )
  return config


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
  seal(workdir)


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
