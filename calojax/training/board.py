"""TensorBoard as a tracker."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorboardX import SummaryWriter
from tensorboardX.record_writer import register_writer_factory

from calojax.files import Steadfast

_SCHEME = 'steadfast'
# TensorBoard sorts the groups of its tags by name; this is the order in which a training is looked
# at. What no one knows comes after them all.
ORDER = (
  'validation',
  'showers',
  'observables',
  'generator',
  'discriminator',
  'regressor',
  'throughput',
  'spectral',
)


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


class TensorBoard:
  """A log for TensorBoard in a folder; what an earlier process wrote there of later steps than
  `start` is forgotten.
  """

  def __init__(self, folder: str, config: Mapping[str, Any], start: int = 0):
    self._config, self._files = config, _Files()
    register_writer_factory(_SCHEME, self._files)
    purge = start + 1 if start else None
    self._writer = SummaryWriter(f'{_SCHEME}:{folder}', purge_step=purge)

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps numbers by name."""
    for name, value in values.items():
      self._writer.add_scalar(tag(name), value, step)

  def histogram(self, step: int, name: str, values: np.ndarray) -> None:
    """Keeps a distribution."""
    self._writer.add_histogram(tag(name), values, step)

  def figure(self, step: int, name: str, image: np.ndarray) -> None:
    """Keeps a picture, and writes out what has gathered."""
    self._writer.add_image(tag(name), image, step, dataformats='HWC')
    self._writer.flush()

  def result(self, figures: Mapping[str, float]) -> None:
    """Keeps the config and the final figures as hyper-parameters."""
    self._writer.add_hparams(dict(self._config), dict(figures), name='hparams')

  def close(self, done: bool = True) -> None:
    """Writes and closes the file.

    Raises:
      OSError: something could not be written.
    """
    self._writer.close()
    for file in self._files.opened:
      file.check()


def tag(name: str) -> str:
  """The name under which TensorBoard shows a quantity: the group's place in `ORDER` before it.

  >>> tag('validation/prd_auc_raw/value')
  '1_validation/prd_auc_raw/value'
  """
  group = name.split('/')[0]
  place = ORDER.index(group) if group in ORDER else len(ORDER)
  return f'{place + 1}_{name}'
