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
- Of cells in rings the mean shower is alike at every angle, see `rings`.
- The barycentre follows impact + slope x depth, along the same axis and with the same sign, by a
  likelihood ratio of `alignment.CERTAIN`, some seven standard deviations; it need not follow
  closely, nor at all (the cells may be wider than the spread of the particles).
- Impact and barycentre are in the same unit: they are apart by less than a cell, or no other unit
  or pitch brings them together.

A calorimeter of which this does not hold is read with `data.units` or `data.axes` as 'as_written'.
"""

from __future__ import annotations

from collections.abc import Callable

from calojax.data import alignment, lengths, response, rings
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
  tests: list[Callable[[], str]] = []
  if conventions.units != AS_WRITTEN:
    tests += [lambda: response.response(sample, geometry, roles)]
    if roles.rings:
      tests += [lambda: rings.unit(sample, roles)]
  if conventions.axes != AS_WRITTEN:
    tests += [lambda: alignment.axes(sample, order)]
    if roles.rings:
      tests += [lambda: rings.angles(few, geometry, roles)]
  if conventions.units != AS_WRITTEN:
    tests += [
      lambda: lengths.scales(sample, geometry, roles),
      lambda: lengths.outside(sample, geometry, roles),
    ]
    if assumed_pitch and geometry.layers == LHCB_ECAL.layers:
      tests += [lambda: lengths.width(few, geometry)]
  for test in tests:
    fault = test()
    if fault:
      raise ValueError(f'{source}: {fault}')
