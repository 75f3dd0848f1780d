"""An index of files of showers: an HDF5 file that reads as one of all their showers, which stay
where they are (HDF5's virtual data sets).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import h5py

from calojax.data.writer import LIBRARY
from calojax.files import written_aside


def write_index(path: str | os.PathLike, parts: Sequence[str]) -> int:
  """Writes the index of these files and returns how many showers they have.

  Args:
    path: of the index; the parts are known by their places relative to it.
    parts: HDF5 files that calojax has written, of one layout and geometry, in order.

  Raises:
    ValueError: the parts differ in layout, geometry or origin.
  """
  place = os.path.dirname(os.path.abspath(path))
  with h5py.File(parts[0]) as first:
    attributes = dict(first.attrs)
    types = {key: array.dtype for key, array in _arrays(first).items()}
    keys = _shapes(first)
  counts = [_count(part, attributes, keys) for part in parts]
  with written_aside(path) as aside, h5py.File(aside, 'w', libver=LIBRARY) as file:
    file.attrs.update(attributes)
    for key, shape in keys.items():
      layout, start = h5py.VirtualLayout((sum(counts), *shape), types[key]), 0
      for part, count in zip(parts, counts):
        name = os.path.relpath(os.path.abspath(part), place)
        source = h5py.VirtualSource(name, key, (count, *shape), types[key])
        layout[start : start + count] = source
        start += count
      file.create_virtual_dataset(key, layout)
  return sum(counts)


def _count(part: str, attributes: dict[str, Any], keys: dict[str, Any]) -> int:
  """How many showers a part has, which is found to be of the same kind."""
  with h5py.File(part) as file:
    same = _shapes(file) == keys
    for name in ('format', 'geometry', 'provenance'):
      same = same and file.attrs.get(name) == attributes.get(name)
    if not same:
      raise ValueError(
        f'{part}: another layout, geometry or origin than the first part has, expected the same: '
        'remove the parts, to have them made again'
      )
    return len(_arrays(file)[next(iter(keys))])


def _arrays(file: h5py.File) -> dict[str, h5py.Dataset]:
  """The data sets of a file."""
  return {key: array for key, array in file.items() if isinstance(array, h5py.Dataset)}


def _shapes(file: h5py.File) -> dict[str, tuple[int, ...]]:
  """The shapes of a shower's arrays."""
  return {key: array.shape[1:] for key, array in _arrays(file).items()}
