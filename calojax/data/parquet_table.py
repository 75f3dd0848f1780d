"""The columns of a Parquet file as arrays, read when they are asked for, and written; needs
pyarrow.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

EXTRA = 'Parquet files need pyarrow: pip install "calojax[parquet]", or convert the table to HDF5'
ATTRIBUTES, SHAPE = b'calojax', b'shape'  # metadata of the file and of a column: JSON


class Table(Mapping[str, np.ndarray]):
  """The columns by name, each `[n, ...]`: of numbers, or of lists of one length."""

  def __init__(self, file: Any):
    self._file = file
    self._names = list(file.schema_arrow.names)

  def __getitem__(self, name: str) -> np.ndarray:
    if name not in self._names:
      raise KeyError(name)
    column = self._file.read([name]).column(name).combine_chunks()
    count, shape = len(column), json.loads((self._field(name).metadata or {}).get(SHAPE, 'null'))
    while hasattr(column, 'flatten') and hasattr(column.type, 'value_type'):
      lengths = np.unique(column.value_lengths()) if hasattr(column, 'value_lengths') else [0]
      if len(lengths) > 1:
        raise ValueError(f'lists of {lengths[0]} to {lengths[-1]} numbers, expected one length')
      column = column.flatten()
    values = column.to_numpy(zero_copy_only=False)
    return values.reshape(shape and (count, *shape) or (count, -1) if len(values) > count else -1)

  def _field(self, name: str) -> Any:
    return self._file.schema_arrow.field(name)

  def __iter__(self) -> Iterator[str]:
    return iter(self._names)

  def __len__(self) -> int:
    return len(self._names)


def contents(path: str | os.PathLike) -> tuple[Table, dict[str, Any]]:
  """The columns of the file, and the attributes that calojax has written.

  Raises:
    ValueError: pyarrow is not installed.
  """
  parquet, _ = _library()
  file = parquet.ParquetFile(os.fspath(path))
  told = (file.schema_arrow.metadata or {}).get(ATTRIBUTES, b'{}')
  return Table(file), json.loads(told)


@contextlib.contextmanager
def written(
  path: str, attributes: dict[str, Any]
) -> Iterator[Callable[[Mapping[str, np.ndarray]], None]]:
  """Makes a file of a row a shower: a function that is handed rows of its columns; the cells are a
  list of one length.

  Raises:
    ValueError: pyarrow is not installed.
  """
  parquet, arrow = _library()
  with contextlib.ExitStack() as stack:
    writers: list[Any] = []

    def add(arrays: Mapping[str, np.ndarray]) -> None:
      """Writes rows; the first ones decide on the columns."""
      columns = {key: _column(arrow, array) for key, array in arrays.items()}
      if not writers:
        fields = [
          arrow.field(key, column.type, metadata={SHAPE: json.dumps(arrays[key].shape[1:])})
          for key, column in columns.items()
        ]
        schema = arrow.schema(fields, {ATTRIBUTES: json.dumps(attributes)})
        writers.append(stack.enter_context(parquet.ParquetWriter(path, schema)))
      table = arrow.Table.from_arrays(list(columns.values()), schema=writers[0].schema)
      writers[0].write_table(table)

    yield add


def _column(arrow: Any, array: np.ndarray) -> Any:
  """An array `[n, ...]` as a column of numbers, or of lists."""
  values = arrow.array(np.ascontiguousarray(array).ravel())
  width = int(np.prod(array.shape[1:]))
  return values if array.ndim == 1 else arrow.FixedSizeListArray.from_arrays(values, width)


def _library() -> tuple[Any, Any]:
  """The modules of pyarrow."""
  try:
    import pyarrow  # pyright: ignore[reportMissingImports]  # an extra
    from pyarrow import parquet  # pyright: ignore[reportMissingImports]
  except ModuleNotFoundError:
    raise ValueError(EXTRA) from None
  return parquet, pyarrow
