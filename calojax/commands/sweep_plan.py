"""The file of a sweep: which configs are trained, with which values and seeds.

seeds = [0, 1, 2]            # of every job that does not say its own
figures = ["prd_auc/raw"]    # in the table; none: the first of each summary's table

[overrides]                  # of every job
train.steps = 12000

[[job]]
name = "aux"                 # by default the config's
config = "cnn_aux"           # the name of a config, a file, or a workdir
seeds = [0, 1]
from = "runs/cnn_aux"        # the run whose weights the new ones start from
checkpoint = "best"          # of that run; by default the newest

[job.overrides]
adversarial.generator_rate = 5e-5
"""

from __future__ import annotations

import pathlib
import re
import tomllib
from typing import Any, NamedTuple

from calojax import registry
from calojax.config import check, flatten, of_workdir, shipped
from calojax.config.changes import END

ROOM = {'seeds', 'figures', 'overrides', 'job'}
JOB = {'name', 'config', 'seeds', 'overrides', 'from', 'checkpoint'}
NAME = re.compile(r'[\w.+=-]+')


class Job(NamedTuple):
  """One training of a sweep.

  Attributes:
    group: name of the jobs that differ in their seed alone.
    seed: of the training.
    config: name or file.
    overrides: values by flat key.
    origin: the run whose weights it starts from, or None.
    checkpoint: of that run, or None: the newest.
  """

  group: str
  seed: int
  config: str
  overrides: dict[str, Any]
  origin: str | None = None
  checkpoint: str | None = None

  @property
  def name(self) -> str:
    """The job's own name, and that of its workdir."""
    return f'{self.group}-seed{self.seed}'

  def arguments(self) -> list[str]:
    """Of `python -m calojax.main` beside the workdir, the same each time that the job is started;
    where the file has another number of steps than it had, the training goes on to it.
    """
    values = {**self.overrides, 'seed': self.seed}
    end = [f'--steps={values.pop(END)}'] if END in values else []
    changed = [f'--config.{key}={value}' for key, value in values.items()]
    start = [f'--from={self.origin}'] if self.origin else []
    start += [f'--checkpoint={self.checkpoint}'] if self.checkpoint else []
    return [f'--config={self.config}', *end, *changed, *start]


class Plan(NamedTuple):
  """A sweep.

  Attributes:
    jobs: in order.
    figures: keys of summaries that the table has; none: the first ones there are.
  """

  jobs: list[Job]
  figures: tuple[str, ...]


def read(path: str) -> Plan:
  """The sweep of a file, its configs found to do.

  Raises:
    ValueError: it is no TOML, has an unknown key, or a config or a value that does not do.
  """
  found = tree(path)
  try:
    return _plan(found)
  except (ValueError, OSError) as error:
    raise ValueError(f'{path}: {error}') from None


def tree(path: str) -> dict[str, Any]:
  """What a file of TOML says.

  Raises:
    ValueError: it is not there, or no TOML.
  """
  try:
    with open(path, 'rb') as file:
      return tomllib.load(file)
  except FileNotFoundError:
    raise ValueError(f'{path} is not there, expected a file of TOML') from None
  except (ValueError, RecursionError) as error:  # not TOML, not UTF-8
    raise ValueError(f'{path} is not TOML: {error}') from None


def _plan(tree: dict[str, Any]) -> Plan:
  known(tree, ROOM, 'key of a sweep')
  rooms = tree.get('job')
  if not isinstance(rooms, list) or not rooms or not all(isinstance(room, dict) for room in rooms):
    raise ValueError('there is no job, expected [[job]] with config = NAME at least once')
  shared, seeds = overrides(tree, 'the sweep'), tree.get('seeds', [0])
  jobs = [job for room in rooms for job in _jobs(room, shared, seeds)]
  names = [job.name for job in jobs]
  for name in names:
    if names.count(name) > 1:
      raise ValueError(f'{names.count(name)} jobs are named {name}, expected a name for each')
  figures = tree.get('figures', [])
  if not isinstance(figures, list) or not all(isinstance(figure, str) for figure in figures):
    raise ValueError(f'figures is {figures!r}, expected a list of keys of a summary')
  return Plan(jobs, tuple(figures))


def _jobs(room: dict[str, Any], shared: dict[str, Any], seeds: Any) -> list[Job]:
  """The jobs of a room, one for each seed."""
  known(room, JOB, 'key of a job')
  config = room.get('config')
  if not isinstance(config, str) or not config:
    raise ValueError(f'config of a job is {config!r}, expected the name of one')
  file = shipped.files().get(config, config.rstrip('/'))  # published/cnn is not cnn
  name = room.get('name', shipped.named(str(file)))
  if not isinstance(name, str) or not NAME.fullmatch(name):
    raise ValueError(f'name of a job is {name!r}, expected letters, digits and any of _.+=-')
  seeds = room.get('seeds', seeds)
  if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
    raise ValueError(f'seeds of {name} is {seeds!r}, expected a list of whole numbers')
  values = {**shared, **overrides(room, name)}
  _check(config, {**values, 'seed': seeds[0]}, name)
  start = _origin(room, name)
  return [Job(name, seed, config, values, *start) for seed in seeds]


def _origin(room: dict[str, Any], name: str) -> tuple[str | None, str | None]:
  """The run that the jobs of a room start from, and which checkpoint of it."""
  origin, checkpoint = room.get('from'), room.get('checkpoint')
  if origin is not None and not (
    isinstance(origin, str) and (pathlib.Path(origin) / of_workdir.CONFIG).is_file()
  ):
    raise ValueError(f'from of {name} is {origin!r}, expected the folder of a run')
  if checkpoint is not None and origin is None:
    raise ValueError(f'checkpoint of {name} is {checkpoint!r} without from, expected both')
  if checkpoint is not None and type(checkpoint) not in (str, int):
    raise ValueError(f'checkpoint of {name} is {checkpoint!r}, expected newest, best or a step')
  return origin, None if checkpoint is None else str(checkpoint)


def overrides(room: dict[str, Any], name: str) -> dict[str, Any]:
  """The overrides of a room by flat key; lists become tuples, as a config has them."""
  found = room.get('overrides', {})
  if not isinstance(found, dict):
    raise ValueError(f'overrides of {name} is {found!r}, expected keys and values')
  if 'seed' in found:
    raise ValueError(f'overrides of {name} has seed, expected it in seeds')
  flat = flatten(found)
  return {key: tuple(value) if isinstance(value, list) else value for key, value in flat.items()}


def _check(config: str, values: dict[str, Any], name: str) -> None:
  """Raises ValueError unless there is the config and these values do."""
  try:
    check(shipped.changed(shipped.load(config), values))
  except ValueError as error:
    raise ValueError(f'job {name}: {error}') from None


def known(room: dict[str, Any], keys: set[str], kind: str) -> None:
  """Raises ValueError at a key that is none of these; the near one is named."""
  for key in room:
    registry.find(dict.fromkeys(keys), key, kind)
