"""What the figures of a summary say: how far each is off, in units of its error and in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

TARGETS = ('reference', 'ceiling', 'floor')
AGREES, FAR = (
  2.0,
  5.0,
)  # standard deviations up to which a figure agrees, and from which it is far off
NAMES = {
  name.lower(): name
  for name in ('PRD', 'AUC', 'FPD', 'KPD', 'KS', 'MSE', 'SSIM', 'F8', 'Wasserstein')
}
SUPERSCRIPT = str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹')


class Statistic(NamedTuple):
  """One figure of a summary beside what it should be.

  Attributes:
    key: in the summary.
    value, error: None where there is no finite number.
    kind: one of `TARGETS`, empty where there is nothing to compare with.
    target, target_error: what it should be.
    pull: (value - target) / error of the difference; infinite where that error is 0, None where it
      is unknown.
  """

  key: str
  value: float | None
  error: float | None
  kind: str
  target: float | None
  target_error: float | None
  pull: float | None

  @property
  def badness(self) -> float:
    """|pull|, -1 where it is unknown: the order of the statistics."""
    return -1.0 if self.pull is None else abs(self.pull)


def statistics(summary: dict[str, Any]) -> list[Statistic]:
  """Every figure of a summary (the keys with a slash), in its order."""
  return [
    statistic(key, figure)
    for key, figure in summary.items()
    if '/' in key and isinstance(figure, dict)
  ]


def statistic(key: str, figure: dict[str, Any]) -> Statistic:
  """The figure with its pull; a target's error counts where it is given, else the figure's error is
  that of the difference.
  """
  kind = next((name for name in TARGETS if number(figure.get(name)) is not None), '')
  value, error, target = (number(figure.get(name)) for name in ('value', 'error', kind))
  target_error = number(figure.get(f'{kind}_error')) if kind else None
  return Statistic(
    key, value, error, kind, target, target_error, pull(value, error, target, target_error)
  )


def number(value: Any) -> float | None:
  """The finite number, or None."""
  return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def pull(
  value: float | None, error: float | None, target: float | None, target_error: float | None
) -> float | None:
  """(value - target) / hypot(errors); None where value, target or error is missing."""
  if value is None or target is None or (error is None and target_error is None):
    return None
  difference, scale = value - target, math.hypot(error or 0.0, target_error or 0.0)
  if scale == 0:
    return math.copysign(math.inf, difference) if difference else 0.0
  return difference / scale


def worst_first(found: Iterable[Statistic]) -> list[Statistic]:
  """Sorted by |pull|, those without one at the end."""
  return sorted(found, key=lambda entry: -entry.badness)


def in_words(entry: Statistic) -> str:
  """The figure in plain words: `at the ceiling`, `12 sigma below the ceiling`, `agrees`."""
  if entry.value is None:
    return 'not defined'
  if entry.pull is None:
    return 'no error given' if entry.kind else 'nothing to compare with'
  name = '' if entry.kind == 'reference' else f' the {entry.kind}'
  if entry.badness <= AGREES:
    return f'at{name}' if name else 'agrees'
  side = 'above' if entry.pull > 0 else 'below'
  return f'{sigmas(entry)} sigma {side}{name}'


def sigmas(entry: Statistic) -> str:
  """|pull| with as many digits as it deserves."""
  if entry.pull is None:
    return ''
  if math.isinf(entry.pull):
    return '\N{INFINITY}'
  return f'{entry.badness:.1f}' if entry.badness < 9.95 else f'{entry.badness:.0f}'


def level(entry: Statistic) -> str:
  """`unknown`, `good`, `off` or `far`, by |pull|."""
  if entry.pull is None:
    return 'unknown'
  return 'good' if entry.badness <= AGREES else 'off' if entry.badness < FAR else 'far'


def spoken(key: str) -> str:
  """A key as a label: `prd_auc/raw` -> `PRD-AUC, raw`, `observables/ring_2x2/mean` -> `ring 2x2,
  mean`.
  """
  words = (
    key.removeprefix('observables/')
    .removeprefix('distances/')
    .replace('prd_', 'prd-')
    .replace('f1_8', 'F1:8')
  )
  words = words.replace('/', ', ').replace('_', ' ')
  return re.sub(r'[a-z0-9]+', lambda word: NAMES.get(word[0], word[0]), words).replace(':', '/')


def rounded(value: float | None, error: float | None = None, bare: bool = False) -> str:
  """Value and error as text, the error with two significant digits and the value with the same
  decimals.

  Very small and large numbers have a common power of ten. Without an error the value has four
  significant digits; no value is a dash. `bare` leaves the error itself out.
  """
  mantissa, margin, exponent = digits(value, error)
  both = bool(margin) and not bare
  text = f'{mantissa} ± {margin}' if both else mantissa
  if exponent:
    text = (f'({text})' if both else text) + f' × 10{str(exponent).translate(SUPERSCRIPT)}'
  return text.replace('-', '−')


def aim(entry: Statistic) -> tuple[float | None, float | None, bool]:
  """The arguments of `rounded` for a target: one without an error has the digits of the figure's
  error.
  """
  return (
    (entry.target, entry.error, True)
    if entry.target_error is None
    else (entry.target, entry.target_error, False)
  )


def digits(value: float | None, error: float | None = None) -> tuple[str, str, int]:
  """Mantissa, error (empty if there is none) and power of ten of `rounded`."""
  value, error = number(value), number(error)
  if value is None:
    return '–', '', 0
  # Of both: 0.0001 +- 0.03 is written as 0.000, not with the power of ten of its value.
  size = max(abs(value), abs(error or 0.0))
  exponent = math.floor(math.log10(size)) if size and not 1e-3 <= size < 1e6 else 0
  value /= 10.0**exponent
  if not error:
    return f'{value:.4g}', '', exponent
  margin = f'{abs(error) / 10.0**exponent:.1e}'
  decimals = 1 - int(margin.split('e')[1])
  places = max(decimals, 0)
  return (
    f'{round(value, decimals) + 0.0:.{places}f}',
    f'{float(margin):.{places}f}',
    exponent,
  )  # + 0.0: no minus zero
