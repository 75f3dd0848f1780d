"""What a training run is at one step: plain arrays in NamedTuples, all that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from calojax.showers import Condition, Shower

Variables = dict[str, Any]  # flax collections: 'params', 'batch_stats', 'spectral'


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


class TrainState(NamedTuple):
  """Everything that a step changes, and what it does not: the root random key, and the variables of
  a network trained beforehand.
  """

  step: Array
  rng: Array
  generator: Player
  discriminator: Player | None
  frozen: Variables | None = None


class Method(NamedTuple):
  """A way to train a generator, as pure functions.

  Attributes:
    init: `(key, Shower[b]) -> TrainState`.
    update: `(TrainState, Shower[k, b]) -> (TrainState, metrics)`; metrics are scalars by name.
    sample: `(variables, z [b, latent], Condition[b]) -> energies [b, v]` in MeV.
    latent: number of standard normal variables that a shower takes.
    stores: whether it gives back showers of the training set: it is to be judged on particles that
      it has not stored.
  """

  init: Callable[[Array, Shower], TrainState]
  update: Callable[[TrainState, Shower], tuple[TrainState, dict[str, Array]]]
  sample: Callable[[Variables, Array, Condition], Array]
  latent: int
  stores: bool = False


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
  rate = 1 - jnp.minimum(decay, (1 + step) / (10 + step))
  ema = jax.tree.map(lambda old, new: old + rate * (new - old), player.ema, player.variables)
  return player._replace(ema=ema)
