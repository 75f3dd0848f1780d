"""Checkpoints of the training state: with the batches and keys that are functions of the step, they
make a resumed run the same run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from calojax.files import check_room, damage, write_digests
from calojax.methods.state import TrainState
from calojax.training import hosts
from calojax.training.shapes import check_same_shapes, shapes_of

KEPT = 2
BEST = 'best'  # the folder of the best one, beside the last two
DAMAGED = 'damaged'  # what a name of a checkpoint that cannot be loaded begins with


class Damaged(Exception):
  """A checkpoint is not what was written."""


class Checkpoints:
  """The checkpoints of one workdir, written in the background, the last two kept. Several processes
  of a training write them together, each a share, while none trains; all call the same methods.

  A checkpoint appears under its final name only when it is whole, so a process killed while saving
  leaves the one before. Beside its arrays lie the digests of its files. One that is not what was
  written is passed over, with a warning, for the one before.

  Args:
    workdir: the folder.
    create: whether this process trains in it; otherwise nothing in it is changed.
    best: look at the one that is kept as the best, in place of the last two; not to train from.
  """

  def __init__(self, workdir: str, create: bool = True, best: bool = False):
    self._directory = folder_of(workdir, best)
    self._ours = create
    if not create and not os.path.isdir(self._directory):
      raise ValueError(f'no checkpoint in {workdir}: there is no {self._directory}')
    # Not Orbax's own background: after an error it can wait for ten minutes.
    self._manager = ocp.CheckpointManager(
      self._directory,
      item_handlers=ocp.StandardCheckpointHandler(),
      options=ocp.CheckpointManagerOptions(
        max_to_keep=KEPT if create else None,
        create=create,
        cleanup_tmp_directories=create,
        enable_async_checkpointing=False,
      ),
    )
    self._newest: int | None = hosts.of_first(self._manager.latest_step)
    self._writer = ThreadPoolExecutor(1, thread_name_prefix='checkpoint')
    self._writing: Future[None] | None = None

  def latest(self) -> int | None:
    """The step of the newest whole checkpoint, or None."""
    return self._newest

  def save(self, state: TrainState) -> None:
    """Writes the state in the background; a step that is there already is left.

    Raises:
      OSError, ValueError: the one before could not be written.
    """
    self.wait()
    step = int(state.step)
    if step == self.latest():
      return
    if not hosts.alone():  # they wait for each other, and would in two places at a time
      self._write(step, state)
    else:
      # The next step takes the memory of this state over.
      self._writing = self._writer.submit(self._write, step, jax.tree.map(jnp.copy, state))

  def _write(self, step: int, state: TrainState) -> None:
    """Writes a state, then the digests of its files."""
    try:
      with late_writes_untold():
        self._manager.save(step, args=ocp.args.StandardSave(state))
      if hosts.is_first():
        write_digests(self._folder(step))
    except Exception as error:  # of TensorStore, with a page of its own source
      raise OSError(
        f'checkpoint {step} could not be written to {self._directory}: {_reason(error)}'
      ) from None
    self._newest = step

  def check_room(self, like: TrainState, best: bool = False) -> None:
    """Raises ValueError if there is not room for as many checkpoints as lie there at a time, with
    or without a best one.
    """
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(like))
    # The best one is copied before the one before it goes.
    copies = 2 - os.path.isdir(os.path.join(self._directory, BEST)) if best else 0
    missing = max(1, KEPT + 1 - len(self._manager.all_steps())) + copies
    check_room(self._directory, missing * size, 'the checkpoints')

  def restore(self, like: TrainState) -> TrainState:
    """The newest intact state, laid out on devices as `like` (arrays or shapes with shardings).

    Raises:
      ValueError: there is none, or its arrays differ in shape or name from `like`; the first
        difference is named.
    """
    damaged: list[str] = []
    for step in hosts.of_first(lambda: sorted(self._manager.all_steps(), reverse=True)):
      try:
        state = self._read(step, like)
      except Damaged as error:
        damaged.append(str(error))
      else:
        self._newest = step
        self._pass_over(damaged)
        return state
    if damaged:
      raise ValueError(f'no intact checkpoint, expected at least one: {"; ".join(damaged)}')
    raise ValueError(f'no checkpoint in {self._directory}, expected at least one')

  def restore_step(self, step: int, like: TrainState) -> TrainState:
    """The state of a step that is there, and of no other.

    Raises:
      ValueError: it is damaged, or as `restore`.
    """
    try:
      return self._read(step, like)
    except Damaged as error:
      raise ValueError(str(error)) from None

  def _read(self, step: int, like: TrainState) -> TrainState:
    """The state of a step.

    Raises:
      Damaged: it is not what was written.
      ValueError: as `restore`.
    """
    folder = self._folder(step)
    if found := hosts.of_first(lambda: damage(folder)):
      raise Damaged(found)
    with _damaged(folder):
      stored: Any = self._manager.item_metadata(step)
      shapes = shapes_of(stored)
    check_same_shapes(shapes, shapes_of(like), folder)
    wanted: Any = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
    # Fields come and go with versions. Their arrays are the same, checked above, so one that only
    # the checkpoint has, or only this version, holds nothing.
    tree = {name: getattr(wanted, name, None) for name in stored}
    with _damaged(folder):
      found = self._manager.restore(step, args=ocp.args.StandardRestore(tree))
      return wanted._replace(**{name: found.get(name) for name in wanted._fields})

  def _pass_over(self, damaged: list[str]) -> None:
    """Tells of damaged checkpoints that are newer than the one that is taken; where this process
    trains, it puts them out of the way.
    """
    if not damaged:
      return
    if hosts.is_first():
      warnings.warn(
        f'{"; ".join(damaged)}. Step {self._newest} is taken in its place: what was trained after '
        'it is lost, and the same steps are made again by a training',
        stacklevel=3,
      )
    if self._ours:
      hosts.of_first(self._put_aside)
      self._manager.reload()

  def _put_aside(self) -> None:
    """Gives the checkpoints after the newest intact one other names."""
    for step in self._manager.all_steps():
      if step > (self._newest or 0):
        aside = os.path.join(self._directory, f'{DAMAGED}-{step}')
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(self._folder(step), aside)

  def wait(self) -> None:
    """Returns once everything saved is on disk.

    Raises:
      OSError: it could not be written.
    """
    writing, self._writing = self._writing, None
    if writing:
      writing.result()

  def close(self) -> None:
    """Waits for what is being written and ends the background thread."""
    try:
      self.wait()
    finally:
      self._writer.shutdown()
      self._manager.close()

  def _folder(self, step: int) -> str:
    """The folder of a checkpoint."""
    return os.path.join(self._directory, str(step))


def folder_of(workdir: str, best: bool = False) -> str:
  """Where the last checkpoints of a workdir lie, or the best one; each by its step."""
  newest = os.path.join(os.path.abspath(workdir), 'checkpoints')
  return os.path.join(newest, BEST) if best else newest


def steps_in(folder: str) -> list[int]:
  """The steps of the whole checkpoints in a folder."""
  names = os.listdir(folder) if os.path.isdir(folder) else []
  return sorted(int(name) for name in names if name.isdecimal())


@contextlib.contextmanager
def late_writes_untold() -> Iterator[None]:
  """After an error in here, the writes that end behind it are not told of: TensorStore reports each
  to an event loop, which is closed by then, and every report would be a traceback on the terminal.
  """
  usual = sys.unraisablehook

  def hook(found: Any) -> None:
    if found.exc_type is not RuntimeError or str(found.exc_value) != 'Event loop is closed':
      usual(found)

  sys.unraisablehook = hook
  yield
  sys.unraisablehook = usual  # not after an error


@contextlib.contextmanager
def _damaged(folder: str) -> Iterator[None]:
  """Turns any error into Damaged: on damaged bytes Orbax fails in many ways. One of several
  processes alone cannot go on to another checkpoint.
  """
  try:
    yield
  except Exception as error:
    kind = Damaged if hosts.alone() else ValueError
    raise kind(f'{folder} cannot be read: {_reason(error)}') from None


def _reason(error: Exception) -> str:
  """An error of Orbax or TensorStore in a few words: theirs can have sixty lines."""
  words = ' '.join(str(error).split()) or type(error).__name__
  full = 'No space left on device'
  return full if full in words else words[:200]
