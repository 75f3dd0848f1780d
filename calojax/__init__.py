"""Generative fast simulation of electromagnetic calorimeters: train, judge, ship.

model = calojax.load('lhcb_ecal')
showers = model.sample(1000, energy=20_000.0, theta=10.0)  # MeV, degrees
calojax.write('showers.h5', showers, model.geometry)
calojax.evaluate('geant4.h5', 'showers.h5', output='report')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from calojax.commands.interface import (
    Condition,
    Dataset,
    Geometry,
    Model,
    Range,
    Shower,
    evaluate,
    load,
    read,
    train,
    write,
  )

__version__ = '0.1.0'
__all__ = [
  'Condition',
  'Dataset',
  'Geometry',
  'Model',
  'Range',
  'Shower',
  'evaluate',
  'load',
  'read',
  'train',
  'write',
]


def __getattr__(name: str) -> Any:
  """A public name, imported when it is asked for: `import calojax` takes no time."""
  if name not in __all__:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  from calojax.commands import interface

  return getattr(interface, name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
