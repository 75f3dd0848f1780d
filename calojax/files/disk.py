"""A disk that is full, or about to be."""

from __future__ import annotations

import errno
import io
import os
import shutil
from typing import Any

MARGIN = 2**22  # bytes that small files beside the large one may take


class Steadfast(io.RawIOBase):
  """A new file for a library that cannot bear a write that fails.

  HDF5 aborts the whole process where the destructor of one of its objects meets a full disk. Here a
  write never fails: the first error is noted, what the disk did not take is kept in memory, so that
  the library can go on to its orderly end, and `check` raises what was noted.
  """

  def __init__(self, path: str | os.PathLike):
    self._file = open(path, 'w+b', buffering=0)  # noqa: SIM115 - `close` closes it
    self._position, self._end = 0, 0
    self._error: OSError | None = None
    self._kept: list[tuple[int, bytes]] = []  # in the order of writing

  def synchronise(self) -> None:
    """Raises OSError if the disk has not taken all: some tell of it only now."""
    if self._error is None:
      try:
        os.fsync(self._file.fileno())
      except OSError as error:
        self._error = error
    self.check()

  def check(self) -> None:
    """Raises OSError if a write failed."""
    if self._error is not None:
      raise OSError(self._error.errno, self._error.strerror, self._file.name)

  def readable(self) -> bool:
    """True."""
    return True

  def writable(self) -> bool:
    """True."""
    return True

  def seekable(self) -> bool:
    """True."""
    return True

  def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
    """Moves to a position, which is returned."""
    self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, self._end)
    return self._position

  def tell(self) -> int:
    """The position."""
    return self._position

  def write(self, data: Any) -> int:
    """Writes all of the bytes, to the disk or to memory."""
    data = bytes(data)
    if self._error is None:
      try:
        _write_all(self._file.fileno(), data, self._position)
      except OSError as error:
        self._error = error
    if self._error is not None:
      self._kept.append((self._position, data))
    self._position += len(data)
    self._end = max(self._end, self._position)
    return len(data)

  def readinto(self, buffer: Any) -> int:
    """Reads what was written, from wherever it is."""
    start = self._position
    count = max(0, min(len(buffer), self._end - start))
    data = bytearray(os.pread(self._file.fileno(), count, start).ljust(count, b'\0'))
    for position, kept in self._kept:
      first, last = max(start, position), min(start + count, position + len(kept))
      if first < last:
        data[first - start : last - start] = kept[first - position : last - position]
    buffer[:count] = data
    self._position += count
    return count

  def truncate(self, size: int | None = None) -> int:
    """Sets the size."""
    self._end = self._position if size is None else size
    if self._error is None:
      try:
        self._file.truncate(self._end)
      except OSError as error:
        self._error = error
    return self._end

  def close(self) -> None:
    """Closes the file."""
    self._file.close()
    super().close()


def _write_all(number: int, data: bytes, position: int) -> None:
  """Writes bytes at a position of a file; a nearly full disk takes a part of them first."""
  view = memoryview(data)
  while view:
    done = os.pwrite(number, view, position)
    if not done:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    view, position = view[done:], position + done


def check_room(folder: str | os.PathLike, needed: int, what: str) -> None:
  """Raises ValueError if the folder's disk has less room than these bytes and a margin."""
  free, needed = shutil.disk_usage(folder).free, needed + MARGIN
  if free < needed:
    raise ValueError(
      f'{os.fspath(folder)}: {free / 2**20:,.0f} MiB are free on its disk, expected at least '
      f'{needed / 2**20:,.0f} MiB for {what}'
    )
