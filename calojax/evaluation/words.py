"""What is wrong with a generator, in plain English: short sentences from the figures of a summary.

A sentence is only told where a figure is beyond its statistical error *and* beyond a threshold of
what matters. What no figure of the summary looks at, no sentence tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from calojax.evaluation.report.pulls import number

# Errors that a figure has to be off by. Some twenty are looked at: at 3 errors a perfect generator
# would be called wrong in one of twenty evaluations, at 3.5 in one of a hundred.
SURE = 3.5
MOST = 8  # sentences at most
# Relative deviations from which on something is told.
ENERGY = 0.005  # of the mean energy: calibrations of calorimeters are held to less than a percent
SPREAD = 0.05  # of a standard deviation
SHAPE = 0.01  # of widths, depths and energies of cells
LIT = 0.02  # of the number of lit cells
PLACE = 0.1  # of the barycentre's distance from the trajectory, in spreads of the same
SLOPE = 0.05  # of a slope with which showers follow their particle
SHARE = 0.05  # of areas and of shares of showers, absolute
FACTOR = 1.5  # ratios from which on they are told as a factor and not in percent
TINY = 1e-3  # in place of a ratio of 0
COVERED = 'only {:.0f} % of Geant4 showers have a generated one like them (one of Geant4: {:.0f} %)'
NEAR = '{:.0f} % of the showers lie as near to a training shower as {:.0f} % of Geant4 showers do'
SLOPES = {
  'incident_energy': "energy follows the particle's energy",
  'impact_x': "barycentre follows the particle's impact point",
  'theta': "barycentre follows the particle's slope",
}
JUDGES = {
  'high': 'observables told by trees',
  'low': 'cells told by a network',
  'log': 'logarithms of cells told by a network',
  'trees_high': 'observables told by trees',
  'trees_rings': 'rings of cells told by trees',
}


class Ratio(NamedTuple):
  """What is compared as generated over Geant4.

  Attributes:
    keys: of the figure; the first that there is counts.
    threshold: relative deviation from which on it is told.
    low, high: the sentence where it is below and above, with a place for the size.
  """

  keys: tuple[str, ...]
  threshold: float
  low: str
  high: str


def _mean(name: str) -> tuple[str]:
  return (f'observables/{name}/mean',)


def _spread_of(name: str, keys: tuple[str, ...]) -> Ratio:
  return Ratio(keys, SPREAD, f'{{}} too little spread of {name}', f'{{}} too much spread of {name}')


RATIOS = (
  # The mean over bins of E_p first: it does not depend on which particles were drawn.
  Ratio(
    ('response/ratio', *_mean('response')),
    ENERGY,
    'mean energy {} too low',
    'mean energy {} too high',
  ),
  _spread_of('E/E_p', ('resolution/ratio', 'observables/response/std')),
  *(
    Ratio(
      _mean(f'width_{axis}'),
      SHAPE,
      f'showers {{}} too narrow {side} the inclination',
      f'showers {{}} too wide {side} the inclination',
    )
    for axis, side in (('longitudinal', 'along'), ('transverse', 'across'))
  ),
  *(
    _spread_of(f'the width {side} the inclination', (f'observables/width_{axis}/std',))
    for axis, side in (('longitudinal', 'along'), ('transverse', 'across'))
  ),
  # Of the occupancies the one of lowest threshold: all cells but the faintest.
  Ratio(_mean('occupancy_00'), LIT, '{} too few cells lit', '{} too many cells lit'),
  Ratio(_mean('max_cell'), SHAPE, 'hottest cell {} too faint', 'hottest cell {} too hot'),
  Ratio(_mean('depth'), SHAPE, 'showers {} too shallow', 'showers {} too deep'),
  *(
    _spread_of(f'the barycentre about the trajectory in {axis}', (f'observables/delta_{axis}/std',))
    for axis in 'xy'
  ),
)


class Found(NamedTuple):
  """A deviation beyond its error: how many thresholds it makes, and the sentence."""

  weight: float
  sentence: str


def sentences(summary: dict[str, Any]) -> list[str]:
  """What is wrong, most serious first: `MOST` sentences and how many more there are. One sentence
  if nothing is wrong; none if the summary has no figure that is looked at.

  Args:
    summary: of `study.summary`.
  """
  looked = list(_looked(summary))
  found = sorted((one for one in looked if one), key=lambda one: -one.weight)
  count = summary.get('meta', {}).get('count')
  errors = 'the statistical errors' + (f' of {count} showers' if count else '')
  if told := [one.sentence for one in found if one.weight > 1]:
    rest = [f'and {len(told) - MOST} more, less serious'] if len(told) > MOST else []
    return told[:MOST] + rest
  if found:
    return [f'beyond {errors} only what is small: {found[0].sentence}']
  return [f'nothing found beyond {errors}'] if looked else []


def _looked(summary: dict[str, Any]) -> Iterator[Found | None]:
  """For each figure that there is, what was found: None where it is within its error."""
  for ratio in RATIOS:
    yield from _ratio(summary, ratio)
  for axis in 'xy':
    yield from _place(summary, axis)
  yield from _judged(summary)
  if found := _numbers(summary, 'manifold/coverage', 'ceiling', 'error', 'ceiling_error'):
    value, ceiling, *errors = found
    yield _beyond(
      max(ceiling - value, 0), errors, SHARE, COVERED.format(100 * value, 100 * ceiling)
    )
  if found := _numbers(summary, 'neighbours/memorised', 'reference', 'error'):
    value, expected, *errors = found
    yield _beyond(max(value - expected, 0), errors, SHARE, NEAR.format(100 * value, 100 * expected))
  for name, sentence in SLOPES.items():
    if found := _numbers(summary, f'traversals/{name}', 'reference', 'error', 'reference_error'):
      value, expected, *errors = found
      by = 'by only' if value < expected else 'by'
      yield _beyond(value - expected, errors, SLOPE, f'{sentence} {by} {value:.2f}')


def _numbers(summary: dict[str, Any], key: str, *names: str) -> tuple[float, ...] | None:
  """The value of a figure and what stands beside it; None where one is missing or not finite."""
  figure = summary.get(key) or {}
  found = [number(figure.get(name)) for name in ('value', *names)]
  return None if None in found else tuple(one for one in found if one is not None)


def _beyond(
  difference: float, errors: Sequence[float], threshold: float, sentence: str
) -> Found | None:
  """The finding, unless its difference lies within its errors."""
  sure = abs(difference) > SURE * math.hypot(*errors)
  return Found(abs(difference) / threshold, sentence) if sure else None


def _ratio(summary: dict[str, Any], about: Ratio) -> Iterator[Found | None]:
  """The first of the figures that there is."""
  for key in about.keys:
    if found := _numbers(summary, key, 'reference', 'error'):
      value, reference, *errors = found
      if key.endswith('/ratio'):
        reference = 1.0  # not the ratio that stands beside it, which is that of other showers
      if reference:
        ratio = max(value / reference, TINY)
        sentence = (about.low if ratio < 1 else about.high).format(_size(ratio))
        told = _beyond(value - reference, errors, about.threshold, sentence)
        # On a logarithmic scale a third is as far off as three times.
        yield told and told._replace(weight=abs(math.log(ratio)) / about.threshold)
      return


def _size(ratio: float) -> str:
  """How far a ratio is from 1: `7 %`, or `3.0 x`."""
  if 1 / FACTOR < ratio < FACTOR:
    return f'{100 * abs(ratio - 1):.2g} %'
  factor = max(ratio, 1 / ratio)
  return f'{factor:.1f} x' if factor < 10 else f'{factor:.0f} x'


def _place(summary: dict[str, Any], axis: str) -> Iterator[Found | None]:
  """The barycentre's mean distance from the trajectory."""
  key = f'observables/delta_{axis}'
  mean = _numbers(summary, f'{key}/mean', 'reference', 'error')
  spread = _numbers(summary, f'{key}/std', 'reference')
  if mean and spread and spread[1] > 0:
    off = mean[0] - mean[1]
    yield _beyond(off, mean[2:], PLACE * spread[1], f'barycentre {off:+.2g} mm off in {axis}')


def _judged(summary: dict[str, Any]) -> Iterator[Found | None]:
  """The judge that tells generated from real showers best, beside the largest floor of all."""
  found = {
    key.removeprefix('classifier/'): numbers
    for key in summary
    if key.startswith('classifier/') and not key.startswith('classifier/worst')
    if (numbers := _numbers(summary, key, 'floor', 'error', 'floor_error'))
  }
  if found:
    name = max(found, key=lambda name: found[name][0])
    (value, _, *errors), floor = found[name], max(numbers[1] for numbers in found.values())
    group = name.removeprefix('trees_').replace('_', ' ')
    shown = JUDGES.get(name) or f'cells of the {group} told by trees'
    sentence = f'{shown} with an area of {value:.2f} (Geant4 from Geant4: {floor:.2f})'
    yield _beyond(max(value - floor, 0), errors, SHARE, sentence)
