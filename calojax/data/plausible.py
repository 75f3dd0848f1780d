"""Whether the showers of a file can be what its layout says: the units by the visible energy, the
axes, the points and the pitch by where the showers lie.

Nothing here knows how a shower should look in a detector that nobody has seen. What is asked holds
in any calorimeter, and the thresholds lie half-way, on the scale of the mistake, between what is
right and what is wrong:

- No calorimeter sees more than the particle brought, but for noise and calibration: the median of
  E_vis / E_p is at most 1.2. None sees less than some 0.5 % (300 um of silicon between tungsten:
  0.5 to 2 %); a homogeneous one taken for a thousandth sees 0.1 %: at least 0.2 %. Where the
  sampling fraction is known, it is within a factor 30 of that, as units differ by 1000.
- E_vis / E_p has one order of magnitude, in a thin calorimeter that pions cross two: from the 16 %
  to the 84 % quantile less than a factor 50; mixed units or energies of other showers give more.
- E_vis grows with E_p, where that spreads by more than a factor three; most showers have energy.
- Of cells in rings the mean shower is alike at every angle and densest in the middle, see `rings`.
- A shower lies the deeper the more energy it has, see `longitudinal`.
- The barycentre follows impact + slope x depth, along the same axis and with the same sign, by a
  likelihood ratio of `alignment.CERTAIN`, some seven standard deviations; it need not follow
  closely, nor at all (the cells may be wider than the spread of the particles).
- Impact and barycentre are in the same unit: they are apart by less than a cell, or no other unit
  or pitch brings them together; and from the same origin: their mean distance is at most three
  cells, or widths of a shower.
- The barycentre moves with the impact, where that spreads over several cells, and leans along the
  direction.

A calorimeter of which this does not hold is read with `data.units` or `data.axes` as 'as_written'.
"""

from __future__ import annotations

from collections.abc import Callable

from calojax.data import alignment, lengths, longitudinal, response, rings
from calojax.data.conventions import Conventions
from calojax.data.measured import FEWEST_BARYCENTRES, Roles, measured
from calojax.detectors import LHCB_ECAL
from calojax.geometry import Geometry
from calojax.showers import Shower, thinned
from calojax.units import AS_WRITTEN

SHOWERS, CELLS = 2000, 4_000_000  # looked at, at most: some 50 ms


def check(
  showers: Shower,
  geometry: Geometry,
  source: str,
  conventions: Conventions,
  roles: Roles,
  order: str = 'xy',
  assumed_pitch: bool = False,
) -> None:
  """Raises ValueError, with a guess at the mistake and the way out, unless the showers `[n]` can be
  of this calorimeter.

  Args:
    showers: in MeV and mm.
    geometry: theirs.
    source: the file, to be named.
    conventions: what the user said of it.
    roles: names of the arrays.
    order: of the image axes, as the file was read.
    assumed_pitch: nothing in the file says how wide the cells are.
  """
  few = thinned(showers, max(FEWEST_BARYCENTRES, min(SHOWERS, CELLS // geometry.cells)))
  sample = measured(few, geometry)
  units, axes = conventions.units != AS_WRITTEN, conventions.axes != AS_WRITTEN
  unstated = assumed_pitch and geometry.layers == LHCB_ECAL.layers
  tests: list[tuple[bool, Callable[[], str]]] = [
    (units, lambda: response.response(sample, geometry, roles)),
    (units, lambda: response.unit(sample, roles)),
    (axes, lambda: alignment.axes(sample, order)),
    (axes and roles.rings, lambda: rings.angles(few, geometry, roles)),
    (axes and roles.rings, lambda: rings.core(few, geometry, roles)),
    (axes and roles.rings, lambda: longitudinal.profile(few, geometry, roles)),
    (axes, lambda: longitudinal.depth(sample, roles)),
    (axes and units, lambda: longitudinal.layers(few, geometry, roles, order)),
    (units, lambda: lengths.scales(sample, geometry, roles)),
    (units, lambda: lengths.outside(sample, geometry, roles)),
    (units, lambda: lengths.beside(sample, geometry)),
    (units and unstated, lambda: lengths.width(few, geometry)),
    (axes, lambda: alignment.rows(sample, roles)),
    (axes, lambda: alignment.directions(sample, roles)),
  ]
  for asked, test in tests:
    fault = test() if asked else ''
    if fault:
      raise ValueError(f'{source}: {fault}')
