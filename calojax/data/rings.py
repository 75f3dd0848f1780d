"""Whether cells that lie in rings about the particle are read in the right order, and their two
energies in the right unit.

By symmetry the mean shower is the same at every angle; along the radius it falls by orders of
magnitude. Taking one for the other gives angles of very different energy. A calorimeter that is not
round, or particles that all come from one side, change the angles by less than a factor five.
"""

from __future__ import annotations

import numpy as np

from calojax.data.measured import FEWEST, FEWEST_BARYCENTRES, Roles, Sample
from calojax.geometry import Geometry, PolarLayer
from calojax.showers import Shower
from calojax.units import AS_WRITTEN

UNEVEN, CERTAIN = 5.0, 7.0  # ratio of two angles, and their difference in standard deviations
# MeV. Where cells and particle share a unit their ratio does not tell it; every public set lies in
# between, by more than the thousandth part that a wrong unit would be of it.
INCIDENT = (100.0, 1e7)


def angles(showers: Shower, geometry: Geometry, roles: Roles) -> str:
  """What is wrong with the order of the cells; '' if nothing."""
  by_count: dict[int, np.ndarray] = {}
  for layer, image in zip(geometry.layers, geometry.split(showers.energies)):
    if isinstance(layer, PolarLayer) and layer.angles > 1:
      seen = np.asarray(image, np.float64).sum(2)
      by_count[layer.angles] = by_count.get(layer.angles, 0) + seen
  for count, seen in by_count.items():
    seen = seen[seen.sum(1) > 0]
    if len(seen) < FEWEST_BARYCENTRES:
      continue
    share = seen / seen.sum(1, keepdims=True)
    mean, error = share.mean(0), share.std(0) / np.sqrt(len(share))
    high, low = int(mean.argmax()), int(mean.argmin())
    certain = mean[high] - mean[low] > CERTAIN * np.hypot(error[high], error[low])
    if certain and mean[high] > UNEVEN * mean[low]:
      return (
        f'of {count} angles number {high} has {mean[high]:.2g} of the mean shower and number {low} '
        f'{mean[low]:.2g}, expected as much at each: {roles.cells} seem to be in another order; '
        f'--config.data.axes={AS_WRITTEN} if it is right'
      )
  return ''


def unit(sample: Sample, roles: Roles) -> str:
  """What is wrong with the common unit of cells and particle; '' if nothing."""
  low, high = INCIDENT
  if len(sample.energy) < FEWEST or low <= sample.incident <= high:
    return ''
  other = 'GeV' if sample.incident < low else 'keV'
  return (
    f'the median incident energy is {sample.incident:.3g} MeV, expected {low:g} to {high:g}: '
    f'{roles.energy} and {roles.cells} look like {other}, pass --config.data.units='
    f'{roles.energy}:{other},{roles.cells}:{other}; --config.data.units={AS_WRITTEN} if it is right'
  )
