"""The writer of files of showers: HDF5 in any layout, as the showers come."""

from __future__ import annotations

import contextlib
import json
import os
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from calojax.data import canonical
from calojax.data.layouts import LAYOUTS
from calojax.files import Steadfast, named, written_aside
from calojax.geometry import Geometry
from calojax.registry import find
from calojax.showers import Condition, Shower, check, single

CHUNK = 256  # showers; what `extent` and the streamed batches of training read together
# Bytes. An unfinished chunk stays here between appends instead of being packed and unpacked.
CACHE = 2**26
PACKED = 60  # times smaller than in memory: photons in 16,250 cells come to 45
LIBRARY = 'v110'  # the oldest HDF5 that reads the files: from here on its own tables have checksums


def smallest(count: int, geometry: Geometry) -> int:
  """Bytes that so many showers take at least: few of their cells are hit, and those compress by a
  quarter.
  """
  return count * geometry.cells * 4 // PACKED


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
    self.path, self.geometry, self.count = os.fspath(path), geometry, 0
    self._layout = find(LAYOUTS, layout, 'layout')
    # Refused here and not on entering: a command finds out before it has made any shower.
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(os.path.abspath(path))):
      raise ValueError(f'{path}: expected the name of a file in a folder that exists')
    self._attributes = {
      'format': layout,
      'version': canonical.VERSION,
      'units': json.dumps({**self._layout.units, **self._layout.optional}),
      'axes': self._layout.axes,
      'geometry': geometry.to_json(),
      'provenance': json.dumps(provenance),
    }
    self._sets: dict[str, h5py.Dataset] = {}

  def __enter__(self) -> Writer:
    with contextlib.ExitStack() as stack:
      part = stack.enter_context(written_aside(self.path))
      try:
        self._begin(part, stack)
      except OSError as error:
        raise ValueError(f'{self.path}: cannot be written: {error}') from None
      stack.push(self._refuse_nothing)  # last in, first out: before the file closes and is renamed
      self._stack = stack.pop_all()
    return self

  def _begin(self, part: str, stack: contextlib.ExitStack) -> None:
    """Opens the file to write to, for as long as the stack."""
    self._disk = stack.enter_context(Steadfast(part))
    stack.push(self._refuse_damage)
    self._file = stack.enter_context(h5py.File(self._disk, 'w', libver=LIBRARY, rdcc_nbytes=CACHE))
    self._file.attrs.update(self._attributes)

  def append(self, showers: Shower) -> None:
    """Writes showers `[b, v]` after those already there."""
    with named(self.path):
      showers = Shower(single(showers.energies), Condition.of(*showers.condition))
    self._store(self._layout.encode(check(showers, self.geometry, self.path), self.geometry))
    self.count += len(showers.energies)

  def _store(self, arrays: dict[str, np.ndarray]) -> None:
    """Writes rows of the layout's arrays."""
    for key, array in arrays.items():
      if key not in self._sets:
        shape = array.shape[1:]
        self._sets[key] = self._file.create_dataset(
          key,
          (0, *shape),
          array.dtype,
          maxshape=(None, *shape),
          chunks=(CHUNK, *shape),
          compression='gzip',
          compression_opts=4,
          shuffle=True,
          fletcher32=True,  # a flipped bit is found on reading
        )
      self._sets[key].resize(self.count + len(array), axis=0)
      self._sets[key][self.count :] = array
    self._disk.check()

  def _refuse_nothing(self, kind: type[BaseException] | None, *_: Any) -> None:
    if kind is None and not self.count:
      raise ValueError(f'{self.path}: no showers to write, expected at least one')

  def _refuse_damage(self, kind: type[BaseException] | None, *_: Any) -> None:
    if kind is None:
      self._disk.synchronise()  # HDF5 writes as it closes

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    self._stack.__exit__(kind, error, trace)
