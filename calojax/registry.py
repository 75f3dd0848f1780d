"""Looking a part up by its name: calojax's own stand in a literal dict, an installed package brings
others by the entry points `calojax.plugins`, which are loaded when they are asked for.

An entry point's name is KIND.NAME, of `KINDS`: `"generator.mine" = "my_package.networks:Mine"`.
"""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

GROUP = 'calojax.plugins'
# What a package can bring: the first word of the entry point's name, and what it has to load.
KINDS = {
  'generator': 'a Flax module, called with noise and condition',
  'discriminator': 'a Flax module, called with showers and condition',
  'method': 'a function of config, geometry and training showers that returns a Method',
  'adversarial': 'a calojax.methods.losses.Adversarial',
  'condition': 'a function of Condition and Geometry that returns what networks see',
  'detector': 'a calojax.geometry.Geometry',
  'calorimeter': 'a calojax.simulation.calorimeters.Calorimeter',
  'system': 'a module with get_config, as in configs/',
  'layout': 'a calojax.data.layouts.Layout',
  'metric': 'a calojax.evaluation.named.Metric',
}


class Part(NamedTuple):
  """What a package brings: the package, with its version, the kind, the name, and where it lies."""

  package: str
  kind: str
  name: str
  entry: importlib.metadata.EntryPoint

  def told(self, fault: str) -> str:
    """A line on what is wrong with it."""
    return f'plug-in package {self.package}: {self.kind} {self.name!r} {fault}'

  def load(self) -> Any:
    """What the entry point names.

    Raises:
      ValueError: it cannot be imported, for whatever reason; the line names the package.
    """
    try:
      value = self.entry.load()
    except Exception as error:  # of a stranger's module: anything
      reason = ' '.join(str(error).split())
      raise ValueError(
        self.told(f'cannot be loaded from {self.entry.value}: {type(error).__name__}: {reason}')
      ) from error
    _used.add(self.package)
    return value


_used: set[str] = set()


def used() -> list[str]:
  """The packages, each with its version, of which this process has loaded a part."""
  return sorted(_used)


@functools.cache
def plugins() -> tuple[Part, ...]:
  """The parts of all installed packages, none of them loaded; one of no known kind is warned of."""
  found = []
  for entry in importlib.metadata.entry_points(group=GROUP):
    kind, _, name = entry.name.partition('.')
    package = f'{entry.dist.name} {entry.dist.version}' if entry.dist else 'of no name'
    if kind in KINDS and name:
      found.append(Part(package, kind, name, entry))
    else:
      warnings.warn(
        f'plug-in package {package}: entry point {entry.name!r} is left out, expected KIND.NAME '
        f'with a kind of {", ".join(KINDS)}',
        stacklevel=2,
      )
  return tuple(sorted(found, key=lambda part: (part.kind, part.name, part.package)))


class Registry(Mapping[str, Any]):
  """The parts of one kind by name, calojax's own and those of plug-ins.

  Args:
    kind: of `KINDS`.
    own: calojax's.
    of: the type of what a plug-in brings.
  """

  def __init__(self, kind: str, own: Mapping[str, Any], of: Any = object):
    assert kind in KINDS
    self.kind, self.own, self.of = kind, own, of

  def __iter__(self) -> Iterator[str]:
    return iter(dict.fromkeys([*self.own, *(part.name for part in self._parts())]))

  def __len__(self) -> int:
    return sum(1 for _ in self)

  def __contains__(self, name: object) -> bool:
    return name in self.own or any(part.name == name for part in self._parts())

  def __getitem__(self, name: str) -> Any:
    """The part of that name.

    Raises:
      KeyError: there is none.
      ValueError: two have the name, or a plug-in's cannot be loaded or is of another type.
    """
    parts = [part for part in self._parts() if part.name == name]
    if len(parts) + (name in self.own) > 1:
      other = 'calojax' if name in self.own else parts[1].package
      raise ValueError(
        parts[0].told(f'has the name of one of {other}, expected another: uninstall one of them')
      )
    return self._loaded(parts[0]) if parts else self.own[name]

  def usable(self) -> dict[str, Any]:
    """All that can be used, by name; a plug-in's that cannot is warned of and left out."""
    found = dict(self.own)
    for part in self._parts():
      try:
        found.setdefault(part.name, self[part.name])
      except ValueError as error:
        warnings.warn(f'{error}; it is left out', stacklevel=2)
    return found

  def _parts(self) -> list[Part]:
    return [part for part in plugins() if part.kind == self.kind]

  def _loaded(self, part: Part) -> Any:
    value = part.load()
    if not isinstance(value, self.of):
      raise ValueError(part.told(f'is of type {type(value).__name__}, expected {KINDS[self.kind]}'))
    return value


def find(registry: Mapping[str, Any], name: str, kind: str) -> Any:
  """The entry of that name.

  >>> find({'hinge': 1}, 'hing', 'adversarial loss')
  Traceback (most recent call last):
  ValueError: no adversarial loss 'hing'; did you mean 'hinge'? known: hinge

  Raises:
    ValueError: there is none; the message names the nearest and all known. A plug-in's that cannot
      be used, see `Registry`.
  """
  if name not in registry:
    closest = difflib.get_close_matches(str(name), registry, 1)
    hint = f'did you mean {closest[0]!r}? ' if closest else ''
    missing = '; is a plug-in not installed?' * (isinstance(registry, Registry) and not closest)
    raise ValueError(f'no {kind} {name!r}; {hint}known: {", ".join(registry) or "none"}{missing}')
  return registry[name]


def near(name: str, known: Iterable[str], otherwise: str, mark: str = '') -> str:
  """The nearest of many names, with a mark before it, as a question; all of them if none is near.

  >>> near('steps', ['train.steps', 'seed'], 'expected one of')
  'did you mean train.steps?'
  """
  names = list(known)
  found = difflib.get_close_matches(name, names, 1)
  return f'did you mean {mark}{found[0]}?' if found else f'{otherwise} {", ".join(names)}'
