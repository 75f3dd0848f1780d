"""Whether the showers of a file follow their particles, along the same axis and with the same
sign.
"""

from __future__ import annotations

import numpy as np

from calojax.data.measured import FEWEST_BARYCENTRES, Fit, Roles, Sample, fitted
from calojax.units import AS_WRITTEN

CERTAIN = 25.0  # log likelihood ratio
SCORE = float(np.sqrt(2 * CERTAIN))  # the same in standard deviations
FOLLOWS = 0.2  # of a step of the impact, that a barycentre goes at least
OWN, OTHER = ((0, 0), (1, 1)), ((0, 1), (1, 0))  # axes of the barycentre and of the particle


def axes(sample: Sample, order: str) -> str:
  """What is wrong with the axes: the barycentre follows another one, or runs against it; '' if
  nothing.
  """
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  own, other = ([_followed(sample, i, j) for i, j in pairs] for pairs in (OWN, OTHER))
  certainty = _likelier(other, own, len(sample.barycentre))
  exchanged = certainty > CERTAIN
  found = other if exchanged else own
  against = [_sign(fit) < -SCORE for fit in found]
  if not (exchanged or any(against)):
    return ''
  names = dict(zip('xy', 'yx' if exchanged else 'xy'))
  turned = ''.join(
    ('-' if against['xy'.index(letter)] != minus else '') + names[letter]
    for minus, letter in _letters(order)
  )
  words = ['x and y are exchanged'] if exchanged else []
  words += [f'{names[axis]} is reversed' for axis, wrong in zip('xy', against) if wrong]
  certainty = max(certainty, *(_sign(fit) ** 2 / 2 for fit in found))
  return (
    f'the showers lie where the particles do not point: {" and ".join(words)} (read as {order!r}; '
    f'log likelihood ratio {certainty:.0f}, expected at most {CERTAIN:g}); pass '
    f'--config.data.axes={turned}, or --config.data.axes={AS_WRITTEN} if it is right'
  )


def directions(sample: Sample, roles: Roles) -> str:
  """What is wrong with the directions beside the impact points: showers go the other way, or along
  the other axis; '' if nothing.
  """
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  fits = [_followed(sample, axis, axis) for axis in (0, 1)]
  crossed = [
    fitted(sample.barycentre[:, axis], sample.position[:, axis], sample.slope[:, 1 - axis])
    for axis in (0, 1)
  ]
  free = all(np.any(fit.scores) for fit in fits)  # else all terms are constant, or the showers are
  if free and _likelier(crossed, fits, len(sample.slope)) > CERTAIN:
    found = 'its x and y are exchanged'
  elif wrong := [name for name, fit in zip('xy', fits) if fit.scores[1] < -SCORE and fit.scores[0]]:
    found = f'{" and ".join(wrong)} of it run the other way'
  else:
    return ''
  return (
    f'the showers lean to another side than their particles by {roles.direction or "direction"}: '
    f'{found}; --config.data.axes={AS_WRITTEN} if it is right'
  )


def rows(sample: Sample, roles: Roles) -> str:
  """Whether the showers lie anywhere but where their particles hit, which spread over cells; '' if
  not.
  """
  if len(sample.barycentre) < FEWEST_BARYCENTRES:
    return ''
  for axis, name in enumerate('xy'):
    fit = _followed(sample, axis, axis)
    spread = sample.position[:, axis].std()
    if not fit.scores[0] or spread < sample.pitch[axis] or spread > sample.reach[axis]:
      continue
    error = abs(fit.coefficients[0] / fit.scores[0])
    if abs(fit.coefficients[0]) + 5 * error < FOLLOWS:
      return (
        f'along {name} a barycentre moves by {fit.coefficients[0]:.2g} mm for each mm of its '
        f'particle, expected about 1: are the rows of {roles.cells} and {roles.point} of the same '
        f'showers? --config.data.axes={AS_WRITTEN} if it is right'
      )
  return ''


def _followed(sample: Sample, axis: int, particle: int) -> Fit:
  """The fit of the barycentre's `axis` by impact and slope along the axis `particle`."""
  return fitted(sample.barycentre[:, axis], sample.position[:, particle], sample.slope[:, particle])


def _likelier(fits: list[Fit], others: list[Fit], count: int) -> float:
  """The logarithm of how much likelier fits of normal errors make what is seen than others do."""
  return 0.5 * count * sum(np.log(b.left / a.left) for a, b in zip(fits, others))


def _sign(fit: Fit) -> float:
  """The coefficient of the impact (of the slope, if all meet one point) in its own errors."""
  return float(fit.scores[0] or fit.scores[1])


def _letters(order: str) -> list[tuple[bool, str]]:
  """Sign (True: minus) and letter of each axis of '-xy'."""
  return [(i > 0 and order[i - 1] == '-', c) for i, c in enumerate(order) if c in 'xy']
