"""The reader of files of showers: HDF5 or npz in any layout, whole or in pieces."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax.data import trial
from calojax.data.layouts import recognised
from calojax.data.writer import CHUNK
from calojax.files import named
from calojax.geometry import Geometry
from calojax.showers import Shower, check, concatenate, single


class Dataset(NamedTuple):
  """Showers `[n, v]` (float32), the calorimeter's geometry, and where they come from (JSON values
  by name).
  """

  showers: Shower
  geometry: Geometry
  provenance: dict[str, Any]


class File(NamedTuple):
  """An open file: its name, and its arrays (read when they are asked for) and attributes by
  name.
  """

  path: str
  arrays: Mapping[str, Any]
  attributes: dict[str, Any]


def read(
  path: str | os.PathLike, start: int = 0, stop: int | None = None, geometry: Geometry | None = None
) -> Dataset:
  """The showers [start, stop) of a file in any known layout, which is recognised by its keys.

  A `geometry` takes the place of the one that the file or its layout tells.

  Raises:
    ValueError: a file that is missing, broken, of no known layout, or whose showers are not valid;
      it names the file.
  """
  with opened(path) as file:
    return _rows(file, slice(start, stop), geometry)


def streamed(
  path: str | os.PathLike, size: int, geometry: Geometry | None = None
) -> Iterator[Dataset]:
  """The showers of an HDF5 file, `size` at a time; the file is opened once, and no more than one
  piece need be in memory.

  Raises:
    ValueError: as `read`.
  """
  with opened(path) as file:
    count = _extent(file)[0]
    for start in range(0, max(count, 1), size):  # an empty file is read too, to be refused
      yield _rows(file, slice(start, start + size), geometry)


def read_chunks(
  path: str | os.PathLike, chunks: Iterable[int], geometry: Geometry | None = None
) -> Shower:
  """The showers of these chunks of an HDF5 file, one chunk after the other in the order given; see
  `extent`.

  Raises:
    ValueError: as `read`, or a chunk that the file does not have.
  """
  with opened(path) as file:
    size = _extent(file)[1]
    rows = (slice(n * size, (n + 1) * size) for n in chunks)
    return concatenate([_rows(file, r, geometry).showers for r in rows])


def extent(path: str | os.PathLike) -> tuple[int, int]:
  """Numbers of showers in an HDF5 file and in a chunk of it: small HDF5 chunks count together up to
  `CHUNK` showers.

  Raises:
    ValueError: as `read`, or a file that cannot be read in pieces.
  """
  with opened(path) as file:
    return _extent(file)


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[File]:
  """The open file.

  Raises:
    ValueError: a file that is missing or is neither HDF5 nor npz; it names the file.
  """
  if not os.path.isfile(path):
    raise ValueError(f'{path}: no such file')
  with contextlib.ExitStack() as stack:
    try:
      if h5py.is_hdf5(path):
        trial.check(path)
        arrays = stack.enter_context(h5py.File(path))
      else:
        arrays = np.load(stack.enter_context(open(path, 'rb')), allow_pickle=False)
      if isinstance(arrays, np.ndarray):
        raise ValueError('it holds a single array without a name')
      attributes = dict(getattr(arrays, 'attrs', {}))
      list(arrays)  # a broken table of contents is found here
    except Exception as error:  # on damaged bytes the parsers fail in many ways
      raise ValueError(
        f'{path}: cannot be opened, expected an intact HDF5 or npz file: {error}'
      ) from None
    yield File(os.fspath(path), arrays, attributes)


def numbers(file: File, key: str, rows: slice = slice(None)) -> np.ndarray:
  """Rows of the array `key`; ValueError if it cannot be read or is not numeric."""
  try:
    array = np.asarray(file.arrays[key][rows])
  except Exception as error:  # as in `opened`
    raise ValueError(f'{file.path}: {key!r} cannot be read: {error}') from None
  if array.dtype.kind not in 'fiu' or array.ndim == 0:
    raise ValueError(
      f'{file.path}: {key!r} is of type {array.dtype} and shape {array.shape}, '
      'expected an array of numbers'
    )
  return array


def _rows(file: File, rows: slice, geometry: Geometry | None) -> Dataset:
  """These showers, found valid."""
  with named(file.path):
    layout = recognised(set(file.arrays))
  keys = [*layout.units, *(key for key in layout.optional if key in file.arrays)]
  arrays = {key: numbers(file, key, rows) for key in keys}
  with named(file.path):
    geometry = geometry or layout.geometry(file.attributes, arrays)
    energies, condition = layout.decode(arrays, file.attributes, geometry)
    provenance = _provenance(file.attributes)
  return Dataset(
    check(Shower(single(energies), condition), geometry, file.path), geometry, provenance
  )


def _extent(file: File) -> tuple[int, int]:
  with named(file.path):
    first = file.arrays[next(iter(recognised(set(file.arrays)).units))]
    if not isinstance(first, h5py.Dataset) or not first.shape:
      raise ValueError(f'{type(first).__name__} cannot be streamed, expected an HDF5 data set')
    chunk = first.chunks[0] if first.chunks else 1
    return first.shape[0], chunk * max(1, CHUNK // chunk)


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
