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
from calojax.methods.frame import passes, spectra, standard
from calojax.methods.frame.passes import Order
from calojax.methods.frame.spectra import Cells
from calojax.methods.frame.standard import from_shares, to_shares
from calojax.methods.optimisers import optimiser
from calojax.methods.state import Method, Network, SinglePlayer, Variables
from calojax.models.hurdle import Scales
from calojax.models.passes import Outputs, Passes
from calojax.showers import Condition, Shower, pieces

NOTHING = 1e-7  # share below which nothing is left: float32 rounds the ledger so
# Added to the spread of a number that the networks see: most far cells are mostly dark.
CELL_FLOOR, RING_FLOOR = 0.1, 0.02


class Autoregressive(NamedTuple):
  """What the training is made of.

  Attributes:
    networks: a `models.passes.Passes`.
    order: of the drawing.
    geometry: of the calorimeter.
    frame: of the training showers.
    rings: what the rings hold in the training showers, as `frame.cells` of the cells.
    optimiser: an optax transformation.
    ema_decay: of the moving average.
  """

  networks: Network
  order: Order
  geometry: Geometry
  frame: standard.Frame
  rings: Cells
  optimiser: optax.GradientTransformation
  ema_decay: float


class Walked(NamedTuple):
  """A shower's numbers when all passes are through: the shares of the rings `[b, r]` and of the
  cells `[b, v]`, in their layers.
  """

  rings: Array
  cells: Array


# The members of a pass in network space, given its number, what its network says of them and what
# each could hold at most.
Choice = Callable[[int, Outputs, Array], Array]


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
    rings = _fit_rings(frame, order, training, geometry)
  members = tuple(len(p.members) for p in order.passes)
  return method(
    Autoregressive(
      networks=Passes(members, **c.generator),
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
  numbers, layers = _numbers(model.order), len(model.geometry.layers)

  def init(key: Array, showers: Shower) -> SinglePlayer:
    v_key, root = jax.random.split(key)
    parts = {'frame': standard.arrays(model.frame), 'rings': model.rings._asdict()}
    parts = jax.tree.map(jnp.asarray, parts)
    told = jnp.zeros((len(showers.energies), len(model.frame.mean)))
    dark = lambda _, outputs, __: jnp.zeros_like(outputs.middle)
    everywhere = lambda networks: _walk(model, networks, parts, told, dark)
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

  return Method(init, update, sample, 2 * numbers + layers)


def _loss(model: Autoregressive, params: Any, stats: Variables, key: Array, batch: Shower) -> Array:
  """-ln p of the batch's showers in the frame, over the cells that the calorimeter has."""
  order, members = model.order, _drawn(model.order)
  frame = standard.from_arrays(stats['frame'])
  real = standard.enter(frame, batch, model.geometry)
  rings = from_shares(_ring_sums(to_shares(real.x), order))
  x = jnp.concatenate([rings, real.x], axis=1)
  seen = jnp.concatenate([jnp.ones_like(rings), real.observed], axis=1)
  told: list[tuple[Outputs, Array]] = []

  def teach(number: int, outputs: Outputs, most: Array) -> Array:
    told.append((outputs, most))
    return x[:, order.passes[number].members]

  through = lambda networks: _walk(model, networks, stats, real.told, teach, train=True)
  model.networks.apply({'params': params}, method=through, rngs={'dropout': key})
  # All passes at once, which is one small program in place of many.
  outputs, most = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1), *told)
  cells = outputs.hurdle(most, _of(_scales(stats, real.log_energy), members))
  possible = seen[:, members] * (most > from_shares(jnp.asarray(NOTHING)))
  return (cells.negative_log_likelihood(x[:, members]) * possible).sum(1).mean()


def _sample(model: Autoregressive, variables: Variables, z: Array, condition: Condition) -> Array:
  """Showers in MeV of these particles."""
  order, numbers = model.order, _numbers(model.order)
  frame = standard.from_arrays(variables['frame'])
  amount, lit, energies = jnp.split(z, [numbers, 2 * numbers], axis=1)
  told, visible, placement = standard.requested(frame, energies, condition, model.geometry)
  scales = _scales(variables, standard.log_energy(frame, condition))

  def draw(number: int, outputs: Outputs, most: Array) -> Array:
    members = order.passes[number].members
    cells = outputs.hurdle(most, _of(scales, members))
    return jnp.minimum(cells.values(amount[:, members], lit[:, members]), most)

  through = lambda networks: _walk(model, networks, variables, told, draw)
  made: Walked = model.networks.apply({'params': variables['params']}, method=through)
  # To the sums that were drawn first; a ring without a lit cell leaves its share to the others.
  total = _ring_sums(made.cells, order)
  scale = made.rings / jnp.maximum(total, NOTHING)
  shares = made.cells * scale[:, order.ring]
  return standard.leave(from_shares(shares), visible, placement, model.geometry)


def _walk(
  model: Autoregressive,
  networks: Any,
  variables: Variables,
  told: Float[Array, 'b m'],
  choose: Choice,
  train: bool = False,
) -> Walked:
  """All passes, one after the other.

  Args:
    model: what is trained.
    networks: its bound networks.
    variables: with the spectra of rings and cells.
    told: what is told of the particle.
    choose: what the members of a pass hold.
    train: whether to drop units.
  """
  order, layers = model.order, len(model.geometry.layers)
  mean, deviation = _whitening(variables)
  whole = jnp.ones((told.shape[0], layers))  # in an export a symbol, which is no length
  ledger = jnp.concatenate([whole, jnp.zeros((told.shape[0], len(order.layer)))], axis=1)
  drawn, known = [], [told]
  for number, step in enumerate(order.passes):
    left = from_shares(jnp.maximum(ledger, 0))
    outputs = networks(number, jnp.concatenate([*known, left], axis=1), train)
    x = choose(number, outputs, left[:, step.parents])
    drawn.append(x)
    known.append((x - mean[step.members]) / deviation[step.members])
    ledger = ledger + to_shares(x) @ step.moves
  places = np.argsort(_drawn(order))
  shares = to_shares(jnp.concatenate(drawn, axis=1)[:, places])
  rings, cells = jnp.split(shares, [len(order.layer)], axis=1)
  return Walked(rings, cells)


def _drawn(order: Order) -> np.ndarray:
  """The numbers in the order of drawing."""
  return np.concatenate([step.members for step in order.passes])


def _numbers(order: Order) -> int:
  """How many numbers are drawn: rings and cells."""
  return len(order.layer) + len(order.ring)


def _ring_sums(shares: Float[Array, 'b v'], order: Order) -> Float[Array, 'b r']:
  """Sums over the cells of each ring."""
  return shares @ (order.ring[:, None] == np.arange(len(order.layer))).astype(np.float32)


def _scales(variables: Variables, log_energy: Array) -> Scales:
  """Scales of the rings, then of the cells, for showers of these ln(E / 10 GeV)."""
  parts = (Cells(**variables['rings']), Cells(**variables['frame']['cells']))
  rings, cells = (spectra.scales(part, log_energy) for part in parts)
  both = lambda *pair: jnp.concatenate(pair, axis=1)
  return Scales(
    middle=both(rings.middle, cells.middle),
    spread=both(rings.spread, cells.spread),
    odds=both(rings.odds, cells.odds),
    shape=jnp.concatenate([rings.shape, cells.shape]),
  )


def _of(scales: Scales, members: np.ndarray) -> Scales:
  """The scales of some of the numbers."""
  middle, spread, odds, shape = scales
  return Scales(middle[:, members], spread[:, members], odds[:, members], shape[members])


def _whitening(variables: Variables) -> tuple[Array, Array]:
  """Mean and spread by which the networks see rings and cells, `[r + v]`."""
  rings, cells = Cells(**variables['rings']), Cells(**variables['frame']['cells'])
  spread = [rings.deviation + RING_FLOOR, cells.deviation + CELL_FLOOR]
  return jnp.concatenate([rings.mean, cells.mean]), jnp.concatenate(spread)


def _fit_rings(frame: standard.Frame, order: Order, showers: Shower, geometry: Geometry) -> Cells:
  """What the rings of the training showers hold."""

  @jax.jit
  def sums(piece: Shower) -> spectra.Sums:
    real = standard.enter(frame, piece, geometry)
    shares = _ring_sums(to_shares(real.x), order)
    return spectra.sums(from_shares(shares), shares, jnp.ones_like(shares), real.log_energy)

  parts = [jax.tree.map(np.asarray, sums(piece)) for piece in pieces(showers, standard.PIECE)]
  total = jax.tree.map(lambda *leaves: np.sum(leaves, 0, np.float64), *parts)
  return spectra.fit(total, np.arange(len(order.layer)))
