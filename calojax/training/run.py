"""A run: a config and its data become a method, batches, reports and a trained state in a
workdir.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from calojax import data, interruption
from calojax.config import Change
from calojax.config import check as rules_check
from calojax.config.changes import everywhere
from calojax.files import Lease, named
from calojax.geometry import Geometry
from calojax.methods.build import build
from calojax.methods.state import Method, TrainState
from calojax.showers import Shower, take
from calojax.training import callbacks, feed, gates, going_on, hosts, sharding, workdir
from calojax.training import origin as origins
from calojax.training.best import Best
from calojax.training.checkpoint import Checkpoints
from calojax.training.loop import dispatcher, initial_state, shapes, steps_per_dispatch, train
from calojax.training.origin import Origin
from calojax.training.parts import Parts, load_parts
from calojax.training.saving import Saving
from calojax.training.trackers import Tracker


class Trainer(NamedTuple):
  """A training ready to start; everything that bad input could break is behind it.

  Attributes:
    lease: of the workdir, which the first process has for all.
    told: what is different from the runs before in the workdir, a line each.
  """

  config: Any
  folder: str
  parts: Parts
  method: Method
  batches: feed.Batches
  dispatch: int
  mesh: jax.sharding.Mesh
  lease: Lease | None
  checkpoints: Checkpoints
  state: TrainState
  told: list[str]

  def close(self) -> None:
    """Ends what is being written, and lets other processes in."""
    try:
      self.checkpoints.close()
    finally:
      if self.lease:
        self.lease.release()


def prepare(
  config: Any,
  folder: str,
  check: Callable[[Any, Parts], None],
  *,
  steps: int | None = None,
  origin: Origin | None = None,
) -> Trainer:
  """Reads the data, checks them with the config, builds the method, claims the workdir and restores
  its newest state or makes the first.

  Args:
    config: of the run; in a workdir that is there already it may differ as `workdir.check_config`
      says.
    folder: the workdir.
    check: raises ValueError where config and data do not go together.
    steps: in place of `train.steps`, also where the workdir has another end.
    origin: of the first state's weights.

  Raises:
    ValueError: the config, the data or the workdir does not do, or differs between the processes
      of this training, or another one is at work in it; nothing is written then.
  """
  if steps is not None:
    config = with_steps(config, steps)
  parts = load_parts(config)
  check(config, parts)
  mesh = sharding.data_mesh()
  # An impossible network is refused here, before anything is written.
  method, like = built(config, parts.geometry, parts.train, mesh)
  dispatch, batches = steps_per_dispatch(config), feed.batches_of(config, parts, mesh)
  if origin is not None:
    origins.check(origin, config, parts.geometry, like)
  fingerprint = data.fingerprint(parts.train)
  hosts.check_same({'fingerprint of the data': fingerprint, **everywhere(config)})
  interruption.begin(None)
  lease = leased(folder) if hosts.is_first() else None
  try:
    first = lambda: initial_state(method, take(parts.train, slice(2)), config.seed, mesh)
    checkpoints, state, told = entered(
      config, folder, steps, origin, parts, fingerprint, like, first
    )
  except BaseException:
    if lease:
      lease.release()
    raise
  return Trainer(
    config, folder, parts, method, batches, dispatch, mesh, lease, checkpoints, state, told
  )


def entered(
  config: Any,
  folder: str,
  steps: int | None,
  origin: Origin | None,
  parts: Parts,
  fingerprint: str,
  like: TrainState,
  first: Callable[[], TrainState],
) -> tuple[Checkpoints, TrainState, list[str]]:
  """The checkpoints of a workdir that is this training's, the state to go on from, and what is
  different from the runs before.

  Args:
    config: of the run.
    folder: the workdir.
    steps: in place of `train.steps`, or None.
    origin: of the first state's weights, or None.
    parts: of the data.
    fingerprint: of the training showers.
    like: the shapes of a state.
    first: makes the state at step 0.

  Raises:
    ValueError: the workdir does not do.
  """
  about = origin.about() if origin else None
  changed: list[Change] = []
  hosts.of_first(lambda: changed.extend(claimed(folder, config, steps, about, parts, fingerprint)))
  checkpoints = Checkpoints(folder)
  checkpoints.check_room(like, best=bool(config.train.best_by))
  going_on.check_end(config, changed, checkpoints.latest() or 0)
  if checkpoints.latest() is None:
    state = begun(folder, config, first(), origin, checkpoints)
  else:
    hosts.of_first(lambda: workdir.check_origin(folder, config, about, begun=True))
    state = checkpoints.restore(like)
  told = going_on.told(config, changed, int(state.step), fingerprint)
  if changed:
    workdir.amend(folder, config, changed, int(state.step))
  return checkpoints, state, told


def leased(folder: str) -> Lease:
  """The lease of a workdir, which is made if it is not there.

  Raises:
    ValueError: another training is at work in it.
  """
  os.makedirs(folder, exist_ok=True)
  with named(folder):
    return Lease(folder, 'training')


def claimed(
  folder: str,
  config: Any,
  steps: int | None,
  about: dict[str, Any] | None,
  parts: Parts,
  fingerprint: str,
) -> list[Change]:
  """How the config differs from that of the workdir, which now has it and knows the data.

  Raises:
    ValueError: the workdir is of another config or of other data.
  """
  changed = workdir.claim(folder, config, steps, about)
  conditions = parts.train.condition
  workdir.describe_data(folder, parts.geometry, parts.provenance, fingerprint, conditions)
  going_on.check_data(config, changed, parts.geometry, workdir.stored_data(folder)[0])
  return changed


def with_steps(config: Any, steps: int) -> Any:
  """The config with another number of steps.

  Raises:
    ValueError: it is none.
  """
  config = config.copy_and_resolve_references()
  config.train.steps = steps
  return rules_check(config)


def begun(
  folder: str, config: Any, state: TrainState, origin: Origin | None, checkpoints: Checkpoints
) -> TrainState:
  """The first state of a run, with the weights that it starts from; they are saved, so that it goes
  on without them.

  Raises:
    ValueError: an earlier process was to start from a run that is not given now.
  """
  about = origin.about() if origin else None
  hosts.of_first(lambda: workdir.check_origin(folder, config, about, begun=False))
  if origin is None:
    return state
  state = origins.started(state, origin)
  checkpoints.save(state)
  checkpoints.wait()
  return state


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


def run(
  trainer: Trainer, tracker: Tracker, monitor: Callable[[int, TrainState], float | None]
) -> TrainState:
  """Trains to the end and returns the state, saved.

  Raises:
    Interrupted: SIGTERM or SIGINT; the state is saved.
    OSError, ValueError: the disk is full, or the workdir was removed.
    Diverged: a term is not finite or the generator is dead; the last good checkpoint is kept.
  """
  settings, start = trainer.config.train, int(trainer.state.step)
  showers = settings.batch * settings.discriminator_steps
  # A generator that has been warmed leaves a discriminator little to say: in the best trainings its
  # loss stays where it starts.
  watched = [] if 'warm_start' in trainer.config else [gates.Standstill(start)]
  scalars = callbacks.Scalars(trainer.folder, tracker, settings.log_every, showers, start, watched)
  if hosts.alone():  # others would wait for its first step
    interruption.check()
  best = None
  if hosts.is_first():
    best = Best(trainer.folder, settings.best_by, settings.patience, start)
  saving = Saving(trainer.lease, trainer.checkpoints, scalars, monitor, best)
  progress = callbacks.Progress(start, settings.steps)
  told = [
    progress,
    scalars,
    callbacks.Periodic(settings.monitor_every, saving.watch),
    callbacks.Periodic(settings.checkpoint_every, saving.save),
    callbacks.Signals(trainer.checkpoints, saving.check, hosts.agreement(trainer.mesh)),
  ]
  step_fn = dispatcher(trainer.method, trainer.mesh)
  stop = start if saving.over else settings.steps
  try:
    state = train(step_fn, trainer.batches, trainer.state, stop, trainer.dispatch, told)
    saving.save(int(state.step), state)
    trainer.checkpoints.wait()
    if best and best.over:
      progress.close()
      print(f'ended at step {int(state.step)}: {best.words()}', flush=True)
    return state
  except OSError:
    if trainer.lease:  # which says it better where the whole workdir has gone
      trainer.lease.check()
    raise
  finally:
    progress.close()
