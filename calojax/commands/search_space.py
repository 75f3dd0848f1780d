"""The file of a search: which values of a config are tried, in which ranges.

config = "published/conv2d"      # the name of a config, a file, or a workdir
trials = 30
figure = "prd_auc/physics"       # of the validation showers; by default the config's train.best_by
startup = 5                      # trials before one is pruned
warmup = 200                     # steps of each trial before it is pruned
seed = 0                         # of the search and of every training

[overrides]                      # of every trial
train.steps = 2000
train.monitor_every = 100

[space]
optimiser.generator = {low = 1e-5, high = 1e-3, log = true}
generator.width = {low = 16, high = 64, step = 16}
train.batch = [32, 64, 128]      # one of these
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from calojax.commands import sweep_plan
from calojax.config import check, shipped
from calojax.config.rules import SMALLEST

ROOM = {'config', 'trials', 'figure', 'startup', 'warmup', 'seed', 'overrides', 'space'}
RANGE = {'low', 'high', 'log', 'step'}


class Range(NamedTuple):
  """Values from `low` to `high`, whole ones if both are; of a step, or log-uniform."""

  low: float
  high: float
  log: bool = False
  step: float | None = None

  @property
  def whole(self) -> bool:
    """Whether its values are whole numbers."""
    return all(type(value) is int for value in (self.low, self.high, self.step or 0))

  @property
  def ends(self) -> tuple[Any, ...]:
    """The values that are checked with the config."""
    return self.low, self.high


class Choice(NamedTuple):
  """One of these values."""

  values: tuple[Any, ...]

  @property
  def ends(self) -> tuple[Any, ...]:
    """The values that are checked with the config."""
    return self.values


class Search(NamedTuple):
  """A search.

  Attributes:
    config: name or file.
    trials: how many are made.
    figure: of the monitored validation showers.
    startup: trials before one is pruned.
    warmup: steps of each trial before it is pruned.
    seed: of the search and of every training.
    overrides: values by flat key.
    space: what is tried by flat key.
  """

  config: str
  trials: int
  figure: str
  startup: int
  warmup: int
  seed: int
  overrides: dict[str, Any]
  space: dict[str, Range | Choice]

  @property
  def smallest(self) -> bool:
    """Whether the best figure is the smallest."""
    return self.figure in SMALLEST

  def words(self, values: Mapping[str, Any]) -> list[str]:
    """Of `python -m calojax.main` for a trial with these values, beside the workdir."""
    fixed = {'train.best_by': self.figure, 'seed': self.seed}
    changed = {**self.overrides, **fixed, **values}
    return [f'--config={self.config}', *(f'--config.{k}={v}' for k, v in changed.items())]


def read(path: str) -> Search:
  """The search of a file, its config found to do with the ends of all ranges.

  Raises:
    ValueError: it is no TOML, has an unknown key, or a config or a value that does not do.
  """
  tree = sweep_plan.tree(path)
  try:
    return _search(tree)
  except (ValueError, OSError) as error:
    raise ValueError(f'{path}: {error}') from None


def _search(tree: dict[str, Any]) -> Search:
  sweep_plan.known(tree, ROOM, 'key of a search')
  config = tree.get('config')
  if not isinstance(config, str) or not config:
    raise ValueError(f'config of a search is {config!r}, expected the name of one')
  numbers = {'trials': (None, 1), 'startup': (5, 0), 'warmup': (0, 0), 'seed': (0, 0)}
  given = {name: tree.get(name, usual) for name, (usual, _) in numbers.items()}
  for name, (_, least) in numbers.items():
    if type(given[name]) is not int or given[name] < least:
      raise ValueError(f'{name} is {given[name]!r}, expected a whole number from {least} on')
  overrides = sweep_plan.overrides(tree, 'the search')
  figure = tree.get('figure', overrides.pop('train.best_by', None))
  if figure is None:
    figure = shipped.load(config).train.best_by
  if not isinstance(figure, str) or not figure:
    raise ValueError(f'figure is {figure!r}, expected one that is monitored, as prd_auc/physics')
  space = _space(tree.get('space'))
  found = Search(config, figure=figure, overrides=overrides, space=space, **given)
  _check(found)
  return found


def _space(tree: Any, prefix: str = '') -> dict[str, Range | Choice]:
  """What is tried, by flat key."""
  if not isinstance(tree, dict) or not tree:
    raise ValueError('there is no [space], expected the values that are tried by key')
  found: dict[str, Range | Choice] = {}
  for name, value in tree.items():
    key = prefix + name
    if isinstance(value, list) and value:
      found[key] = Choice(tuple(tuple(v) if isinstance(v, list) else v for v in value))
    elif isinstance(value, dict) and 'low' in value:
      found[key] = _range(key, value)
    elif isinstance(value, dict):
      found |= _space(value, f'{key}.')
    else:
      raise ValueError(
        f'{key} is {value!r}, expected a list of values or {{low = A, high = B, log = true}}'
      )
  return found


def _range(key: str, tree: dict[str, Any]) -> Range:
  """A range of numbers."""
  sweep_plan.known(tree, RANGE, f'key of the range {key}')
  low, high, log, step = tree['low'], tree.get('high'), tree.get('log', False), tree.get('step')
  plain = all(type(v) in (int, float) for v in (low, high, 1 if step is None else step))
  if not plain or type(log) is not bool or not low < high:  # pyright: ignore[reportOptionalOperand]
    raise ValueError(f'{key} is from {low} to {high}, expected two numbers, low < high')
  found = Range(low, high, log, step)  # pyright: ignore[reportArgumentType]
  if found.log and (found.low <= 0 or found.step is not None):
    raise ValueError(f'{key} is logarithmic from {found.low}, expected low > 0 and no step')
  if found.step is not None and found.step <= 0:
    raise ValueError(f'step of {key} is {found.step}, expected a number > 0')
  return found


def _check(search: Search) -> None:
  """Raises ValueError unless the config does with every end of a range alone, beside the first
  ends of the others.
  """
  config = shipped.load(search.config)
  fixed = {**search.overrides, 'train.best_by': search.figure, 'seed': search.seed}
  first = {key: tried.ends[0] for key, tried in search.space.items()}
  both = set(search.overrides) & set(first)
  if both:
    raise ValueError(f'{min(both)} is in overrides and in space, expected it in one of them')
  for key, tried in search.space.items():
    for value in tried.ends:
      check(shipped.changed(config, {**fixed, **first, key: value}))
