"""An open file of arrays: HDF5, npz, a tree of ROOT, or Parquet; what cannot be read is said in one
line.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax.data import trial

# Arrays of an npz file, which has no attributes, that mean what the HDF5 attribute of that name
# means.
ATTRIBUTES = ('format', 'version', 'geometry', 'pitch_mm', 'units', 'axes', 'provenance')
ROOT, PARQUET, MAGIC_NUMPY = b'root', b'PAR1', b'\x93NUMPY'


class File(NamedTuple):
  """An open file: its name, and its arrays (read when they are asked for) and attributes by
  name.
  """

  path: str
  arrays: Mapping[str, Any]
  attributes: dict[str, Any]


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator[File]:
  """The open file.

  Raises:
    ValueError: a file that is missing or is none of HDF5, npz, ROOT and Parquet; it names the file.
  """
  if not os.path.isfile(path):
    if os.path.exists(path):
      raise ValueError(f'{path}: is a folder or a device, expected a file')
    raise ValueError(f'{path}: no such file')
  with contextlib.ExitStack() as stack:
    try:
      arrays, attributes = _contents(path, stack)
      list(arrays)  # a broken table of contents is found here
    except Exception as error:  # on damaged bytes the parsers fail in many ways
      raise ValueError(
        f'{path}: cannot be opened, expected an intact HDF5 or npz file: {_reason(error)}'
      ) from None
    yield File(os.fspath(path), arrays, attributes)


def numbers(file: File, key: str, rows: slice = slice(None)) -> np.ndarray:
  """Rows of the array `key`; ValueError if it cannot be read or is not numeric."""
  try:
    source = file.arrays[key]
    if isinstance(source, h5py.Group):
      raise ValueError(f'it is a group of {sorted(source)}, expected an array at the top')
    if isinstance(source, h5py.Dataset):
      _refuse_unwritten(source)
    array = np.asarray(source[rows])
  except Exception as error:  # as in `opened`
    raise ValueError(f'{file.path}: {key!r} cannot be read: {_reason(error)}') from None
  if array.dtype.kind not in 'fiu' or array.ndim == 0:
    raise ValueError(
      f'{file.path}: {key!r} is of type {array.dtype} and shape {array.shape}, '
      'expected an array of numbers'
    )
  return array


def _contents(
  path: str | os.PathLike, stack: contextlib.ExitStack
) -> tuple[Mapping[str, Any], dict[str, Any]]:
  """Arrays and attributes, which stay readable as long as the stack."""
  if h5py.is_hdf5(path):
    with contextlib.suppress(ImportError):  # an extra; being imported it registers its filters
      import hdf5plugin  # pyright: ignore[reportMissingImports]  # noqa: F401
    trial.check(path)
    file = stack.enter_context(h5py.File(path))
    return file, {key: _plain(value) for key, value in file.attrs.items()}
  with open(path, 'rb') as start:
    magic = start.read(6)
  if magic.startswith(ROOT):
    from calojax.data import root_tree

    return root_tree.contents(path)
  if magic.startswith(PARQUET):
    from calojax.data import parquet_table

    return parquet_table.contents(path)
  if magic == MAGIC_NUMPY:
    raise ValueError('it holds a single array without a name, expected npz: several by name')
  if magic[:2] != b'PK':  # numpy would take it for a pickle
    raise ValueError(f'it begins with {magic!r}' if magic else 'it is empty')
  stream = stack.enter_context(open(path, 'rb'))  # noqa: SIM115  # the stack closes it
  arrays = np.load(stream, allow_pickle=False)
  told = {key: _plain(arrays[key]) for key in ATTRIBUTES if key in arrays}
  return arrays, told


def _plain(value: Any) -> Any:
  """An attribute as Python has it: some programs write a text as bytes, or an array of one."""
  array = np.asarray(value)
  plain = array.item() if array.size == 1 else array.tolist()
  return plain.decode('utf-8', 'replace') if isinstance(plain, bytes) else plain


def _refuse_unwritten(source: h5py.Dataset) -> None:
  """Raises ValueError if a data set declares rows that nobody wrote: HDF5 would make them up from
  the fill value, a hundred million out of a few kB.
  """
  if source.is_virtual:
    _refuse_missing(source)
  if source.is_virtual or source.external or not source.size:
    return
  if source.chunks:
    grid = zip(source.shape, source.chunks)
    declared = int(np.prod([-(-length // chunk) for length, chunk in grid], dtype=object))
    written = source.id.get_num_chunks()
  else:
    declared, written = 1, int(source.id.get_storage_size() > 0)
  if written < declared:
    raise ValueError(
      f'{source.shape[0]} showers are declared, but {written} of {declared} chunks were written; '
      'is the file complete?'
    )


def _refuse_missing(source: h5py.Dataset) -> None:
  """Raises ValueError if a file of which an index is made is not there: HDF5 would read zeros."""
  place = os.path.dirname(os.path.abspath(source.file.filename))
  for part in source.virtual_sources():
    if not os.path.isfile(os.path.join(place, part.file_name)):
      raise ValueError(f'its part {part.file_name} is not there, expected it beside the index')


def _reason(error: Exception) -> str:
  """The error in one line, with the way out where a user would not see it."""
  # A KeyError's text would be quoted.
  text = ' '.join(str(error.args[0] if isinstance(error, KeyError) else error).split())
  if 'allow_pickle' in text:  # numpy's advice would run whatever the file holds
    return 'it holds Python objects, which could run any code: save arrays of numbers'
  if 'filter' in text or 'plugin' in text:  # HDF5 looks for a plug-in's file
    return f'{text}; pip install "calojax[hdf5plugin]" reads blosc, zstd and others'
  return text or type(error).__name__
