"""Whether the showers of a file follow their particles, along the same axis and with the same
sign.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calojax.data.measured import FEWEST_BARYCENTRES, Sample
from calojax.units import AS_WRITTEN

CERTAIN = 25.0  # log likelihood ratio
OWN, OTHER = ((0, 0), (1, 1)), ((0, 1), (1, 0))  # axes of the barycentre and of the particle


def axes(sample: Sample, order: str) -> str:
  """What is wrong with the axes: the barycentre follows another one, or runs against it; '' if
  nothing.
  """
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  own, other = ([_followed(sample, i, j) for i, j in pairs] for pairs in (OWN, OTHER))
  certainty = (
    0.5
    * len(sample.barycentre)
    * sum(np.log(a.left / b.left) for a, b in zip(own, other) if min(a.left, b.left) > 0)
  )
  exchanged = certainty > CERTAIN
  found = other if exchanged else own
  against = [follow.sign < -np.sqrt(2 * CERTAIN) for follow in found]
  if not (exchanged or any(against)):
    return ''
  names = dict(zip('xy', 'yx' if exchanged else 'xy'))
  turned = ''.join(
    ('-' if against['xy'.index(letter)] != minus else '') + names[letter]
    for minus, letter in _letters(order)
  )
  words = ['x and y are exchanged'] if exchanged else []
  words += [f'{names[axis]} is reversed' for axis, wrong in zip('xy', against) if wrong]
  return (
    f'the showers lie where the particles do not point: {" and ".join(words)} (read as {order!r}; '
    f'log likelihood ratio {max(certainty, *(f.sign**2 / 2 for f in found)):.0f}, expected at most '
    f'{CERTAIN:g}); pass --config.data.axes={turned}, or --config.data.axes={AS_WRITTEN} if it is '
    'right'
  )


class _Follow(NamedTuple):
  """How a barycentre follows an axis of the particle: share of its variance that is left, and the
  coefficient of the impact (of the slope, if all meet one point) in its own errors.
  """

  left: float
  sign: float


def _followed(sample: Sample, axis: int, particle: int) -> _Follow:
  """The regression of the barycentre's `axis` on impact and slope along the axis `particle`."""
  target = sample.barycentre[:, axis] - sample.barycentre[:, axis].mean()
  terms = [values[:, particle] for values in (sample.position, sample.slope)]
  terms = [term - term.mean() for term in terms if np.ptp(term) > 1e-6 * (1 + np.abs(term).max())]
  if not terms or not np.any(target):
    return _Follow(1.0, 0.0)
  design = np.stack(terms, axis=1)
  design = design / design.std(0)
  coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
  left = float(np.square(target - design @ coefficients).sum())
  variance = (
    max(left, 1e-12)
    / max(1, len(target) - len(terms))
    * np.linalg.pinv(design.T @ design).diagonal()
  )
  return _Follow(
    max(left, 1e-12) / float(np.square(target).sum()),
    float(coefficients[0] / np.sqrt(max(variance[0], 1e-30))),
  )


def _letters(order: str) -> list[tuple[bool, str]]:
  """Sign (True: minus) and letter of each axis of '-xy'."""
  return [(i > 0 and order[i - 1] == '-', c) for i, c in enumerate(order) if c in 'xy']
