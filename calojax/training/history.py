"""`history.json` of a workdir: with which end, commit and config a training began, and began again.

A list in order, one entry for the start and one for each change: `step` from which it holds,
`steps` (the end), `commit` and `calojax` of the code, `changed` ({key: [old, new]} of the config),
`plugins` (name and version of the packages that brought a part, if any did), and in the first entry
`from`, what the run started from, if not from nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from calojax import provenance, registry
from calojax.config import Change
from calojax.files import check_digests

FILE = 'history.json'
Entry = dict[str, Any]


def first(config: Any, origin: Mapping[str, Any] | None) -> Entry:
  """The entry of a new run."""
  return _entry(config, 0, ()) | ({'from': dict(origin)} if origin else {})


def continued(
  entries: Sequence[Entry], config: Any, changed: Sequence[Change], step: int
) -> list[Entry]:
  """The entries with one more; what began at the same step, and got no further, becomes one."""
  entry = _entry(config, step, changed)
  last = entries[-1]
  if last['step'] == step and len(entries) > 1:
    merged = dict(last['changed'])
    for key, (old, new) in entry['changed'].items():
      merged[key] = [merged.get(key, [old])[0], new]
    return [*entries[:-1], entry | {'changed': merged}]
  return [*entries, entry]


def _entry(config: Any, step: int, changed: Sequence[Change]) -> Entry:
  code, plugins = provenance.origin(), registry.used()
  return {
    'step': step,
    'steps': config.train.steps,
    'commit': code['commit'],
    'calojax': code['calojax'],
    'changed': {change.key: [change.old, change.new] for change in changed},
  } | ({'plugins': plugins} if plugins else {})


def stored(workdir: str, config: Any) -> list[Entry]:
  """The entries of a workdir; of one that was made before there was a history the first alone, with
  what its config tells.

  Raises:
    ValueError: the file is not what was written.
  """
  path = os.path.join(workdir, FILE)
  check_digests(workdir, FILE)
  try:
    with open(path, encoding='utf-8') as file:
      found = json.load(file)
    if not found or not all({'step', 'steps', 'changed'} <= set(entry) for entry in found):
      raise ValueError('expected a list of entries with step, steps and changed')
    return found
  except FileNotFoundError:
    unknown = {'commit': None, 'calojax': None, 'changed': {}}
    return [{'step': 0, 'steps': config.train.steps, **unknown}]
  except (ValueError, TypeError, RecursionError) as error:
    raise ValueError(f'{path} is not a history: {error}') from None


def text(entries: Sequence[Entry]) -> str:
  """The entries as the file holds them."""
  return json.dumps(list(entries), indent=1) + '\n'
