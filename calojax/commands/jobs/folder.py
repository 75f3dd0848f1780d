"""The folder of many jobs: one process at a time runs them."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

from calojax import interruption
from calojax.files import Lease, named


@contextlib.contextmanager
def claimed(folder: pathlib.Path, work: str) -> Iterator[None]:
  """The folder, which is made, while no other process works in it.

  Args:
    folder: of the jobs.
    work: what they are, in a word.

  Raises:
    ValueError: another process has it.
  """
  if folder.exists() and not folder.is_dir():
    raise ValueError(f'{folder} is a file, expected the folder of a {work}')
  interruption.begin(None)
  folder.mkdir(parents=True, exist_ok=True)
  with named(folder):
    lease = Lease(folder, work)
  try:
    yield
  finally:
    lease.release()
