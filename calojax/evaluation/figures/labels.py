"""What is written at a panel: axes with units, and how far the generated showers are off."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from calojax.evaluation.metrics.separation import bin_edges, separation_power
from calojax.evaluation.report.pulls import digits

Scores = dict[str, Any]  # a summary of `study.summary`, or nothing


def with_unit(label: str, unit: str) -> str:
  """An axis label; a pure number has no unit."""
  return f'{label} [{unit}]' if unit else label


def number(value: float | None, error: float | None = None, bare: bool = False) -> str:
  """Value and error with the digits that the error deserves, a power of ten in mathematics: fonts
  have no raised signs. `bare` leaves the error out.
  """
  mantissa, margin, exponent = digits(value, error)
  text = f'{mantissa} ± {margin}' if margin and not bare else mantissa
  if not exponent:
    return text
  return (f'({text})' if '±' in text else text) + f' $\\mathdefault{{\\times 10^{{{exponent}}}}}$'


def brief(value: float) -> str:
  """A value without an error, with two significant digits."""
  return number(float(f'{value:.2g}'))


def metric(scores: Scores, key: str, name: str) -> str:
  """`name 0.021 ± 0.003 (Geant4: 0.011)`; empty if it has not been computed."""
  found = scores.get(key)
  if found is None or found.get('value') is None:
    return ''
  told = f'{name} {number(found["value"], found.get("error"))}'
  for kind in ('floor', 'ceiling', 'reference'):
    if found.get(kind) is not None:
      error = found.get(f'{kind}_error', found.get('error'))
      return f'{told} (Geant4: {number(found[kind], error, bare=True)})'
  return told


def separation(scores: Scores, column: str, real: np.ndarray, fake: np.ndarray) -> str:
  """The separation power of a column of observables, with its error and floor; of the values `[n]`
  and `[m]` themselves if the evaluation has not computed it.
  """
  told = metric(scores, f'separation/{column}', 'separation')
  return told or f'separation {brief(separation_of(real, fake))}'


def mean_separation(scores: Scores, name: str, real: np.ndarray, fake: np.ndarray) -> str:
  """The mean separation power of the components `[n, k]` and `[m, k]` of an observable."""
  pattern = re.compile(rf'separation/{re.escape(name)}_\d+')
  found = [figure for key, figure in scores.items() if pattern.fullmatch(key)]
  values = [figure['value'] for figure in found] or [*map(separation_of, real.T, fake.T)]
  beside = ''
  if found and all('floor' in figure for figure in found):
    beside = f' (Geant4: {brief(float(np.mean([figure["floor"] for figure in found])))})'
  return f'mean separation {brief(float(np.mean(values)))}{beside}'


def separation_of(real: np.ndarray, fake: np.ndarray) -> float:
  """The separation power of values `[n]` and `[m]`, in the bins of the metric."""
  inner = bin_edges(real)[1:-1]
  counts = [
    np.bincount(np.searchsorted(inner, values, 'right'), minlength=len(inner) + 1)
    for values in (real, fake)
  ]
  return float(separation_power(*counts))
