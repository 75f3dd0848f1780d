"""The config files that come with the package or with a plug-in, by name."""

from __future__ import annotations

import importlib.util
import pathlib
from types import ModuleType

from calojax import registry
from calojax.config import of_workdir


def folder() -> pathlib.Path:
  """Where they lie: `calojax.configs` of an installation, `configs/` of a checkout."""
  package = importlib.util.find_spec('calojax.configs')
  if package and package.submodule_search_locations:
    return pathlib.Path(next(iter(package.submodule_search_locations)))
  return pathlib.Path(__file__).parents[2] / 'configs'


def path(name: str) -> str:
  """The file of a config: `name` itself where it is one or looks like one, else the shipped one or
  that of a plug-in; of a workdir the file that reads its config, with the workdir behind a colon.

  Raises:
    ValueError: a bare name that no shipped config has; the near name is told.
  """
  shipped = {file.stem: str(file) for file in sorted(folder().glob('*.py'))}
  # A folder of that name, as a run's may be, does not hide the config.
  if name not in shipped and (pathlib.Path(name) / of_workdir.CONFIG).is_file():
    return f'{of_workdir.__file__}:{name}'
  if name.endswith('.py') or '/' in name or pathlib.Path(name).is_file():
    return name
  found = registry.find(registry.Registry('system', shipped, ModuleType), name, 'config')
  return found if isinstance(found, str) else str(found.__file__)


def workdir_of(path: str) -> str | None:
  """The workdir whose config this path, as `path` gives it, reads; None of a file."""
  file, colon, workdir = path.partition(':')
  return workdir if colon and file == of_workdir.__file__ else None


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
