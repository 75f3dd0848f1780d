"""What may differ between the config that a workdir keeps and the one that goes on in it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from calojax.config.migrations import Config
from calojax.config.rules import flatten

END = 'train.steps'
# They decide what is told and kept of a training and when it ends early, and no number of it.
FREE = (
  'train.log_every',
  'train.checkpoint_every',
  'train.monitor_every',
  'train.best_by',
  'train.patience',
  'evaluation.',
  'tracking',
)
PLACES = ('data.source', 'data.binning')  # of data that are known by their fingerprint
MEMORY = 'data.memory_gib'  # as long as the showers come in the same order


class Change(NamedTuple):
  """A key of a config with the value that a workdir has and the one that is asked for."""

  key: str
  old: Any
  new: Any

  def __str__(self) -> str:
    return f'{self.key} was {self.old!r}, now {self.new!r}'

  @property
  def free(self) -> bool:
    """Whether the trained numbers are the same with both."""
    return self.key.startswith(FREE)


def everywhere(config: Config) -> dict[str, Any]:
  """The values, by key, that have to be the same in all processes of a training."""
  flat = flatten(json.loads(config.to_json()))
  return {f'config.{key}': value for key, value in flat.items() if key not in PLACES}


def changes(old: Config, new: Config) -> list[Change]:
  """The keys in which two configs differ, in order."""
  flat = [flatten(json.loads(config.to_json())) for config in (old, new)]
  keys = sorted(set(flat[0]) | set(flat[1]))
  found = (Change(key, *(values.get(key) for values in flat)) for key in keys)
  return [change for change in found if change.old != change.new]
