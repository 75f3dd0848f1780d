"""The parameter regressor of Chekalina et al. 2018: it reads the particle off a real shower, before
any generator is trained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from calojax import models, observables
from calojax.geometry import Geometry
from calojax.methods import losses, quantities, state
from calojax.methods.state import Network, SinglePlayer, Variables
from calojax.registry import find
from calojax.showers import Shower

DECAY = 0.995  # of the average of its parameters


class Pretrained(NamedTuple):
  """A parameter regressor trained beforehand, to which a generator answers; its variables are the
  state's, `frozen`.

  Attributes:
    network: its module.
    parameters: `Shower[b] -> [b, p]`, what it has learnt of a shower's particle.
    weights: of the terms of a generator's loss, `outputs` and `perceptual`.
  """

  network: Network
  parameters: Callable[[Shower], Array]
  weights: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Regressor:
  """A regressor's training as pure functions; the training loop takes it as it takes a method.

  Attributes:
    init, update: as in `state.Trainable`.
    read: `(variables, energies [b, v] in MeV) -> [b, p]`, the particles' parameters in units of
      their spread.
  """

  init: Callable[[Array, Shower], SinglePlayer]
  update: Callable[[SinglePlayer, Shower], tuple[SinglePlayer, dict[str, Array]]]
  read: Callable[[Variables, Array], Array]


def pretrained(config: Any, geometry: Geometry, training: Shower | None) -> Pretrained | None:
  """The regressor that a term of the generator's loss asks for, or None.

  Raises:
    ValueError: one is asked for that has not learnt anything, or as `module`.
  """
  weights = {name: config.weights[name] for name in ('outputs', 'perceptual')}
  if not any(weights.values()):
    return None
  settings = config.pretraining
  if settings.steps < 1 or not settings.targets:
    raise ValueError(
      f'weights.outputs or weights.perceptual is set, but pretraining.steps is {settings.steps} '
      f'and pretraining.targets {tuple(settings.targets)}: expected a regressor that has learnt '
      'something'
    )
  return Pretrained(module(config, geometry), parameters(config, geometry, training), weights)


def start(pretrained: Pretrained | None, key: Array, energies: Array) -> Variables | None:
  """A place in a method's state for what is trained beforehand, of its shapes."""
  return dict(pretrained.network.init(key, jnp.zeros_like(energies), True)) if pretrained else None


def terms(
  pretrained: Pretrained | None, frozen: Variables | None, generated: Shower, real: Shower
) -> dict[str, Array]:
  """The losses of Chekalina et al. 2018 through the frozen regressor, on generated showers of real
  ones' particles: its outputs against the condition, its features against those of the real shower.
  """
  if pretrained is None:
    return {}
  assert frozen is not None  # `start` makes room for it
  look = lambda showers: read(pretrained.network, frozen, showers.energies)
  found, seen = {}, look(generated)
  if pretrained.weights['outputs']:
    found['outputs'] = losses.absolute_error(seen['targets'], pretrained.parameters(real))
  if pretrained.weights['perceptual']:
    found['perceptual'] = losses.absolute_error(seen['features'], look(real)['features'])
  return found


def module(config: Any, geometry: Geometry) -> Network:
  """The network of `config.pretraining`: x `[b, v]` -> `{'targets': [b, p], 'features': [b, f]}`.

  Raises:
    ValueError: an unknown network, or a target that is not an attribute of the particle.
  """
  settings = config.pretraining
  for name in settings.targets:
    find(observables.ATTRIBUTES, name, 'attribute of a particle')
  network = find(models.REGRESSORS, settings.network, 'regressor')
  return network(
    geometry.grids,
    targets=quantities.width(tuple(settings.targets), geometry),
    dtype=jnp.dtype(config.dtype),
  )


def parameters(config: Any, geometry: Geometry, training: Shower | None) -> quantities.Quantities:
  """`Shower[b] -> [b, p]`, the particle's parameters as the regressor gives them: in units of their
  spread over the training showers.

  Raises:
    ValueError: an unknown name, or none at all.
  """
  found = quantities.targets(tuple(config.pretraining.targets), 'absolute', geometry, training)
  if found is None:
    raise ValueError('pretraining.targets is empty, expected what the regressor is to learn')
  return found


def read(network: Network, variables: Variables, energies: Array) -> dict[str, Array]:
  """The regressor's outputs for showers `[b, v]` in MeV.

  It sees ln(1 + E / 10 MeV), not the generator's network space, in which the incident energy may be
  divided out.
  """
  # True changes nothing: there is neither batch norm nor dropout, and what is frozen reads as it
  # learnt to.
  return network.apply(variables, jnp.log1p(energies / 10) / 3, True)


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Regressor:
  """The regressor's training: it minimises the mean absolute error on real showers."""
  settings, network = config.pretraining, module(config, geometry)
  target = parameters(config, geometry, training)
  cooldown = settings.steps // 2
  rate = optax.linear_schedule(settings.rate, 0.0, cooldown, settings.steps - cooldown)
  adam = optax.adam(rate)

  def init(key: Array, showers: Shower) -> SinglePlayer:
    variables = network.init(key, jnp.zeros_like(showers.energies), True)
    player = state.player(dict(variables), adam, averaged=True)
    return SinglePlayer(jnp.zeros((), jnp.int32), key, player)

  def update(train: SinglePlayer, showers: Shower) -> tuple[SinglePlayer, dict[str, Array]]:
    """The state after a step on a batch `[1, b]`, and its scalars."""
    player, showers = train.generator, state.only_batch(showers)
    loss = lambda params: losses.absolute_error(
      read(network, {'params': params}, showers.energies)['targets'], target(showers)
    ).mean()
    value, gradients = jax.value_and_grad(loss)(player.params)
    player = state.average(state.descend(player, gradients, adam), train.step, DECAY)
    metrics = {'regressor/error': value, 'regressor/gradient_norm': optax.tree.norm(gradients)}
    return train._replace(step=train.step + 1, generator=player), metrics

  return Regressor(init, update, lambda *showers: read(network, *showers)['targets'])
