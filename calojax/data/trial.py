"""A first look at an HDF5 file by a process that may be ended: a flipped bit in HDF5's own tables
can make the library go round in a circle for ever, and nothing stops it from inside.
"""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import sys

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
SECONDS = 2  # of a processor; an intact file takes a third of one, most of it imports
SIGNATURE = b'\x89HDF\r\n\x1a\n'
CHECKSUMMED = 3  # version of the superblock from which on the tables have checksums of their own
LOOK = f"""
import contextlib, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import h5py
with h5py.File(sys.argv[1]) as file:
  dict(file.attrs)
  for name in file:
    with contextlib.suppress(Exception):
      item = file[name]
      dict(item.attrs)
      if isinstance(item, h5py.Dataset) and item.ndim and item.size:
        item[0], item[-1]
"""


def check(path: str | os.PathLike) -> None:
  """Raises ValueError if reading an HDF5 file does not come to an end, or ends the process.

  A file whose tables have checksums, as this version writes them, needs no look.
  """
  with open(path, 'rb') as file:
    start = file.read(9)
  if start[:8] == SIGNATURE and start[8] >= CHECKSUMMED:
    return
  whole = os.path.realpath(path)
  if not pathlib.Path(whole).is_relative_to(PACKAGE):  # what comes with the package is known
    found = os.stat(path)
    if not _ends(whole, found.st_size, found.st_mtime_ns):
      raise ValueError(
        f'{os.fspath(path)} is damaged: reading it does not end, expected an intact HDF5 file'
      )


@functools.lru_cache(maxsize=256)
def _ends(path: str, size: int, changed: int) -> bool:
  """Whether a look at a file of this size, changed last at that time, ends. An error is an end: it
  is met again, and told, where the file is read.
  """
  command = [sys.executable, '-c', LOOK, path]
  looked = subprocess.run(
    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
  )
  return looked.returncode >= 0  # a signal ended it otherwise
