"""Files of showers: one reader for every layout in HDF5 or npz, and the streaming writer.

The canonical layout is `energies` (n, v) MeV, `energy` (n,) MeV, `position` (n, 2) mm and
`direction` (n, 3), float32, with the attributes `format`, `version`, `units`, `axes`, `geometry`
and `provenance`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax.data import calochallenge, calogan, lhcb, threedgan
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower, check

VERSION = 1
CHUNK = 256  # showers
CACHE = (
  2**26
)  # bytes; an unfinished chunk stays here between appends instead of being packed and unpacked

Arrays = Mapping[str, np.ndarray]
Attributes = Mapping[str, Any]


class Dataset(NamedTuple):
  """Showers `[n, v]` (float32), the calorimeter's geometry, and where they come from (JSON values
  by name).
  """

  showers: Shower
  geometry: Geometry
  provenance: dict[str, Any]


class Layout(NamedTuple):
  """How showers lie in a file: units of its arrays by key, and functions between arrays `(n, ...)`
  and `Shower[n]`.

  The arrays of `optional` are given to `geometry` and `decode` if the file has them.
  """

  units: dict[str, str]
  axes: str
  geometry: Callable[[Attributes, Arrays], Geometry]
  decode: Callable[[Arrays, Attributes, Geometry], Shower]
  encode: Callable[[Shower, Geometry], dict[str, np.ndarray]]
  optional: dict[str, str] = {}


def _geometry(attributes: Attributes, arrays: Arrays) -> Geometry:
  """The geometry of a canonical file."""
  if attributes.get('version') != VERSION:
    raise ValueError(f"attribute 'version' is {attributes.get('version')}, expected {VERSION}")
  return Geometry.from_json(str(attributes.get('geometry')))


def _decode(arrays: Arrays, attributes: Attributes, geometry: Geometry) -> Shower:
  return Shower(arrays['energies'], Condition(*(arrays[key] for key in Condition._fields)))


def _encode(showers: Shower, geometry: Geometry) -> dict[str, np.ndarray]:
  return {'energies': showers.energies, **showers.condition._asdict()}


CANONICAL_UNITS = {'energies': 'MeV', 'energy': 'MeV', 'position': 'mm', 'direction': '1'}
LAYOUTS = {
  'calojax': Layout(
    CANONICAL_UNITS,
    'shower, cell (layer by layer, x slower, y faster)',
    _geometry,
    _decode,
    _encode,
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


def read(
  path: str | os.PathLike, start: int = 0, stop: int | None = None, geometry: Geometry | None = None
) -> Dataset:
  """The showers [start, stop) of a file in any known layout, which is recognised by its keys.

  A `geometry` takes the place of the one that the file or its layout tells.

  Raises:
    ValueError: a file that is missing, broken, of no known layout, or whose showers are not valid;
      it names the file.
  """
  with opened(path) as (file, attributes):
    layout = _layout(file, path)
    keys = [*layout.units, *(key for key in layout.optional if key in file)]
    arrays = {key: numbers(file, key, slice(start, stop), path) for key in keys}
    try:
      geometry = geometry or layout.geometry(attributes, arrays)
      showers = layout.decode(arrays, attributes, geometry)
      provenance = _provenance(attributes)
    except ValueError as error:
      raise ValueError(f'{path}: {error}') from None
  single = Shower(_single(showers.energies), Condition(*map(_single, showers.condition)))
  return Dataset(check(single, geometry, str(path)), geometry, provenance)


def extent(path: str | os.PathLike) -> tuple[int, int]:
  """Numbers of showers in an HDF5 file and in a chunk of it: small HDF5 chunks count together up to
  `CHUNK` showers.
  """
  with opened(path) as (file, _):
    first = file[next(iter(_layout(file, path).units))]
    if not isinstance(first, h5py.Dataset) or not first.shape:
      raise ValueError(
        f'{path}: {type(first).__name__} cannot be streamed, expected an HDF5 data set'
      )
    chunk = first.chunks[0] if first.chunks else 1
    return first.shape[0], chunk * max(1, CHUNK // chunk)


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
  """A file's arrays and attributes by name."""
  if not os.path.isfile(path):
    raise ValueError(f'{path}: no such file')
  with contextlib.ExitStack() as stack:
    try:
      if h5py.is_hdf5(path):
        file = stack.enter_context(h5py.File(path))
      else:
        file = np.load(stack.enter_context(open(path, 'rb')), allow_pickle=False)
      if isinstance(file, np.ndarray):
        raise ValueError('it holds a single array without a name')
      attributes, _ = (
        dict(getattr(file, 'attrs', {})),
        list(file),
      )  # a broken table of contents is found here
    except Exception as error:  # on damaged bytes the parsers fail in many ways
      raise ValueError(
        f'{path}: cannot be opened, expected an intact HDF5 or npz file: {error}'
      ) from None
    yield file, attributes


def _layout(file: Mapping[str, Any], path: str | os.PathLike) -> Layout:
  """The layout that shares most keys with the file; ValueError unless it shares all but the
  optional ones.
  """
  name, layout = max(
    LAYOUTS.items(), key=lambda item: len({*item[1].units, *item[1].optional} & set(file))
  )
  missing = [key for key in layout.units if key not in file]
  if missing:
    found, expected = sorted(map(str, file)), list(layout.units)
    raise ValueError(
      f'{path}: no {missing[0]!r} among its keys {found}, expected {expected} (layout {name!r})'
    )
  return layout


def numbers(file: Mapping[str, Any], key: str, rows: slice, path: str | os.PathLike) -> np.ndarray:
  """Rows of the array `key`; ValueError if it cannot be read or is not numeric."""
  try:
    array = np.asarray(file[key][rows])
  except Exception as error:  # as above
    raise ValueError(f'{path}: {key!r} cannot be read: {error}') from None
  if array.dtype.kind not in 'fiu' or array.ndim == 0:
    raise ValueError(
      f'{path}: {key!r} is of type {array.dtype} and shape {array.shape}, expected an array of numbers'
    )
  return array


def _single(array: np.ndarray) -> np.ndarray:
  with np.errstate(over='ignore'):  # what overflows is infinite, and refused by `check`
    return np.ascontiguousarray(array, np.float32)


def _provenance(attributes: Mapping[str, Any]) -> dict[str, Any]:
  """What the file says of its origin: the attribute `provenance`, or all attributes of a file that
  has none.
  """
  if 'provenance' in attributes:
    return json.loads(str(attributes['provenance']))
  plain = {key: np.asarray(value).tolist() for key, value in attributes.items()}
  return {
    key: value if isinstance(value, (str, int, float, list)) else str(value)
    for key, value in plain.items()
  }


class Writer:
  """A context manager that writes showers as they come; `path` appears, whole, only when it ends
  without an exception.

  Args:
    path: the file; its folder must exist.
    geometry: of the showers to come.
    provenance: JSON values by name.
    layout: a key of `LAYOUTS`.

  Raises:
    ValueError: an unknown layout, a missing folder, showers that are not valid, or no shower at
      all.
  """

  def __init__(
    self,
    path: str | os.PathLike,
    geometry: Geometry,
    provenance: dict[str, Any],
    layout: str = 'calojax',
  ):
    if layout not in LAYOUTS:
      raise ValueError(f'layout {layout!r} is not known, expected one of {", ".join(LAYOUTS)}')
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder):
      raise ValueError(f'{path}: expected the name of a file in a folder that exists')
    self.path, self.geometry, self.count = os.fspath(path), geometry, 0
    self._layout, self._part = LAYOUTS[layout], f'{os.fspath(path)}.part'
    units, axes = {**self._layout.units, **self._layout.optional}, self._layout.axes
    self._attributes = {
      'format': layout,
      'version': VERSION,
      'units': json.dumps(units),
      'axes': axes,
      'geometry': geometry.to_json(),
      'provenance': json.dumps(provenance),
    }

  def __enter__(self) -> Writer:
    try:
      self._file = h5py.File(self._part, 'w', rdcc_nbytes=CACHE)
    except OSError as error:
      raise ValueError(f'{self.path}: cannot be written: {error}') from None
    self._file.attrs.update(self._attributes)
    return self

  def append(self, showers: Shower) -> None:
    """Writes showers `[b, v]` after those already there."""
    showers = Shower(_single(showers.energies), Condition(*map(_single, showers.condition)))
    arrays = self._layout.encode(check(showers, self.geometry, self.path), self.geometry)
    for key, array in arrays.items():
      if key not in self._file:
        shape = array.shape[1:]
        self._file.create_dataset(
          key,
          (0, *shape),
          array.dtype,
          maxshape=(None, *shape),
          chunks=(CHUNK, *shape),
          compression='gzip',
          compression_opts=4,
          shuffle=True,
        )
      self._file[key].resize(self.count + len(array), axis=0)
      self._file[key][self.count :] = array
    self.count += len(showers.energies)

  def __exit__(self, kind: type | None, *_: Any) -> None:
    try:
      self._file.close()
      if kind is None:
        if not self.count:
          raise ValueError(f'{self.path}: no showers to write, expected at least one')
        os.replace(self._part, self.path)
    finally:
      with contextlib.suppress(FileNotFoundError):
        os.remove(self._part)
