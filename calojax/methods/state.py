"""What a training run is at one step: plain arrays in NamedTuples, all that a checkpoint holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from calojax.showers import Condition, Shower

Variables = dict[str, Any]  # flax collections: 'params', 'batch_stats', 'spectral'


class Network(Protocol):
  """What methods call of a flax module, whose own `apply` returns one type or another by its
  arguments.
  """

  init: Callable[..., Any]
  apply: Callable[..., Any]


class Player(NamedTuple):
  """One network in training.

  Attributes:
    params: what the optimiser moves.
    stats: the other collections, by name: batch statistics and spectral vectors.
    opt_state: the optimiser's.
    ema: moving average of params and stats together, or None.
  """

  params: Any
  stats: Variables
  opt_state: Any
  ema: Variables | None

  @property
  def variables(self) -> Variables:
    """The collections that `Module.apply` takes."""
    return {'params': self.params, **self.stats}


class TrainState(Protocol):
  """What the training loop, reports and the sampler know of a method's state, which is a NamedTuple
  of arrays: how many steps it has made, and the player whose average is the generator.
  """

  @property
  def step(self) -> Array:
    """How many updates have been made."""
    ...

  @property
  def generator(self) -> Player:
    """The network that is sampled from, in its average."""
    ...


class SinglePlayer(NamedTuple):
  """The state of a method that trains one network; `rng` is the root key and never changes."""

  step: Array
  rng: Array
  generator: Player


# Any: an update takes the state that its own method made, and no other.
Update: TypeAlias = Callable[[Any, Shower], tuple[TrainState, dict[str, Array]]]


class Trainable(Protocol):
  """What the training loop needs of a method, or of a regressor that is trained before one."""

  @property
  def init(self) -> Callable[[Array, Shower], TrainState]:
    """`(key, Shower[b]) -> state`."""
    ...

  @property
  def update(self) -> Update:
    """`(state, Shower[k, b]) -> (state, metrics)`; metrics are scalars by name."""
    ...


@dataclasses.dataclass(frozen=True)
class Method:
  """A way to train a generator, as pure functions.

  Attributes:
    init, update: as in `Trainable`.
    sample: `(variables, z [b, latent], Condition[b]) -> energies [b, v]` in MeV.
    latent: number of standard normal variables that a shower takes.
    stores: whether it gives back showers of the training set: it is to be judged on particles that
      it has not stored.
    score: `(state, Shower[b]) -> [b]`, what the discriminator of a training thinks of real showers,
      as it judges and without a change of its statistics; None where there is none.
    stages: updates that make the same as `update` in one part of the training, each with the step
      from which it does; faster, as nothing is chosen on the way. Empty where all are alike.
  """

  init: Callable[[Array, Shower], TrainState]
  update: Update
  sample: Callable[[Variables, Array, Condition], Array]
  latent: int
  stores: bool = False
  score: Callable[[Any, Shower], Array] | None = None  # Any: as of an update
  stages: tuple[tuple[int, Update], ...] = ()


def players(state: TrainState) -> dict[str, Player]:
  """The players of a state, by their field's name."""
  assert isinstance(state, tuple)  # a NamedTuple of whatever a method keeps
  fields = zip(state._fields, state)  # pyright: ignore[reportAttributeAccessIssue]: of NamedTuple
  return {name: field for name, field in fields if isinstance(field, Player)}


def only_batch(showers: Shower) -> Shower:
  """The one batch `[b]` of an update `[1, b]`, for a method without a discriminator.

  Raises:
    ValueError: there are several.
  """
  expect_one_batch(len(showers.energies))
  return jax.tree.map(lambda leaf: leaf[0], showers)


def expect_one_batch(count: int) -> None:
  """Raises ValueError unless an update takes one batch: only those of `gan` take more."""
  if count != 1:
    raise ValueError(
      f'train.discriminator_steps is {count}, expected 1: this method makes one update of one batch'
    )


def player(
  variables: Variables, optimiser: optax.GradientTransformation, averaged: bool = False
) -> Player:
  """A player at its start; `averaged` gives it a moving average."""
  stats = {name: value for name, value in variables.items() if name != 'params'}
  # A copy: an average that shares its buffers with the parameters cannot be donated with them.
  ema = jax.tree.map(jnp.array, dict(variables)) if averaged else None
  return Player(variables['params'], stats, optimiser.init(variables['params']), ema)


def descend(player: Player, gradients: Any, optimiser: optax.GradientTransformation) -> Player:
  """The player after one step of its optimiser."""
  updates, opt_state = optimiser.update(gradients, player.opt_state, player.params)
  return player._replace(params=optax.apply_updates(player.params, updates), opt_state=opt_state)


def average(player: Player, step: Array, decay: float) -> Player:
  """The player with its moving average one step further; the decay warms up as (1 + t) / (10 + t)
  so that the start is forgotten.
  """
  # TensorFlow's warm-up: with .999 from the first step on, the average would be the random start
  # for a thousand of them.
  rate = 1 - jnp.minimum(decay, (1 + step) / (10 + step))
  ema = jax.tree.map(lambda old, new: old + rate * (new - old), player.ema, player.variables)
  return player._replace(ema=ema)
