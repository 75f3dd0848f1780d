"""The layouts of files of showers by name; a new one is a module beside this and an entry here, or
comes with a plug-in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from calojax.data import calochallenge, calogan, canonical, lemurs, lhcb, threedgan
from calojax.data.measured import Roles
from calojax.geometry import Geometry
from calojax.registry import Registry
from calojax.showers import Shower

Arrays = Mapping[str, np.ndarray]
Attributes = Mapping[str, Any]
# Of the particle, in the order in which a layout that knows several looks for them.
ENERGIES = (
  'energy',
  'target',
  'incident_energies',
  'incident_energy',
  'ParticleMomentum',
)
POINTS = ('ParticlePoint', 'x0', 'position')
DIRECTIONS = ('ParticleMomentum', 'direction', 'theta', 'px')


def xy(keys: Collection[str]) -> str:
  """The order of the image axes where it does not depend on the file."""
  return 'xy'


class Layout(NamedTuple):
  """How showers lie in a file.

  Attributes:
    units: of the arrays that the file must have, by key; the first has a row a shower.
    axes: what the axes of the showers mean, in words.
    geometry: (attributes, arrays) -> the calorimeter.
    decode: (arrays, attributes, geometry) -> `Shower[n]` of arrays `(n, ...)`.
    encode: (showers, geometry) -> arrays, the inverse.
    optional: units of arrays that are given to `geometry` and `decode` if the file has them.
    read: the same, of arrays that are read and never written.
    order: keys of the file -> 'xy' or 'yx', what runs along the two image axes.
    images: keys of the arrays that hold the cells; by default the first one.
    rings: whether the cells lie in rings about the particle, and cells and particle share a unit.
    energy, point: keys of the particle's energy and impact point, where they are not among
      `ENERGIES` and `POINTS`.
  """

  units: dict[str, str]
  axes: str
  geometry: Callable[[Attributes, Arrays], Geometry]
  decode: Callable[[Arrays, Attributes, Geometry], Shower]
  encode: Callable[[Shower, Geometry], dict[str, np.ndarray]]
  optional: dict[str, str] = {}
  read: dict[str, str] = {}
  order: Callable[[Collection[str]], str] = xy
  images: tuple[str, ...] = ()
  rings: bool = False
  energy: str = ''
  point: str = ''

  @property
  def known(self) -> dict[str, str]:
    """Units of all arrays that are read, by key."""
    return {**self.units, **self.optional, **self.read}

  @property
  def cells(self) -> tuple[str, ...]:
    """The arrays of the cells."""
    return self.images or tuple(self.units)[:1]

  def roles(self, keys: Collection[str], units: Mapping[str, str]) -> Roles:
    """Which of these keys of a file say what; `units` are those that are not the layout's."""
    point = self.point or next((key for key in POINTS if key in keys), '')
    return Roles(
      ','.join(self.cells),
      self.energy or next(key for key in ENERGIES if key in keys),
      'x0,y0' if point == 'x0' else point,
      {**self.known, **units},
      self.rings,
      next((key for key in DIRECTIONS if key in keys), ''),
    )


LAYOUTS = Registry(
  'layout',
  {
    'calojax': Layout(
      canonical.UNITS, canonical.AXES, canonical.geometry, canonical.decode, canonical.encode
    ),
    'lhcb': Layout(lhcb.UNITS, lhcb.AXES, lhcb.geometry, lhcb.decode, lhcb.encode),
    'calogan': Layout(
      calogan.UNITS,
      calogan.AXES,
      calogan.geometry,
      calogan.decode,
      calogan.encode,
      calogan.OPTIONAL,
      calogan.READ,
      calogan.order,
      calogan.LAYERS,
    ),
    'threedgan': Layout(
      threedgan.UNITS,
      threedgan.AXES,
      threedgan.geometry,
      threedgan.decode,
      threedgan.encode,
      threedgan.OPTIONAL,
      threedgan.READ,
    ),
    'calochallenge': Layout(
      calochallenge.UNITS,
      calochallenge.AXES,
      calochallenge.geometry,
      calochallenge.decode,
      calochallenge.encode,
      images=('showers',),
      rings=True,
    ),
    'lemurs': Layout(
      lemurs.UNITS, lemurs.AXES, lemurs.geometry, lemurs.decode, lemurs.encode, rings=True
    ),
  },
  Layout,
)


def recognised(keys: set[str]) -> Layout:
  """The layout that shares most keys with a file.

  Raises:
    ValueError: even that one lacks a key that is not optional.
  """
  small = {str(key).lower() for key in keys}

  def shared(item: tuple[str, Layout]) -> tuple[int, int]:
    known = set(item[1].known)
    return len(known & keys), len({key.lower() for key in known} & small)

  name, layout = max(LAYOUTS.usable().items(), key=shared)
  missing = [key for key in layout.units if key not in keys]
  if missing:
    raise ValueError(
      f'no {missing[0]!r} among its keys {sorted(map(str, keys))}, expected {list(layout.units)} '
      f'(layout {name!r})'
    )
  return layout
