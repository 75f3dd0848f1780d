"""The layouts of files of showers by name; a new one is a module beside this and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from calojax.data import calochallenge, calogan, canonical, lhcb, threedgan
from calojax.geometry import Geometry
from calojax.showers import Shower

Arrays = Mapping[str, np.ndarray]
Attributes = Mapping[str, Any]


class Layout(NamedTuple):
  """How showers lie in a file.

  Attributes:
    units: of the arrays that the file must have, by key; the first has a row a shower.
    axes: what the axes of the showers mean, in words.
    geometry: (attributes, arrays) -> the calorimeter.
    decode: (arrays, attributes, geometry) -> `Shower[n]` of arrays `(n, ...)`.
    encode: (showers, geometry) -> arrays, the inverse.
    optional: units of arrays that are given to `geometry` and `decode` if the file has them.
  """

  units: dict[str, str]
  axes: str
  geometry: Callable[[Attributes, Arrays], Geometry]
  decode: Callable[[Arrays, Attributes, Geometry], Shower]
  encode: Callable[[Shower, Geometry], dict[str, np.ndarray]]
  optional: dict[str, str] = {}


LAYOUTS = {
  'calojax': Layout(
    canonical.UNITS, canonical.AXES, canonical.geometry, canonical.decode, canonical.encode
  ),
  'lhcb': Layout(lhcb.UNITS, lhcb.AXES, lhcb.geometry, lhcb.decode, lhcb.encode),
  'calogan': Layout(
    calogan.UNITS, calogan.AXES, calogan.geometry, calogan.decode, calogan.encode, calogan.OPTIONAL
  ),
  'threedgan': Layout(
    threedgan.UNITS,
    threedgan.AXES,
    threedgan.geometry,
    threedgan.decode,
    threedgan.encode,
    threedgan.OPTIONAL,
  ),
  'calochallenge': Layout(
    calochallenge.UNITS,
    calochallenge.AXES,
    calochallenge.geometry,
    calochallenge.decode,
    calochallenge.encode,
  ),
}


def recognised(keys: set[str]) -> Layout:
  """The layout that shares most keys with a file.

  Raises:
    ValueError: even that one lacks a key that is not optional.
  """
  name, layout = max(
    LAYOUTS.items(), key=lambda item: len({*item[1].units, *item[1].optional} & keys)
  )
  missing = [key for key in layout.units if key not in keys]
  if missing:
    raise ValueError(
      f'no {missing[0]!r} among its keys {sorted(map(str, keys))}, expected {list(layout.units)} '
      f'(layout {name!r})'
    )
  return layout
