"""What is done with a state on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from calojax.files import Lease
from calojax.methods.state import TrainState
from calojax.training import callbacks, hosts
from calojax.training.best import Best
from calojax.training.checkpoint import Checkpoints


class Saving(NamedTuple):
  """What is done with a state on the way: looked at, kept, monitored.

  Attributes:
    lease: of the workdir, which the first process has.
    checkpoints: of the run.
    scalars: whose last ones are written before a state is looked at.
    monitor: called with the step and the state, gives the figure of the best.
    best: the best so far, of which the first process knows.
  """

  lease: Lease | None
  checkpoints: Checkpoints
  scalars: callbacks.Scalars
  monitor: Callable[[int, TrainState], float | None]
  best: Best | None

  def check(self, step: int, state: TrainState) -> None:
    """Raises Diverged if a term is not finite or the generator is dead."""
    self.scalars.flush(step, state)
    callbacks.check_state(step, state)

  def save(self, step: int, state: TrainState) -> None:
    """Keeps the state, unless it is broken or the workdir no longer this process's."""
    self.check(step, state)
    if self.lease:
      self.lease.check()
    self.checkpoints.save(state)

  def watch(self, step: int, state: TrainState) -> bool:
    """Monitors the state, unless it is broken, and keeps it if it is the best; True if the training
    has long become no better.
    """
    self.check(step, state)
    # Noted before it is saved: a run goes on from a state that was saved, and notes what comes.
    if hosts.of_first(lambda: bool(self.best and self.best.note(step, self.monitor(step, state)))):
      self.save(step, state)
      self.checkpoints.wait()
      hosts.of_first(lambda: self.best and self.best.keep(step))
    return self.over

  @property
  def over(self) -> bool:
    """Whether the training has long become no better."""
    return hosts.of_first(lambda: bool(self.best and self.best.over))
