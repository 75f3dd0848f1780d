"""TensorBoard's log of a training."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tensorboardX import SummaryWriter
from tensorboardX.record_writer import register_writer_factory

from calojax.files import Steadfast

_SCHEME = 'steadfast'


class _Log:
  """What TensorBoardX writes to. It has no file number: TensorBoardX would synchronise it with the
  disk at each flush, which can fail too.
  """

  def __init__(self, path: str):
    self._file = Steadfast(path)
    self.write, self.flush, self.close = self._file.write, self._file.flush, self._file.close
    self.check = self._file.check


class _Files:
  """How TensorBoardX opens a file: one whose writes do not fail.

  A write that fails ends TensorBoardX's thread, and the training would wait for ever for room in
  the thread's queue.
  """

  def __init__(self) -> None:
    self.opened: list[_Log] = []

  def directory_check(self, path: str) -> None:
    """Makes the folder."""
    os.makedirs(path.removeprefix(f'{_SCHEME}:'), exist_ok=True)

  def open(self, path: str) -> _Log:
    """The new file."""
    self.opened.append(_Log(path.removeprefix(f'{_SCHEME}:')))
    return self.opened[-1]


@contextlib.contextmanager
def board(folder: str, start: int = 0) -> Iterator[SummaryWriter]:
  """A writer into a folder; what an earlier run wrote there of later steps than `start` is
  forgotten.

  Raises:
    OSError: something could not be written, which is seen at the end.
  """
  files = _Files()
  register_writer_factory(_SCHEME, files)
  with SummaryWriter(f'{_SCHEME}:{folder}', purge_step=start + 1 if start else None) as writer:
    yield writer
  for file in files.opened:
    file.check()
