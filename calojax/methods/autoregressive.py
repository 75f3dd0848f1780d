"""A generator trained by its likelihood alone: it draws the numbers of a shower one after another,
in the order of `frame.passes`, each from a hurdle distribution given all before (an autoregressive
density, Germain et al. 2015, in passes). No adversary; what it costs is time a shower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import state
from calojax.methods.frame import numbers, passes, spectra, standard
from calojax.methods.frame.passes import Order
from calojax.methods.frame.spectra import Cells
from calojax.methods.frame.standard import from_shares, to_shares
from calojax.methods.optimisers import optimiser
from calojax.methods.state import Method, SinglePlayer, Variables
from calojax.models.passes import Outputs, Passes
from calojax.showers import Condition, Shower

# Of some numbers, what their pass says of them and the ledger: what they hold in network space.
Draw = Callable[[Array | np.ndarray, Outputs, Array], Array]

NOTHING = 1e-7  # share below which nothing is left: float32 rounds the ledger so


class Autoregressive(NamedTuple):
  """What the training is made of.

  Attributes:
    networks: of all passes.
    order: of the drawing.
    geometry: of the calorimeter.
    frame: of the training showers.
    rings: what the rings hold in the training showers, as `frame.cells` of the cells.
    optimiser: an optax transformation.
    ema_decay: of the moving average.
  """

  networks: Passes
  order: Order
  geometry: Geometry
  frame: standard.Frame
  rings: Cells
  optimiser: optax.GradientTransformation
  ema_decay: float


class Told(NamedTuple):
  """What the networks said of numbers `[b, m]`, and what each of those could hold at most."""

  outputs: Outputs
  most: Array


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The method that a config describes; without training showers only to sample from a checkpoint.

  Raises:
    ValueError: several batches an update, or training showers that are not finite or all dark.
  """
  c = config
  state.expect_one_batch(c.train.discriminator_steps)
  order = passes.order(geometry)
  if training is None:
    frame, rings = standard.blank(geometry), spectra.blank(len(order.layer))
  else:
    frame = standard.fit(training, geometry)
    rings = numbers.fit_rings(frame, order, training, geometry)
  return method(
    Autoregressive(
      networks=Passes(order.steps.shape[1], len(order.halo), **c.generator),
      order=order,
      geometry=geometry,
      frame=frame,
      rings=rings,
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
    v_key, root = jax.random.split(key)
    parts = {'frame': standard.arrays(model.frame), 'rings': model.rings._asdict()}
    parts = jax.tree.map(jnp.asarray, parts)
    told = jnp.zeros((len(showers.energies), len(model.frame.mean)))
    dark = jnp.zeros((len(told), count))
    everywhere = lambda networks: _teach(model, networks, parts, told, dark, train=False)
    params = model.networks.init(v_key, method=everywhere)['params']
    player = state.player({'params': params, **parts}, model.optimiser, averaged=True)
    return SinglePlayer(jnp.zeros((), jnp.int32), root, player)

  def update(train: SinglePlayer, showers: Shower) -> tuple[SinglePlayer, dict[str, Array]]:
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
  taught = lambda networks: _teach(model, networks, stats, real.told, x, train=True)
  told = model.networks.apply({'params': params}, method=taught, rngs={'dropout': key})
  assert isinstance(told, Told)
  members = np.concatenate([order.small, *order.halo])
  scales = numbers.of(numbers.scales(stats, real.log_energy), members)
  cells = told.outputs.hurdle(told.most, scales)
  possible = seen[:, members] * (told.most > from_shares(jnp.asarray(NOTHING)))
  return (cells.negative_log_likelihood(x[:, members]) * possible).sum(1).mean()


def _teach(
  model: Autoregressive, networks: Any, variables: Variables, told: Array, x: Array, train: bool
) -> Told:
  """What the networks say of all numbers of showers that are known, x `[b, r + v]`: in the order
  of `small`, then of the halo.
  """
  order = model.order
  mean, deviation = numbers.whitening(variables)
  white, shares = (x - mean) / deviation, to_shares(x)
  steps, slots = _where(order)
  before = (steps < np.arange(len(order.steps))[:, None]).astype(np.float32)[:, None]
  left = _left(model, (shares[:, order.small] * before) @ order.moves[order.small])
  everywhere = jnp.broadcast_to(told, (len(before), *told.shape))
  known = jnp.concatenate([everywhere, white[:, order.small] * before, left], axis=2)
  outputs = networks.small(known, train)
  of_each = lambda array: array[steps, :, slots].T
  most = left[steps, :, order.parents[order.small]].T
  parts = [Told(jax.tree.map(of_each, outputs), most)]
  for number, members in enumerate(order.halo):
    before = _drawn_before(order, number)
    left = _left(model, (shares * before) @ order.moves)
    outputs = networks.outside(number, *_seen(order, members, told, white * before, left))
    parts.append(Told(outputs, left[:, order.parents[members]]))
  # All at once, which is one small program in place of many.
  return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *parts)


def _sample(model: Autoregressive, variables: Variables, z: Array, condition: Condition) -> Array:
  """Showers in MeV of these particles."""
  order, count = model.order, numbers.count(model.order)
  frame = standard.from_arrays(variables['frame'])
  amount, lit, energies = jnp.split(z, [count, 2 * count], axis=1)
  told, visible, placement = standard.requested(frame, energies, condition, model.geometry)
  scales = numbers.scales(variables, standard.log_energy(frame, condition))
  parents = jnp.asarray(order.parents)

  def draw(members: Array | np.ndarray, outputs: Outputs, left: Array) -> Array:
    most = left[:, parents[members]]
    cells = outputs.hurdle(most, numbers.of(scales, members))
    return jnp.minimum(cells.values(amount[:, members], lit[:, members]), most)

  shares = to_shares(_walk(model, variables, told, draw))
  rings, cells = jnp.split(shares, [len(order.layer)], axis=1)
  # To the sums that were drawn first; a ring without a lit cell leaves its share to the others.
  scale = rings / jnp.maximum(numbers.ring_sums(cells, order), NOTHING)
  x = from_shares(cells * scale[:, order.ring])
  return standard.leave(x, visible, placement, model.geometry)


def _walk(
  model: Autoregressive, variables: Variables, told: Array, draw: Draw
) -> Float[Array, 'b n']:
  """All passes, one after the other: the numbers of rings and cells in network space."""
  order = model.order
  mean, deviation = numbers.whitening(variables)
  moves, network = jnp.asarray(order.moves), model.networks.one()

  def step(carry: tuple[Array, Array], now: Any) -> tuple[tuple[Array, Array], Array]:
    known, change = carry
    params, places, members = now
    left = _left(model, change)
    seen = jnp.concatenate([told, known, left], axis=1)
    x = draw(members, network.apply({'params': params}, seen, False), left)
    change = change + (to_shares(x) * (places < len(order.small))) @ moves[members]
    white = (x - mean[members]) / deviation[members]
    return (known.at[:, places].set(white, mode='drop'), change), x

  members = np.append(order.small, 0)[order.steps]
  zeros = lambda count: jnp.zeros((told.shape[0], count))
  start = (zeros(len(order.small)), zeros(order.moves.shape[1]))
  every = (variables['params']['few'], order.steps, members)
  (_, change), drawn = jax.lax.scan(step, start, every)
  places, slots = _where(order)
  x = zeros(numbers.count(order)).at[:, order.small].set(drawn[places, :, slots].T)
  bound = model.networks.bind({'params': variables['params']})
  for number, members in enumerate(order.halo):
    left = _left(model, change)
    white = (x - mean) / deviation * _drawn_before(order, number)
    outputs = bound.outside(number, *_seen(order, members, told, white, left))
    now = draw(members, outputs, left)
    x = x.at[:, members].set(now)
    change = change + to_shares(now) @ moves[members]
  return x


def _seen(
  order: Order, members: np.ndarray, told: Array, white: Float[Array, 'b n'], left: Array
) -> tuple[Float[Array, 'b k'], Float[Array, 'b m f']]:
  """What the network of a pass of the halo sees: of the shower, and about each of its cells those
  next to it, what its ring holds and what is left of it, and where it lies.
  """
  rings = len(order.layer)
  cells = members - rings
  about = white[:, rings + order.near[cells]]
  ring = order.ring[cells]
  own = jnp.stack([white[:, ring], left[:, order.parents[members]]], axis=2)
  place = jnp.broadcast_to(order.place[cells], (*own.shape[:2], order.place.shape[1]))
  around = jnp.concatenate([about, own, place], axis=2)
  return jnp.concatenate([told, white[:, order.small], left], axis=1), around


def _left(model: Autoregressive, change: Float[Array, '... l']) -> Array:
  """The ledger in network space after these changes of it: at first all of every layer."""
  layers = len(model.geometry.layers)
  whole = (np.arange(model.order.moves.shape[1]) < layers).astype(np.float32)
  return from_shares(jnp.maximum(whole + change, 0))


def _where(order: Order) -> tuple[np.ndarray, np.ndarray]:
  """The pass of every small number, and its place in it."""
  few = order.steps < len(order.small)
  turn = np.argsort(order.steps[few])
  places, slots = np.nonzero(few)
  return places[turn], slots[turn]


def _drawn_before(order: Order, number: int) -> np.ndarray:
  """1 for the numbers that are drawn before this pass of the halo, else 0."""
  drawn = np.concatenate([order.small, *order.halo[:number]])
  return np.isin(np.arange(numbers.count(order)), drawn).astype(np.float32)
