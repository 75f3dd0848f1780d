"""Generative fast simulation of electromagnetic calorimeters: train, judge, ship."""

from typing import Any

__version__ = '0.1.0'


def __getattr__(name: str) -> Any:
  """`calojax.load`, the inference from an exported model, imported when it is asked for."""
  if name != 'load':
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  from calojax.inference import load

  return load
