"""The reader of files of showers: HDF5 or npz in any layout, whole or in pieces."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax.data import plausible
from calojax.data.conventions import (
  Conventions,
  checked,
  described,
  emptied,
  parsed,
  rescaled,
  told,
  turned,
)
from calojax.data.layouts import Layout, recognised
from calojax.data.opened import File, numbers, opened
from calojax.data.writer import CHUNK
from calojax.files import named
from calojax.geometry import Geometry
from calojax.showers import Shower, check, concatenate, single
from calojax.units import AS_WRITTEN

__all__ = ['Conventions', 'Dataset', 'File', 'numbers', 'opened', 'read']

USUAL = Conventions()
UNASKED = Conventions(asked=False)
BLOCKS = 8  # of a file that is looked at before it is streamed


class Dataset(NamedTuple):
  """Showers `[n, v]` (float32), the calorimeter's geometry, and where they come from (JSON values
  by name).
  """

  showers: Shower
  geometry: Geometry
  provenance: dict[str, Any]


def read(
  path: str | os.PathLike,
  start: int = 0,
  stop: int | None = None,
  geometry: Geometry | None = None,
  conventions: Conventions = USUAL,
) -> Dataset:
  """The showers [start, stop) of a file in any known layout, which is recognised by its keys.

  Their values are found valid; whether they can be what the layout says is asked by `examine`.

  Args:
    path: of the file.
    start: number of the first shower.
    stop: number after the last.
    geometry: in place of the one that the file or its layout tells.
    conventions: units and axes that the file has and does not tell, and what to do with cells below
      zero.

  Raises:
    ValueError: a file that is missing, broken, of no known layout, or whose showers are not valid;
      it names the file.
  """
  with opened(path) as file:
    return _rows(file, slice(start, stop), geometry, conventions)


def whole(
  path: str | os.PathLike, geometry: Geometry | None = None, conventions: Conventions = USUAL
) -> Dataset:
  """All showers of a file, found plausible.

  Raises:
    ValueError: as `read`, and units or axes that the physics shows to be wrong.
  """
  with opened(path) as file:
    dataset = _rows(file, slice(None), geometry, conventions)
    _plausible(file, dataset, conventions)
    return dataset


def streamed(
  path: str | os.PathLike,
  size: int,
  geometry: Geometry | None = None,
  conventions: Conventions = USUAL,
) -> Iterator[Dataset]:
  """The showers of an HDF5 file, `size` at a time; the file is opened once, and no more than one
  piece need be in memory. Some are found plausible first.

  Raises:
    ValueError: as `whole`.
  """
  with opened(path) as file:
    _examine(file, geometry, conventions)
    count = _extent(file)[0]
    for start in range(0, max(count, 1), size):  # an empty file is read too, to be refused
      yield _rows(file, slice(start, start + size), geometry, conventions)


def examine(
  path: str | os.PathLike, geometry: Geometry | None = None, conventions: Conventions = USUAL
) -> None:
  """Raises ValueError if some showers, evenly from an HDF5 file, show that its units or axes are
  not what they are taken for. What is wrong with a single shower is left to the reader.
  """
  with opened(path) as file:
    _examine(file, geometry, conventions)


def read_chunks(
  path: str | os.PathLike,
  chunks: Iterable[int],
  geometry: Geometry | None = None,
  conventions: Conventions = USUAL,
) -> Shower:
  """The showers of these chunks of an HDF5 file, one chunk after the other in the order given; see
  `extent`.

  Raises:
    ValueError: as `read`, or a chunk that the file does not have.
  """
  with opened(path) as file:
    size = _extent(file)[1]
    rows = (slice(n * size, (n + 1) * size) for n in chunks)
    return concatenate([_rows(file, r, geometry, conventions).showers for r in rows])


def extent(path: str | os.PathLike) -> tuple[int, int]:
  """Numbers of showers in an HDF5 file and in a chunk of it: small HDF5 chunks count together up to
  `CHUNK` showers.

  Raises:
    ValueError: as `read`, or a file that cannot be read in pieces.
  """
  with opened(path) as file:
    return _extent(file)


def _rows(file: File, rows: slice, geometry: Geometry | None, conventions: Conventions) -> Dataset:
  """These showers, found valid."""
  with named(file.path):
    checked(conventions)
    layout = recognised(set(file.arrays))
  arrays = {key: numbers(file, key, rows) for key in _keys(file, layout)}
  with named(file.path), np.errstate(all='ignore'):  # what is no number is refused by name
    attributes = dict(file.attributes)
    given = {**_told(layout, attributes), **parsed(conventions.units)}
    if layout.cells[0] in given:  # the user's word is the last: the file's would count twice
      attributes['units'] = layout.units[layout.cells[0]]
    if conventions.units == AS_WRITTEN or not conventions.asked:
      attributes[AS_WRITTEN] = True
    if given:
      arrays = rescaled(arrays, layout.known, given)
    given_geometry = geometry or layout.geometry(attributes, arrays)
    energies, condition = layout.decode(arrays, attributes, given_geometry)
    showers = Shower(single(energies), condition)
    if conventions.axes not in ('', AS_WRITTEN):
      showers, given_geometry = turned(
        showers, given_geometry, layout.order(arrays), conventions.axes
      )
    provenance = described(conventions, _provenance(file.attributes))
  if np.any(showers.energies < 0):
    if conventions.negative == 'zero':
      showers = showers._replace(energies=emptied(showers.energies))
    elif np.isfinite(showers.energies).all():
      _refuse_negative(file, layout, showers.energies, rows.start or 0)
  return Dataset(check(showers, given_geometry, file.path), given_geometry, provenance)


def _keys(file: File, layout: Layout) -> list[str]:
  """The arrays of the file that its layout reads."""
  return [key for key in layout.known if key in layout.units or key in file.arrays]


def _told(layout: Layout, attributes: Mapping[str, Any]) -> dict[str, str]:
  """Units that the file's attribute tells, where they are not the layout's."""
  expected = layout.known
  expected.pop('ECAL', None)  # whose prose is more various: `threedgan` reads it
  found = told(str(attributes.get('units', '')), expected)
  return {key: unit for key, unit in found.items() if unit != expected[key]}


def _refuse_negative(file: File, layout: Layout, energies: np.ndarray, start: int) -> None:
  """Raises ValueError with the first cell below zero and how many there are in the whole file."""
  shower, cell = map(int, np.argwhere(energies < 0)[0])
  count = total = 0
  for key in layout.cells:
    array = file.arrays[key]
    for first in range(0, len(array), CHUNK):
      part = numbers(file, key, slice(first, first + CHUNK))
      count, total = count + int((part < 0).sum()), total + part.size
  raise ValueError(
    f'{file.path}: cell energy (MeV) is {energies[shower, cell]:g} in shower {start + shower} '
    f'({count} such values of {total} in the file), expected a value >= 0; where they are noise, '
    '--config.data.negative=zero empties them'
  )


def _plausible(file: File, dataset: Dataset, conventions: Conventions) -> None:
  """Raises ValueError if the showers cannot be what they are taken for. Those of a generator can be
  anything: an evaluation finds out.
  """
  if not conventions.asked or 'generator' in dataset.provenance:
    return
  layout = recognised(set(file.arrays))
  keys = _keys(file, layout)
  order = conventions.axes or layout.order(dict.fromkeys(keys, np.empty(0)))
  plausible.check(
    dataset.showers,
    dataset.geometry,
    file.path,
    conventions,
    layout.roles(keys, {**_told(layout, file.attributes), **parsed(conventions.units)}),
    order,
    not ({'pitch_mm', 'geometry'} & set(file.attributes)),
  )


def _examine(file: File, geometry: Geometry | None, conventions: Conventions) -> None:
  """`_plausible` of showers of `BLOCKS` places of an HDF5 file."""
  count, _ = _extent(file)
  first = _rows(file, slice(0, 1), geometry, conventions)
  try:
    most = min(plausible.SHOWERS, plausible.CELLS // first.geometry.cells)
    # A small file may be one compressed chunk, which each block would unpack again.
    size = count if count <= 4 * most else max(8, most // BLOCKS)
    starts = sorted({int(start) for start in np.linspace(0, max(0, count - size), BLOCKS)})
    rows = [
      slice(start, min(start + size, stop)) for start, stop in zip(starts, [*starts[1:], count])
    ]
    parts = [_rows(file, part, geometry, conventions).showers for part in rows]
  except ValueError:  # of a broken shower is told when it is reached
    return
  _plausible(file, first._replace(showers=concatenate(parts)), conventions)


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

  Raises:
    ValueError: `provenance` is no JSON object.
  """
  if 'provenance' in attributes:
    text = str(attributes['provenance'])
    try:
      found = json.loads(text)
    except (ValueError, RecursionError) as error:
      raise ValueError(f"attribute 'provenance' is no JSON: {error}") from None
    if not isinstance(found, dict):
      raise ValueError(f"attribute 'provenance' is {text[:80]!r}, expected a JSON object")
    return found
  plain = {key: np.asarray(value).tolist() for key, value in attributes.items()}
  return {
    key: value if isinstance(value, (str, int, float, list)) else str(value)
    for key, value in plain.items()
  }
