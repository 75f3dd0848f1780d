"""The one training loop: it knows methods, batches and reports, and no network."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import jax
from jaxtyping import Array

from calojax.methods.state import Trainable, TrainState, Update
from calojax.showers import Shower
from calojax.training import sharding
from calojax.training.feed import Batches

# One that returns True ends the training, after the others have been called too.
Report = Callable[[int, TrainState, dict[str, Array]], bool | None]

ACCELERATOR_STEPS = 10  # a dispatch: small networks starve an accelerator otherwise


def steps_per_dispatch(config: Any) -> int:
  """How many steps one dispatch makes: as configured, or by platform (a scanned convolution
  gradient is slow on a CPU).

  Raises:
    ValueError: a period of the config is not a multiple of it, or the batch not one of the number
      of devices.
  """
  settings = config.train
  if settings.batch < 1 or settings.batch % jax.device_count():
    raise ValueError(
      f'train.batch is {settings.batch}, expected a positive multiple of the '
      f'{jax.device_count()} devices'
    )
  steps = settings.steps_per_dispatch or (
    1 if jax.default_backend() == 'cpu' else ACCELERATOR_STEPS
  )
  for name in ('steps', 'log_every', 'checkpoint_every', 'monitor_every'):
    if settings[name] < 1 or settings[name] % steps:
      raise ValueError(
        f'train.{name} is {settings[name]}, expected a positive multiple of the {steps} steps '
        'of a dispatch'
      )
  return steps


class Step(Protocol):
  """`(state, Shower[n, k, b]) -> (state, metrics [n])`: n updates, the state donated."""

  def __call__(
    self, state: TrainState, showers: Shower, at: int | None = None
  ) -> tuple[TrainState, dict[str, Array]]:
    """`at` is the step that the state is at, if that is known: the updates are then those of the
    method's stage.
    """
    ...


def dispatcher(method: Trainable, mesh: jax.sharding.Mesh) -> Step:
  """The compiled updates of a method, the batch split over the mesh."""
  compiled = functools.cache(lambda update: jitted(update, mesh))

  def step(state: TrainState, showers: Shower, at: int | None = None) -> Any:
    last = None if at is None else at + len(showers.energies) - 1
    return compiled(_update(method, at, last))(state, showers)

  return step


def jitted(update: Update, mesh: jax.sharding.Mesh) -> Any:
  """One kind of update by `jax.jit`: `(state, Shower[n, k, b]) -> (state, metrics [n])`."""

  def steps(state: TrainState, showers: Shower) -> tuple[TrainState, dict[str, Array]]:
    if showers.energies.shape[0] == 1:
      state, metrics = update(state, jax.tree.map(lambda leaf: leaf[0], showers))
      return state, jax.tree.map(lambda leaf: leaf[None], metrics)
    return jax.lax.scan(update, state, showers)

  whole, parts = sharding.replicated(mesh), sharding.split(mesh, 2)
  return jax.jit(steps, in_shardings=(whole, parts), out_shardings=whole, donate_argnums=0)


def _update(method: Trainable, first: int | None, last: int | None) -> Update:
  """The update of the stage that all steps from `first` to `last` lie in; if there is none, the one
  that does in every stage.
  """
  stages = getattr(method, 'stages', ())  # a regressor has none
  if first is None or last is None or not stages:
    return method.update
  begins = [begin for begin, _ in stages]
  stage = bisect.bisect_right(begins, first) - 1
  return stages[stage][1] if stage == bisect.bisect_right(begins, last) - 1 else method.update


def initial_state(
  method: Trainable, example: Shower, seed: int, mesh: jax.sharding.Mesh
) -> TrainState:
  """The state at step 0, on every device; `example` is a batch `[b]`, for shapes."""
  key = jax.random.key(seed)
  return jax.jit(method.init, out_shardings=sharding.replicated(mesh))(key, example)


def shapes(method: Trainable, example: Shower, mesh: jax.sharding.Mesh) -> TrainState:
  """The shapes of a state and where its arrays are to lie."""
  like = jax.eval_shape(method.init, jax.random.key(0), example)
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding.replicated(mesh)),
    like,
  )


def train(
  step_fn: Step,
  data: Batches,
  state: TrainState,
  stop: int,
  dispatch: int,
  reports: Iterable[Report],
) -> TrainState:
  """The state at step `stop`, or where a report ends the training; reported on after every dispatch
  of `dispatch` steps.
  """
  step, ended = int(state.step), False
  while step < stop and not ended:
    n = (
      dispatch - step % dispatch
    )  # back on the grid of the periods, after a resume from another platform
    state, metrics = step_fn(state, data(step, n), step)
    step += n
    ended = any([report(step, state, metrics) for report in reports])
  return state
