"""The config files that come with the package or with a plug-in, by name; a config with other
values.
"""

from __future__ import annotations

import copy
import importlib.util
import pathlib
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from calojax import registry
from calojax.config import of_workdir
from calojax.config.migrations import Config
from calojax.config.rules import flatten


def folder() -> pathlib.Path:
  """Where they lie: `calojax.configs` of an installation, `configs/` of a checkout."""
  package = importlib.util.find_spec('calojax.configs')
  if package and package.submodule_search_locations:
    return pathlib.Path(next(iter(package.submodule_search_locations)))
  return pathlib.Path(__file__).parents[2] / 'configs'


def files() -> dict[str, pathlib.Path]:
  """The shipped configs by name, as cnn_aux or published/cnn_aux."""
  root = folder()
  found = {file.relative_to(root).with_suffix('').as_posix(): file for file in root.rglob('*.py')}
  return dict(sorted(found.items(), key=lambda item: (item[0].count('/'), item[0])))


def named(path: str) -> str:
  """The name of a config's file, of those that come with the package with their folder's, in one
  word: published_cnn_aux.
  """
  file = pathlib.Path(path)
  for name, known in files().items():
    if file.resolve() == known.resolve():
      return name.replace('/', '_')
  return file.name.removesuffix('.py')


def systems() -> registry.Registry:
  """The systems by name: the path of a shipped config, the module of a plug-in's."""
  shipped = {name: str(file) for name, file in files().items()}
  return registry.Registry('system', shipped, ModuleType)


def path(name: str) -> str:
  """The file of a config: `name` itself where it is one or looks like one, else the shipped one or
  that of a plug-in; of a workdir the file that reads its config, with the workdir behind a colon.

  Raises:
    ValueError: no such file, or a bare name that no shipped config has; the near name is told.
  """
  known = systems()
  # A folder of that name, as a run's may be, does not hide the config.
  if name not in known and (pathlib.Path(name) / of_workdir.CONFIG).is_file():
    return f'{of_workdir.__file__}:{name}'
  if pathlib.Path(name).is_file():
    _check_text(name)
    return name
  if name.endswith('.py') or ('/' in name and name not in known):
    raise ValueError(f'{name!r} is no config: no such file, and no run with a config')
  found = registry.find(known, name, 'config')
  return found if isinstance(found, str) else str(found.__file__)


def _check_text(name: str) -> None:
  """Raises ValueError if a file is no text, as a file of showers in the place of a config."""
  try:
    text = pathlib.Path(name).read_text(encoding='utf-8')
  except UnicodeDecodeError:
    text = '\0'
  if '\0' in text:
    raise ValueError(f'{name!r} is no config: it is no text, expected a Python file')


def workdir_of(path: str) -> str | None:
  """The workdir whose config this path, as `path` gives it, reads; None of a file."""
  file, colon, workdir = path.partition(':')
  return workdir if colon and file == of_workdir.__file__ else None


def load(name: str) -> Config:
  """The config of a file, or of one that comes with the package.

  Raises:
    ValueError: there is no such config, or it does not load.
  """
  file = path(name)
  if (workdir := workdir_of(file)) is not None:
    return of_workdir.get_config(workdir)
  spec = importlib.util.spec_from_file_location('asked_config', file)
  if not (spec and spec.loader and pathlib.Path(file).is_file()):
    raise ValueError(f'{file}: no such config, expected a Python file')
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
    return module.get_config()
  except Exception as error:  # it is code of the user's: it can raise anything
    raise ValueError(f'{file} does not load: {type(error).__name__}: {error}') from None


def changed(config: Config, changes: Mapping[str, Any]) -> Config:
  """A copy of the config with other values, by key as `train.steps`.

  Raises:
    ValueError: a key that it does not have, the near one is named; a value of another type.
  """
  check_keys(config, changes)
  found = copy.deepcopy(config)
  for key, value in changes.items():
    try:
      found.update_from_flattened_dict({key: value})
    except (TypeError, ValueError) as error:
      raise ValueError(f'{key} is {value!r}: {error}') from None
  return found


def check_keys(config: Config, keys: Iterable[str]) -> None:
  """Raises ValueError, which names the near key, if the config has no value of such a key."""
  known = flatten(config.to_dict())
  for key in keys:
    if key not in known:
      hint = registry.near(key, known, 'expected one of')
      raise ValueError(f'no value {key!r} in the config; {hint}')


def resolved(arguments: list[str]) -> list[str]:
  """The command line with `--config=NAME` as `--config=PATH`."""
  found = list(arguments)
  for i, argument in enumerate(arguments):
    for flag in ('--config', '-config'):
      if argument.startswith(f'{flag}='):
        found[i] = f'{flag}={path(argument.partition("=")[2])}'
      elif argument == flag and i + 1 < len(arguments):
        found[i + 1] = path(arguments[i + 1])
  return found
