"""Whether cells that lie in rings about the particle are read in the right order.

By symmetry the mean shower is the same at every angle; along the radius it falls by orders of
magnitude. Taking one for the other gives angles of very different energy. A calorimeter that is not
round, or particles that all come from one side, change the angles by less than a factor five.
"""

from __future__ import annotations

import numpy as np

from calojax.data.measured import FEWEST_BARYCENTRES, Roles
from calojax.geometry import Geometry, PolarLayer
from calojax.showers import Shower
from calojax.units import AS_WRITTEN

UNEVEN, CERTAIN = 5.0, 7.0  # ratio of two angles, and their difference in standard deviations


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


def core(showers: Shower, geometry: Geometry, roles: Roles) -> str:
  """Whether the radius runs outwards, away from the core of the showers; '' if so."""
  inner = outer = 0.0
  for layer, image in zip(geometry.polar_layers(), geometry.split(showers.energies)):
    if layer.shape[1] > 1:
      area = np.diff(np.square(layer.edges))
      density = np.asarray(image, np.float64).sum((0, 1)) / area
      inner, outer = inner + density[0], outer + density[-1]
  if len(showers.energies) < FEWEST_BARYCENTRES or inner >= outer:
    return ''
  return (
    f'the outermost ring holds {outer / max(inner, 1e-30):.2g} times the energy of the innermost '
    f'for its area, expected less than as much: {roles.cells} seem to be in another order; '
    f'--config.data.axes={AS_WRITTEN} if it is right'
  )
