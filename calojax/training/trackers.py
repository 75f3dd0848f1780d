"""Where a training's curves and pictures are kept beside `metrics.jsonl`: TensorBoard, Weights &
Biases or MLflow, behind one interface.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from calojax.config import flatten
from calojax.files import write_text
from calojax.registry import find
from calojax.training import hosts

MEMORY = 'tracking.json'  # of a workdir: the tracked run that goes on when the training does
# Name -> the modules that have to be there; the extra is called like the tracker.
MODULES = {
  'tensorboard': ('tensorboardX',),
  'wandb': ('wandb',),
  'mlflow': ('mlflow', 'sqlalchemy', 'alembic'),
}


class Tracker(Protocol):
  """What a training tells while it runs."""

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps numbers by name, `group/name`."""

  def histogram(self, step: int, name: str, values: np.ndarray) -> None:
    """Keeps the distribution of values `[n]`, finite."""

  def figure(self, step: int, name: str, image: np.ndarray) -> None:
    """Keeps a picture `[h, w, 3]`, uint8."""

  def result(self, figures: Mapping[str, float]) -> None:
    """Keeps the final figures, beside the config."""

  def close(self, done: bool = True) -> None:
    """Ends what is being written; `done` is false where the training did not get to its end.

    Raises:
      OSError: something could not be written.
    """


def check(name: str) -> None:
  """Raises ValueError if there is no tracker of that name, or its client is not installed."""
  missing = [m for m in find(MODULES, name, 'tracker') if importlib.util.find_spec(m) is None]
  if missing:
    extra = 'train' if name == 'tensorboard' else name
    raise ValueError(
      f'config.tracking is {name!r}, but {", ".join(missing)} is not installed: expected '
      f"pip install 'calojax[{extra}]', or --config.tracking=tensorboard"
    )


@contextlib.contextmanager
def tracked(folder: str, config: Any, start: int = 0) -> Iterator[Tracker]:
  """The tracker that the config asks for, of a training in a folder that goes on after step
  `start`; what the first process keeps.

  Raises:
    ValueError: its client is not installed, or cannot begin.
    OSError: something could not be written, which is seen at the end.
  """
  check(config.tracking)
  tracker = _opened(folder, config, start) if hosts.is_first() else Nothing()
  try:
    yield tracker
  except BaseException:
    with contextlib.suppress(Exception):  # what ended the training is what is told
      tracker.close(done=False)
    raise
  tracker.close()


class Nothing:
  """A tracker that keeps nothing."""

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps nothing."""

  def histogram(self, step: int, name: str, values: np.ndarray) -> None:
    """Keeps nothing."""

  def figure(self, step: int, name: str, image: np.ndarray) -> None:
    """Keeps nothing."""

  def result(self, figures: Mapping[str, float]) -> None:
    """Keeps nothing."""

  def close(self, done: bool = True) -> None:
    """Ends nothing."""


def _opened(folder: str, config: Any, start: int) -> Tracker:
  values = {
    key: value if isinstance(value, (bool, int, float, str)) else str(value)
    for key, value in flatten(config.to_dict()).items()
  }
  if config.tracking == 'tensorboard':
    from calojax.training.board import TensorBoard

    return TensorBoard(folder, values, start)
  from calojax.training import services

  run, last = remembered(folder, config.tracking)
  client = {'wandb': services.Wandb, 'mlflow': services.MLflow}[config.tracking]
  try:
    inner = client(folder, values, run)
  except Exception as error:  # of a client's own kind, and it can be anything: a server is down
    raise ValueError(f'{config.tracking} cannot begin: {type(error).__name__}: {error}') from error
  return Remembering(inner, folder, config.tracking, last)


def remembered(folder: str, name: str) -> tuple[str | None, int]:
  """The run that this tracker keeps of a workdir, and the last step that it was told; None and -1
  if there is none.
  """
  try:
    with open(os.path.join(folder, MEMORY), encoding='utf-8') as file:
      stored = json.load(file)
    known = str(stored['run']), int(stored['step'])
    return known if stored['tracker'] == name else (None, -1)
  except FileNotFoundError:
    return None, -1
  except (ValueError, KeyError, TypeError, RecursionError):
    raise ValueError(
      f'{os.path.join(folder, MEMORY)} is damaged, expected the run and the step of a tracker: '
      'remove it, and the tracking begins anew'
    ) from None


class Remembering:
  """A service's tracker that goes on in the same run after a resume, and whose faults end no
  training.

  Steps before the last one told are not told again: a training resumes from a checkpoint that may
  be older, and makes the same steps.
  """

  def __init__(self, inner: Any, folder: str, name: str, last: int):
    self._inner, self._folder, self._name, self._last = inner, folder, name, last
    self._broken = False
    self._remember()

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps numbers by name."""
    self._tell(lambda: self._inner.scalars(step, values), step)

  def histogram(self, step: int, name: str, values: np.ndarray) -> None:
    """Keeps a distribution."""
    self._tell(lambda: self._inner.histogram(step, name, values), step)

  def figure(self, step: int, name: str, image: np.ndarray) -> None:
    """Keeps a picture."""
    self._tell(lambda: self._inner.figure(step, name, image), step)

  def result(self, figures: Mapping[str, float]) -> None:
    """Keeps the final figures."""
    self._tell(lambda: self._inner.result(figures), self._last)

  def close(self, done: bool = True) -> None:
    """Ends the run."""
    self._tell(lambda: self._inner.close(done), self._last)

  def _tell(self, act: Callable[[], None], step: int) -> None:
    if self._broken or step < self._last:
      return
    try:
      act()
    except Exception as error:  # a service that is down is no reason to lose a training
      self._broken = True
      text = ' '.join(str(error).split())
      print(
        f'calojax: {self._name} fails, the training goes on without it: '
        f'{type(error).__name__}: {text}',
        file=sys.stderr,
        flush=True,
      )
      return
    if step > self._last:
      self._last = step
      self._remember()

  def _remember(self) -> None:
    text = json.dumps({'tracker': self._name, 'run': self._inner.run, 'step': self._last})
    write_text(os.path.join(self._folder, MEMORY), text + '\n')
