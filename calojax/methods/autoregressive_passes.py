"""The passes of an autoregressive generator: of showers that are known all at once, of those that
it makes one after the other.
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
from calojax.methods.frame import numbers, standard
from calojax.methods.frame.passes import Order
from calojax.methods.frame.spectra import Cells
from calojax.methods.frame.standard import to_shares
from calojax.methods.state import Variables
from calojax.models.passes import Outputs, Passes

# Of some numbers, what their pass says of them and the ledger: what they hold in network space.
Draw = Callable[[Array | np.ndarray, Outputs, Array], Array]

NOTHING = 1e-6  # share below which nothing is left: float32 rounds the ledger so

WHOLE = 0.98  # of what is left, which is as good as all


class Autoregressive(NamedTuple):
  """What the training is made of.

  Attributes:
    networks: of all passes.
    order: of the drawing.
    geometry: of the calorimeter.
    frame: of the training showers.
    small: what the small numbers are in the training showers, as `frame.cells` of the cells.
    optimiser: an optax transformation.
    ema_decay: of the moving average.
  """

  networks: Passes
  order: Order
  geometry: Geometry
  frame: standard.Frame
  small: Cells
  optimiser: optax.GradientTransformation
  ema_decay: float


class Told(NamedTuple):
  """What the networks said of numbers `[b, m]`, and what each of those could hold at most."""

  outputs: Outputs
  most: Array


def taught(
  model: Autoregressive, networks: Any, variables: Variables, told: Array, x: Array, train: bool
) -> Told:
  """What the networks say of all numbers of showers that are known, x `[b, r + v]`: in the order
  of `small`, then of the halo.
  """
  order = model.order
  mean, deviation = numbers.whitening(variables, order)
  white, shares = (x - mean) / deviation, to_shares(x)
  steps, slots = numbers.where(order)
  left, most = numbers.ledgers(x, order)
  everywhere = jnp.broadcast_to(told, (len(left), *told.shape))
  drawn_before = white[:, order.small] * numbers.before(order)[:, None]
  outputs = networks.small(jnp.concatenate([everywhere, drawn_before, left], axis=2), train)
  of_each = lambda array: array[steps, :, slots].T
  parts = [Told(jax.tree.map(of_each, outputs), most)]
  for number, members in enumerate(order.halo):
    before = _drawn_before(order, number)
    left = numbers.left(order, (shares * before) @ order.moves)
    outputs = networks.outside(number, *_seen(order, members, told, white * before, left))
    parts.append(Told(outputs, left[:, order.parents[members]]))
  # All at once, which is one small program in place of many.
  return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=1), *parts)


def drawn(
  model: Autoregressive, variables: Variables, told: Array, draw: Draw
) -> Float[Array, 'b n']:
  """All passes, one after the other: the numbers of rings and cells in network space."""
  order = model.order
  mean, deviation = numbers.whitening(variables, order)
  moves = jnp.asarray(order.moves)

  def step(carry: tuple[Array, Array], now: Any) -> tuple[tuple[Array, Array], Array]:
    """What is known and the change of the shares after a pass, and the pass's numbers `[b, p]`."""
    known, change = carry
    params, places, members = now
    left = numbers.left(order, change)
    seen = jnp.concatenate([told, known, left], axis=1)
    x = draw(members, model.networks.one(params, seen), left)
    change = change + (to_shares(x) * (places < len(order.small))) @ moves[members]
    white = (x - mean[members]) / deviation[members]
    return (known.at[:, places].set(white, mode='drop'), change), x

  members = np.append(order.small, 0)[order.steps]
  zeros = lambda count: jnp.zeros((told.shape[0], count))
  start = (zeros(len(order.small)), zeros(order.moves.shape[1]))
  every = (variables['params']['few'], order.steps, members)
  (_, change), few = jax.lax.scan(step, start, every)
  places, slots = numbers.where(order)
  x = zeros(numbers.count(order)).at[:, order.small].set(few[places, :, slots].T)
  bound = model.networks.bind({'params': variables['params']})
  for number, members in enumerate(order.halo):
    left = numbers.left(order, change)
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


def _drawn_before(order: Order, number: int) -> np.ndarray:
  """1 for the numbers that are drawn before this pass of the halo, else 0."""
  drawn = np.concatenate([order.small, *order.halo[:number]])
  return np.isin(np.arange(numbers.count(order)), drawn).astype(np.float32)
