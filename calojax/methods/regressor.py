"""The parameter regressor of Chekalina et al. 2018: it reads the particle off a real shower, before
any generator is trained.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from calojax import models, observables
from calojax.geometry import Geometry
from calojax.methods import losses, quantities, state
from calojax.methods.optimisers import optimiser
from calojax.methods.precision import arithmetic
from calojax.methods.state import Method, TrainState, Variables
from calojax.registry import find
from calojax.showers import Shower


def module(config: Any, geometry: Geometry) -> nn.Module:
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
    dtype=arithmetic(config.dtype),
  )


def parameters(config: Any, geometry: Geometry, training: Shower | None) -> quantities.Quantities:
  """`Shower[b] -> [b, p]`, the particle's parameters as the regressor gives them: in units of their
  spread over the training showers.
  """
  return quantities.targets(tuple(config.pretraining.targets), 'absolute', geometry, training)


def read(network: nn.Module, variables: Variables, energies: Array) -> dict[str, Array]:
  """The regressor's outputs for showers `[b, v]` in MeV.

  It sees ln(1 + E / 10 MeV), not the generator's network space, in which the incident energy may be
  divided out.
  """
  return network.apply(variables, jnp.log1p(energies / 10) / 3, True)


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The regressor's training as a method: it minimises the mean absolute error on real showers.

  `sample` maps (variables, energies `[b, v]` in MeV, condition) to scaled parameters `[b, p]`: it
  reads showers instead of making them.
  """
  settings, network = config.pretraining, module(config, geometry)
  target = parameters(config, geometry, training)
  adam = optimiser(config.optimiser, settings.rate, settings.steps)

  def init(key: Array, showers: Shower) -> TrainState:
    variables = network.init(key, jnp.zeros_like(showers.energies), True)
    return TrainState(
      jnp.zeros((), jnp.int32), key, state.player(dict(variables), adam, averaged=True), None
    )

  def update(train: TrainState, showers: Shower) -> tuple[TrainState, dict[str, Array]]:
    player, showers = train.generator, jax.tree.map(lambda leaf: leaf[0], showers)
    loss = lambda params: losses.absolute_error(
      read(network, {'params': params}, showers.energies)['targets'], target(showers)
    ).mean()
    value, gradients = jax.value_and_grad(loss)(player.params)
    player = state.average(state.descend(player, gradients, adam), train.step, config.ema_decay)
    metrics = {'regressor/error': value, 'regressor/gradient_norm': optax.tree.norm(gradients)}
    return train._replace(step=train.step + 1, generator=player), metrics

  sample = lambda variables, energies, condition: read(network, variables, energies)['targets']
  return Method(init, update, sample, 0)
