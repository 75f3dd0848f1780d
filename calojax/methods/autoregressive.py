"""A generator trained by its likelihood alone: it draws the numbers of a shower one after another,
in the order of `frame.passes`, each from a hurdle distribution given all before (an autoregressive
density, Germain et al. 2015, in passes). No adversary; what it costs is time a shower.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import state
from calojax.methods.autoregressive_passes import Autoregressive, Told, drawn, taught
from calojax.methods.frame import numbers, passes, spectra, standard
from calojax.methods.frame.standard import from_shares, to_shares
from calojax.methods.optimisers import optimiser
from calojax.methods.state import Method, SinglePlayer, Variables
from calojax.models.passes import Outputs, Passes
from calojax.showers import Condition, Shower


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The method that a config describes; without training showers only to sample from a checkpoint.

  Raises:
    ValueError: several batches an update, or training showers that are not finite or all dark.
  """
  c = config
  state.expect_one_batch(c.train.discriminator_steps)
  order = passes.order(geometry)
  if training is None:
    frame, small = standard.blank(geometry), spectra.blank(len(order.small))
  else:
    frame = standard.fit(training, geometry)
    small = numbers.fit(frame, order, training, geometry)
  return method(
    Autoregressive(
      networks=Passes(order.steps.shape[1], len(order.halo), **c.generator),
      order=order,
      geometry=geometry,
      frame=frame,
      small=small,
      optimiser=optimiser(c.optimiser, c.optimiser.generator, c.train.steps),
      ema_decay=c.ema_decay,
    )
  )


def method(model: Autoregressive) -> Method:
  """The model as a method. Its noise is two numbers for each ring and cell (how much it holds,
  whether it is lit) and one for each layer's energy.
  """
  count, layers = numbers.count(model.order), len(model.geometry.layers)

  def init(key: Array, showers: Shower) -> SinglePlayer:
    """The state at step 0; of the showers only the number matters."""
    v_key, root = jax.random.split(key)
    parts = {'frame': standard.arrays(model.frame), 'small': model.small._asdict()}
    parts = jax.tree.map(jnp.asarray, parts)
    told = jnp.zeros((len(showers.energies), len(model.frame.mean)))
    dark = jnp.zeros((len(told), count))
    everywhere = lambda networks: taught(model, networks, parts, told, dark, train=False)
    params = model.networks.init(v_key, method=everywhere)['params']
    player = state.player({'params': params, **parts}, model.optimiser, averaged=True)
    return SinglePlayer(jnp.zeros((), jnp.int32), root, player)

  def update(train: SinglePlayer, showers: Shower) -> tuple[SinglePlayer, dict[str, Array]]:
    """The state after a step on showers `[1, b]`, and its scalars."""
    player, batch = train.generator, state.only_batch(showers)
    key = jax.random.fold_in(train.rng, train.step)
    value, gradients = jax.value_and_grad(
      lambda params: _loss(model, params, player.stats, key, batch)
    )(player.params)
    player = state.descend(player, gradients, model.optimiser)
    player = state.average(player, train.step, model.ema_decay)
    return train._replace(step=train.step + 1, generator=player), {
      'generator/reconstruction': value,
      'generator/gradient_norm': optax.tree.norm(gradients),
    }

  def sample(
    variables: Variables, z: Float[Array, 'b z'], condition: Condition
  ) -> Float[Array, 'b v']:
    return _sample(model, variables, z, condition)

  return Method(init, update, sample, 2 * count + layers)


def _loss(model: Autoregressive, params: Any, stats: Variables, key: Array, batch: Shower) -> Array:
  """-ln p of the batch's showers in the frame, over the cells that the calorimeter has."""
  order = model.order
  frame = standard.from_arrays(stats['frame'])
  real = standard.enter(frame, batch, model.geometry)
  x = numbers.row(real.x, order)
  seen = jnp.concatenate([jnp.ones_like(x[:, : len(order.layer)]), real.observed], axis=1)
  through = lambda networks: taught(model, networks, stats, real.told, x, train=True)
  told = model.networks.apply({'params': params}, method=through, rngs={'dropout': key})
  assert isinstance(told, Told)
  members = np.concatenate([order.small, *order.halo])
  scales = numbers.of(numbers.scales(stats, order, real.log_energy), members)
  cells = told.outputs.hurdle(told.most, scales)
  x = numbers.freed(x[:, members], told.most)
  loss = jnp.where(order.last[members], cells.lit_likelihood(x), cells.negative_log_likelihood(x))
  return (loss * seen[:, members] * (told.most > 0)).sum(1).mean()


def _sample(model: Autoregressive, variables: Variables, z: Array, condition: Condition) -> Array:
  """Showers in MeV of these particles."""
  order, count = model.order, numbers.count(model.order)
  frame = standard.from_arrays(variables['frame'])
  amount, lit, energies = jnp.split(z, [count, 2 * count], axis=1)
  told, visible, placement = standard.requested(frame, energies, condition, model.geometry)
  scales = numbers.scales(variables, order, standard.log_energy(frame, condition))
  parents, last = jnp.asarray(order.parents), jnp.asarray(order.last)

  def draw(members: Array | np.ndarray, outputs: Outputs, left: Array) -> Array:
    most = left[:, parents[members]]
    cells = outputs.hurdle(most, numbers.of(scales, members))
    x = numbers.bounded(cells.values(amount[:, members], lit[:, members]), most)
    return jnp.where(last[members], most * (x > 0), x)

  shares = to_shares(drawn(model, variables, told, draw))
  rings, cells = jnp.split(shares, [len(order.layer)], axis=1)
  # To the sums that were drawn first; a ring without a lit cell leaves its share to the others.
  scale = rings / jnp.maximum(numbers.ring_sums(cells, order), numbers.NOTHING)
  x = from_shares(cells * scale[:, order.ring])
  return standard.leave(x, visible, placement, model.geometry)
