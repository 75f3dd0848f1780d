"""The three sets of showers behind every figure, and what a figure is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar('T')
S = TypeVar('S')

Figure = dict[str, float]  # value, error and what stands beside them: floor, ceiling or reference
Figures = dict[str, Figure]
Progress = Callable[[str, int, int], None]  # of (stage, done, total)


class Sets(NamedTuple, Generic[T]):
  """The same thing (showers, features, conditions) of each of the three sets.

  Attributes:
    reference: of real showers.
    generated: of what is judged.
    independent: of further real showers. A metric of finite samples has no absolute meaning; what
      real showers score against real ones tells how much of a value is chance.
  """

  reference: T
  generated: T
  independent: T

  def map(self, function: Callable[[T], S]) -> Sets[S]:
    """The function's value of each set."""
    return Sets(function(self.reference), function(self.generated), function(self.independent))

  @property
  def pairs(self) -> tuple[tuple[T, T], tuple[T, T]]:
    """What gives the value, generated beside real, and what gives its floor or ceiling, real beside
    real: one function of a pair serves both.
    """
    return (self.reference, self.generated), (self.reference, self.independent)


def figure(kind: str, numbers: Iterable[float]) -> Figure:
  """`{value, error, <kind>, <kind>_error}` of four numbers; kind is floor, ceiling or reference."""
  return dict(zip(('value', 'error', kind, f'{kind}_error'), map(float, numbers)))


def beside(figures: Figures, others: Figures, name: str) -> Figures:
  """The figures with value and error of the others added as `<name>` and `<name>_error`."""
  return {
    key: figure | {name: others[key]['value'], f'{name}_error': others[key]['error']}
    for key, figure in figures.items()
    if key in others
  }
