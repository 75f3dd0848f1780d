"""The writer of a file of showers by the ending of its name."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from calojax.data import parquet_table, root_tree
from calojax.data.writer import Writer
from calojax.geometry import Geometry

Add = Callable[[Mapping[str, np.ndarray]], None]  # writes rows of the layout's arrays


@contextlib.contextmanager
def npz(path: str, attributes: dict[str, Any]) -> Iterator[Add]:
  """Makes an npz file of the rows that it is handed, which stay in memory until the end."""
  rows: list[Mapping[str, np.ndarray]] = []
  yield rows.append
  joined: dict[str, Any] = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
  with open(path, 'wb') as file:  # numpy appends .npz to a name that does not end in it
    np.savez_compressed(file, **joined, **attributes)


class Sink(NamedTuple):
  """How files that are not HDF5 are written: a context manager, and the library that it needs with
  what to say if it is not there.
  """

  written: Callable[[str, dict[str, Any]], contextlib.AbstractContextManager[Add]]
  library: str = 'numpy'
  extra: str = ''


HDF5 = ('.h5', '.hdf5')
SINKS = {
  '.npz': Sink(npz),
  '.parquet': Sink(parquet_table.written, 'pyarrow', parquet_table.EXTRA),
  '.root': Sink(root_tree.written, 'uproot', root_tree.EXTRA),
}


class OtherWriter(Writer):
  """As `Writer`, for a name with an ending of `SINKS`."""

  def _begin(self, part: str, stack: contextlib.ExitStack) -> None:
    sink = SINKS[ending(self.path)]
    self._add = stack.enter_context(sink.written(part, self._attributes))

  def _store(self, arrays: dict[str, np.ndarray]) -> None:
    self._add(arrays)


def ending(path: str | os.PathLike) -> str:
  """`.h5` of a name, in small letters."""
  return os.path.splitext(os.fspath(path))[1].lower()


def writer(
  path: str | os.PathLike, geometry: Geometry, provenance: dict[str, Any], layout: str = 'calojax'
) -> Writer:
  """The writer for a name: HDF5, npz, Parquet or ROOT by its ending; arguments and errors are those
  of `Writer`.
  """
  kind = OtherWriter if ending(path) in SINKS else Writer
  return kind(path, geometry, provenance, layout)


def check_output(path: str | os.PathLike, overwrite: bool = True) -> None:
  """Raises ValueError if a name has another ending, its library is not installed, or the file is
  there and must not be replaced.
  """
  if ending(path) not in (*HDF5, *SINKS):
    expected = ', '.join((*HDF5, *SINKS))
    raise ValueError(f'{path}: expected a name that ends in one of {expected}')
  sink = SINKS.get(ending(path))
  if sink and importlib.util.find_spec(sink.library) is None:
    raise ValueError(f'{path}: {sink.extra.split(",")[0]}')
  if os.path.isfile(path) and not overwrite:
    raise ValueError(f'{path} is there, expected a new name, or --overwrite')
