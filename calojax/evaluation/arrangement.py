"""Which showers are compared with which, so that a score and its ceiling rest on equal numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calojax.evaluation.bootstrap import generator
from calojax.evaluation.samples import Sample, select
from calojax.showers import Condition
from calojax.units import GEV

FEWEST = 4  # showers on each side
SIGNIFICANCE = 1e-6  # below this the conditions are taken to come from another spectrum
UNITS = 500.0  # ratio of responses beyond which only another unit can be behind it


class Arrangement(NamedTuple):
  """Equal numbers of showers: reference against generated, and reference against independent real
  ones, the ceiling.
  """

  reference: Sample
  generated: Sample
  independent: Sample
  ceiling: str  # where the independent showers come from, in words


def arrange(
  reference: Sample, generated: Sample, independent: Sample | None = None, seed: int = 0
) -> Arrangement:
  """The showers to compare.

  Without independent real showers the reference is divided at random: both the generated showers
  and the second part are compared with the first. As finite samples lower most scores, both
  comparisons have the same numbers: half of the reference or all generated showers, whichever is
  less. Where the generated showers were made for the reference's particles one by one, those of the
  second part's particles are taken, so that neither side shares the first part's particles.

  Raises:
    ValueError: sets of unequal size beside independent showers, or too few showers.
  """
  counts = {'reference': len(reference.columns), 'generated': len(generated.columns)}
  if independent is not None:
    counts['independent'] = len(independent.columns)
    if len(set(counts.values())) > 1:
      raise ValueError(
        f'{", ".join(f"{count} {name}" for name, count in counts.items())} showers, expected equal numbers'
      )
    return Arrangement(reference, generated, independent, 'independent real showers')
  count = min(counts['reference'] // 2, counts['generated'])
  if count < FEWEST:
    raise ValueError(
      f'{counts["reference"]} reference and {counts["generated"]} generated showers, expected at least {2 * FEWEST} and {FEWEST}'
    )
  rng = generator(seed)
  order = rng.permutation(counts['reference'])
  second = order[count : 2 * count]
  chosen = (
    second
    if counts['generated'] == counts['reference']
    else rng.permutation(counts['generated'])[:count]
  )
  return Arrangement(
    select(reference, order[:count]),
    select(generated, chosen),
    select(reference, second),
    'two disjoint parts of the reference',
  )


def paired(reference: Sample, generated: Sample) -> bool:
  """Whether the generated showers were made for the reference's particles, one by one."""
  if len(reference.columns) != len(generated.columns):
    return False
  return all(
    np.allclose(a, b, rtol=1e-4, atol=1e-4)
    for a, b in zip(reference.condition, generated.condition)
  )


def check_comparable(reference: Sample, generated: Sample, response: int) -> None:
  """Raises ValueError if two files hold showers of other particles or, by all appearance, in other
  units.

  Args:
    reference, generated: the samples.
    response: column of E / E_p.
  """
  from scipy.stats import ks_2samp

  for (name, first), (_, second) in zip(
    _attributes(reference.condition), _attributes(generated.condition)
  ):
    if ks_2samp(first, second).pvalue < SIGNIFICANCE:
      spans = (
        f'{np.min(v):.4g} to {np.max(v):.4g} (median {np.median(v):.4g})' for v in (first, second)
      )
      raise ValueError(
        f'conditions do not match: {name} of the reference is {next(spans)}, of the generated showers {next(spans)}; '
        'expected showers of the same particles or of the same spectrum'
      )
  means = [sample.columns[:, response].mean() for sample in (reference, generated)]
  if min(means) > 0 and not 1 / UNITS < means[1] / means[0] < UNITS:
    raise ValueError(
      f'the generated showers have {means[1] / means[0]:.3g} times the energy of the reference (mean E / E_p {means[1]:.3g} '
      f'and {means[0]:.3g}): expected both files in the units that they state'
    )


def _attributes(condition: Condition):
  """Name and values of what describes the particles, rounded: float32 files of equal particles stay
  equal.
  """
  direction = np.asarray(condition.direction, np.float64)
  yield 'incident energy (GeV)', np.round(np.asarray(condition.energy, np.float64) / GEV, 4)
  for axis, values in zip('xy', np.asarray(condition.position, np.float64).T):
    yield f'impact point {axis} (mm)', np.round(values, 2)
  for axis, values in zip('xy', direction[:, :2].T):
    yield f'slope d{axis}/dz', np.round(values / direction[:, 2], 4)
