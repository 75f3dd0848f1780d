"""What is told and kept while a training runs: each report is called after every dispatch with
(step, state, metrics).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from calojax import interruption
from calojax.files import write_text
from calojax.interruption import Interrupted
from calojax.methods.state import TrainState, players
from calojax.training import hosts
from calojax.training.checkpoint import Checkpoints
from calojax.training.trackers import Tracker

COLLAPSE = 1e-3  # generated over real spread of a cell below which a generator counts as dead

Gate = Callable[[int, dict[str, np.ndarray]], None]


class Diverged(Exception):
  """The training stopped being one: a term is not finite, or the generator's output no longer
  varies.
  """


class Scalars:
  """Means of every metric over each `every` steps, into metrics.jsonl and the tracker; every step's
  value is checked, and shown to the gates: functions of (last step, values `[steps]` by name).
  """

  def __init__(
    self,
    workdir: str,
    tracker: Tracker,
    every: int,
    batch: int,
    start: int,
    gates: Sequence[Gate] = (),
  ):
    self._gates = gates
    self._path, self._tracker, self._every, self._batch = (
      os.path.join(workdir, 'metrics.jsonl'),
      tracker,
      every,
      batch,
    )
    self._pending: list[Any] = []
    self._step, self._time = start, time.monotonic()
    if hosts.is_first():
      _forget_after(self._path, start)

  def __call__(self, step: int, state: TrainState, metrics: dict[str, Any]) -> None:
    """Keeps the metrics of a dispatch, on the device, until they are due."""
    self._pending.append(metrics)
    if step % self._every == 0:
      self.flush(step, state)

  def flush(self, step: int, state: TrainState) -> None:
    """Checks and writes what has gathered.

    Raises:
      Diverged: a metric of some step is not finite, or the generator is dead; it names the step and
        the term.
    """
    if not self._pending:
      return
    gathered = jax.device_get(self._pending)
    values = {name: np.concatenate([m[name] for m in gathered]) for name in gathered[0]}
    self._pending = []
    _check(values, step)
    if not hosts.is_first():
      return
    means = {name: float(value.mean()) for name, value in values.items()} | sigmas(state)
    elapsed = time.monotonic() - self._time
    means['throughput/showers_per_second'] = (step - self._step) * self._batch / elapsed
    self._step, self._time = step, time.monotonic()
    self._tracker.scalars(step, means)
    with open(self._path, 'a') as file:
      file.write(json.dumps({'step': step, **means}) + '\n')
    for gate in self._gates:
      gate(step, values)


def _check(values: dict[str, np.ndarray], last: int) -> None:
  """Raises Diverged at the first step with a term that is not finite, or if the generated showers
  stopped varying.
  """
  count = len(next(iter(values.values())))
  bad = {
    name: int(np.argmin(np.isfinite(value)))
    for name, value in values.items()
    if not np.isfinite(value).all()
  }
  if bad:
    first = min(bad.values())
    terms = ', '.join(sorted(name for name, index in bad.items() if index == first))
    raise Diverged(f'step {last - count + 1 + first}: {terms} is not finite')
  for name, value in values.items():
    if name.endswith('/diversity') and (value < COLLAPSE).all():
      raise Diverged(
        f'step {last}: {name} stayed below {COLLAPSE} for {count} steps: '
        'the generator gives one shower only'
      )


@jax.jit
def _finite(state: TrainState) -> Any:
  """Whether every number of the state is finite."""
  numbers = [leaf for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
  return jnp.stack([jnp.isfinite(leaf).all() for leaf in numbers]).all()


def check_state(step: int, state: TrainState) -> None:
  """Raises Diverged if a number of the state is not finite: the metrics tell of the state before
  the step's update only.
  """
  if not _finite(state):
    raise Diverged(f'step {step}: the parameters are not finite')


def sigmas(state: TrainState) -> dict[str, float]:
  """The spectral norm of every normalised weight, by name."""
  found = {}
  for name, player in players(state).items():
    spectral = player.stats.get('spectral', {})
    for path, leaf in jax.tree_util.tree_leaves_with_path(spectral):
      key = jax.tree_util.keystr(path, simple=True, separator='/')
      if key.endswith('/sigma'):
        found[f'spectral/{name}/{key.removesuffix("/sigma")}'] = float(leaf)
  return found


def _forget_after(path: str, step: int) -> None:
  """Drops the lines of steps that a resumed run will write again, and a last line that a kill cut
  short.
  """
  if not os.path.exists(path):
    return
  kept = []
  with open(path, encoding='utf-8', errors='replace') as file:
    for number, line in enumerate(file, 1):
      if not line.endswith('\n'):
        continue
      try:
        before = json.loads(line)['step'] <= step
      except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(
          f'{path}: line {number} is damaged, expected a JSON object with the step: remove the line'
        ) from None
      if before:
        kept.append(line)
  write_text(path, ''.join(kept))


class Periodic:
  """Calls `action(step, state)` every so many steps."""

  def __init__(self, every: int, action: Callable[[int, TrainState], bool | None]):
    self._every, self._action = every, action

  def __call__(self, step: int, state: TrainState, metrics: dict[str, Any]) -> bool:
    """Acts if it is time; True if the action says that the training is to end."""
    return step % self._every == 0 and bool(self._action(step, state))


class Signals:
  """Where SIGTERM or SIGINT has come, to any of the processes, saves after a step on which all
  agree and raises `Interrupted`.
  """

  def __init__(
    self,
    checkpoints: Checkpoints,
    before_save: Callable[[int, TrainState], None],
    agreed: Callable[[int], int],
  ):
    self._checkpoints, self._before_save, self._agreed = checkpoints, before_save, agreed

  def __call__(self, step: int, state: TrainState, metrics: dict[str, Any]) -> None:
    """Saves and raises `Interrupted` if a signal has come."""
    if number := self._agreed(interruption.received() or 0):
      self._before_save(step, state)
      self._checkpoints.save(state)
      self._checkpoints.wait()
      hosts.part()
      raise Interrupted(f'{signal.Signals(number).name} received, saved at step {step}')


def tell(line: str) -> None:
  """Prints a line into the log, above a bar that moves."""
  from tqdm import tqdm

  tqdm.write(line)
  sys.stdout.flush()


class Progress:
  """A bar with rate and remaining time; on a terminal it moves, in a log it prints a line now and
  then.
  """

  def __init__(self, start: int, steps: int):
    from tqdm import tqdm

    live = sys.stderr.isatty()
    self._bar = tqdm(
      total=steps,
      initial=start,
      unit='step',
      desc='training',
      dynamic_ncols=True,
      disable=not hosts.is_first(),
      mininterval=0.5 if live else 30,
    )

  def __call__(self, step: int, state: TrainState, metrics: dict[str, Any]) -> None:
    """Moves the bar to the step."""
    self._bar.update(step - self._bar.n)

  def close(self) -> None:
    """Ends the bar's line."""
    self._bar.close()
