"""The config files that come with the package or with a plug-in, by name."""

from __future__ import annotations

import importlib.util
import pathlib
from types import ModuleType

from calojax import registry


def folder() -> pathlib.Path:
  """Where they lie: `calojax.configs` of an installation, `configs/` of a checkout."""
  package = importlib.util.find_spec('calojax.configs')
  if package and package.submodule_search_locations:
    return pathlib.Path(next(iter(package.submodule_search_locations)))
  return pathlib.Path(__file__).parents[2] / 'configs'


def path(name: str) -> str:
  """The file of a config: `name` itself where it is one or looks like one, else the shipped one or
  that of a plug-in.

  Raises:
    ValueError: a bare name that no shipped config has; the near name is told.
  """
  # A folder of that name, as a run's may be, does not hide the config.
  if name.endswith('.py') or '/' in name or pathlib.Path(name).is_file():
    return name
  shipped = {file.stem: str(file) for file in sorted(folder().glob('*.py'))}
  found = registry.find(registry.Registry('system', shipped, ModuleType), name, 'config')
  return found if isinstance(found, str) else str(found.__file__)


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
