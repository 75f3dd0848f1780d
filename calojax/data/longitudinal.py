"""Whether the layers of a file run front to back, and each of them is read as the others are.

The more energy, the deeper a shower, by a radiation length for each factor e: so the depth of a
shower follows the logarithm of E_p, and its place across the particle's way does not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from calojax.data import alignment
from calojax.data.alignment import SCORE
from calojax.data.measured import FEWEST_BARYCENTRES, Roles, Sample, fitted, measured
from calojax.geometry import Geometry
from calojax.showers import Shower
from calojax.units import AS_WRITTEN

NOTHING = 3.0  # standard deviations, within which the depth does not follow the energy
# Showers and spread of ln E_p, of which it follows in any calorimeter, and how much at least.
MANY, WIDE, FOLLOWS = 200, 1.5, 0.25
# Equal layers, whose mean energies rise and fall by less than so many times the largest in all:
# once up and down is 2, absorbers that alternate add some.
EQUAL, RISES = 10, 10.0
FAINT = 1e-3  # share of the energy; a thousandth of what a layer has in any calorimeter is less


def depth(sample: Sample, roles: Roles) -> str:
  """What is wrong with the order of the layers; '' if nothing."""
  if len(sample.behind) < FEWEST_BARYCENTRES:
    return ''
  energy = np.log(sample.energy)
  along = float(fitted(sample.behind, energy).scores[0])
  if along < -SCORE:
    return (
      f'showers lie the nearer to the front the more energy they have ({-along:.0f} standard '
      f'deviations): the layers of {roles.cells} seem to run back to front; '
      f'--config.data.axes={AS_WRITTEN} if it is right'
    )
  if not np.ptp(sample.behind) > 0:  # a single layer
    return ''
  correlation = along / np.hypot(along, np.sqrt(len(energy)))
  if roles.rings and len(energy) >= MANY and energy.std() > WIDE and correlation < FOLLOWS:
    return (
      f'the depth of showers does not follow their energy (correlation {correlation:.2f}, expected '
      f'more than {FOLLOWS:g}): {roles.cells} seem to be in another order; '
      f'--config.data.axes={AS_WRITTEN} if it is right'
    )
  for axis, name in enumerate('xy'):
    terms = sample.position[:, axis], sample.slope[:, axis]
    across = float(fitted(sample.barycentre[:, axis], energy, *terms).scores[0])
    if abs(along) < NOTHING and abs(across) > SCORE:
      return (
        f'showers move along {name} and not in depth the more energy they have ({abs(across):.0f} '
        f'standard deviations): the axes of {roles.cells} seem to be in another order; '
        f'--config.data.axes={AS_WRITTEN} if it is right'
      )
  return ''


def profile(showers: Shower, geometry: Geometry, roles: Roles) -> str:
  """Whether equal layers have energies that jump from one to the next; '' if not."""
  if len({replace(layer, depth=0.0) for layer in geometry.polar_layers()}) > 1:
    return ''
  sums = np.array([np.asarray(i, np.float64).sum() for i in geometry.split(showers.energies)])
  rises = np.abs(np.diff(sums)).sum() / sums.max() if sums.any() else 0.0
  if len(sums) < EQUAL or len(showers.energies) < FEWEST_BARYCENTRES or rises < RISES:
    return ''
  return (
    f'the mean energies of the layers jump up and down by {rises:.2g} times the largest, expected '
    f'a rise and a fall: {roles.cells} seem to be in another order; '
    f'--config.data.axes={AS_WRITTEN} if it is right'
  )


def layers(showers: Shower, geometry: Geometry, roles: Roles, order: str) -> str:
  """What is wrong with one of the arrays that a file has for each layer: its unit, or its axes; ''
  if nothing.
  """
  names = roles.cells.split(',')
  if len(names) != len(geometry.layers) or len(showers.energies) < FEWEST_BARYCENTRES:
    return ''
  images = geometry.split(showers.energies)
  sums = np.array([np.asarray(image, np.float64).sum() for image in images])
  for name, image, layer, share in zip(names, images, geometry.layers, sums / sums.sum()):
    if share < FAINT:
      return (
        f'{name} has {share:.2g} of the energy, expected more than {FAINT:g}: is it in another '
        f'unit? --config.data.units={name}:UNIT says so, --config.data.units={AS_WRITTEN} that it '
        'is right'
      )
    alone = Shower(image.reshape(len(image), -1), showers.condition)
    fault = alignment.axes(measured(alone, replace(geometry, layers=(layer,))), order)
    if fault:
      return f'{name}: {fault}'
  return ''
