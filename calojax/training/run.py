"""A run: a config and its data become a method, batches, reports and a trained state in a
workdir.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from calojax import data, interruption
from calojax.files import Lease, named
from calojax.geometry import Geometry
from calojax.methods.build import build
from calojax.methods.state import Method, TrainState
from calojax.showers import Shower, take
from calojax.training import callbacks, feed, sharding, workdir
from calojax.training.checkpoint import Checkpoints
from calojax.training.loop import dispatcher, initial_state, shapes, steps_per_dispatch, train
from calojax.training.parts import Parts, load_parts


class Trainer(NamedTuple):
  """A training ready to start; everything that bad input could break is behind it."""

  config: Any
  folder: str
  parts: Parts
  method: Method
  batches: feed.Batches
  dispatch: int
  mesh: jax.sharding.Mesh
  lease: Lease
  checkpoints: Checkpoints
  state: TrainState

  def close(self) -> None:
    """Ends what is being written, and lets other processes in."""
    try:
      self.checkpoints.close()
    finally:
      self.lease.release()


def prepare(config: Any, folder: str, check: Callable[[Any, Parts], None]) -> Trainer:
  """Reads the data, checks them with the config, builds the method, claims the workdir and restores
  its newest state or makes the first.

  Raises:
    ValueError: the config, the data or the workdir does not do, or another process trains in it;
      nothing is written then.
  """
  parts = load_parts(config)
  check(config, parts)
  mesh = sharding.data_mesh()
  # An impossible network is refused here, before anything is written.
  method, like = built(config, parts.geometry, parts.train, mesh)
  dispatch, batches = steps_per_dispatch(config), feed.batches_of(config, parts, mesh)
  example = take(parts.train, slice(2))
  interruption.begin(None)
  os.makedirs(folder, exist_ok=True)
  with named(folder):
    lease = Lease(folder, 'training')
  try:
    workdir.claim(folder, config)
    workdir.describe_data(
      folder, parts.geometry, parts.provenance, data.fingerprint(parts.train), parts.train.condition
    )
    checkpoints = Checkpoints(folder)
    checkpoints.check_room(like)
    state = (
      initial_state(method, example, config.seed, mesh)
      if checkpoints.latest() is None
      else checkpoints.restore(like)
    )
  except BaseException:
    lease.release()
    raise
  return Trainer(config, folder, parts, method, batches, dispatch, mesh, lease, checkpoints, state)


def built(
  config: Any, geometry: Geometry, showers: Shower, mesh: jax.sharding.Mesh
) -> tuple[Method, TrainState]:
  """The method of a config and the shapes of its state.

  Raises:
    ValueError: there is no such network.
  """
  try:
    method = build(config, geometry, showers)
    return method, shapes(method, take(showers, slice(2)), mesh)
  except ValueError:
    raise
  except Exception as error:  # sizes that do not fit are met in many ways, in flax and before
    raise ValueError(
      f'no network can be made of this config: {type(error).__name__}: {error}'
    ) from error


class Saving(NamedTuple):
  """What is done with a state on the way: looked at, kept, monitored.

  Attributes:
    trainer: of the run.
    scalars: whose last ones are written before a state is looked at.
    monitor: called with the step and the state.
  """

  trainer: Trainer
  scalars: callbacks.Scalars
  monitor: Callable[[int, TrainState], None]

  def check(self, step: int, state: TrainState) -> None:
    """Raises Diverged if a term is not finite or the generator is dead."""
    self.scalars.flush(step, state)
    callbacks.check_state(step, state)

  def save(self, step: int, state: TrainState) -> None:
    """Keeps the state, unless it is broken or the workdir no longer this process's."""
    self.check(step, state)
    self.trainer.lease.check()
    self.trainer.checkpoints.save(state)

  def watch(self, step: int, state: TrainState) -> None:
    """Monitors the state, unless it is broken."""
    self.check(step, state)
    self.monitor(step, state)


def run(trainer: Trainer, writer: Any, monitor: Callable[[int, TrainState], None]) -> TrainState:
  """Trains to the end and returns the state, saved.

  Raises:
    Interrupted: SIGTERM or SIGINT; the state is saved.
    OSError, ValueError: the disk is full, or the workdir was removed.
    Diverged: a term is not finite or the generator is dead; the last good checkpoint is kept.
  """
  settings, start = trainer.config.train, int(trainer.state.step)
  showers = settings.batch * settings.discriminator_steps
  scalars = callbacks.Scalars(trainer.folder, writer, settings.log_every, showers, start)
  interruption.check()
  saving = Saving(trainer, scalars, monitor)
  progress = callbacks.Progress(start, settings.steps)
  told = [
    progress,
    scalars,
    callbacks.Periodic(settings.monitor_every, saving.watch),
    callbacks.Periodic(settings.checkpoint_every, saving.save),
    callbacks.Signals(trainer.checkpoints, saving.check),
  ]
  step_fn = dispatcher(trainer.method, trainer.mesh)
  try:
    state = train(step_fn, trainer.batches, trainer.state, settings.steps, trainer.dispatch, told)
    saving.save(settings.steps, state)
    trainer.checkpoints.wait()
    return state
  except OSError:
    trainer.lease.check()  # which says it better where the whole workdir has gone
    raise
  finally:
    progress.close()
