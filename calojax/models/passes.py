"""Small dense networks, one for each pass of an autoregressive generator."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.dense import SMALL, leaky
from calojax.models.hurdle import Hurdle, Scales, hurdle


class Outputs(NamedTuple):
  """What a network says of the m numbers of a pass, `[..., b, m]` each.

  Attributes:
    logit, middle, below, above: as `hurdle` takes them.
    share: of the normal number of what each could hold at most, which the middle moves with: the
      last cell of a ring holds just that.
  """

  logit: Array
  middle: Array
  below: Array
  above: Array
  share: Array

  def hurdle(self, left: Float[Array, 'b m'], scales: Scales) -> Hurdle:
    """The distributions of numbers that can hold so much at most, in network space."""
    middle = self.middle + self.share * scales.normal(left)
    return hurdle(self.logit, middle, (self.below, self.above), scales)


class PassNetwork(nn.Module):
  """What is known `[b, n]` -> outputs of one pass.

  Attributes:
    members: m.
    width: of the two hidden layers.
    dropout: share of the hidden units that a training step leaves out.
  """

  members: int
  width: int
  dropout: float

  @nn.compact
  def __call__(self, known: Float[Array, 'b n'], train: bool) -> Outputs:
    """The outputs, of all that was drawn before; `train`: whether to drop units."""
    quiet = nn.Dropout(self.dropout, deterministic=not train)
    h = quiet(leaky(nn.Dense(self.width)(known)))
    h = quiet(leaky(h + nn.Dense(self.width)(h)))
    out = nn.Dense(4 * self.members, kernel_init=SMALL)(h)
    share = self.param('share_of_what_is_left', nn.initializers.zeros, (self.members,))
    logit, middle, below, above = jnp.split(out, 4, axis=1)
    # Most of what a cell follows, it follows in proportion: units that drop out would blur that.
    middle += nn.Dense(self.members, use_bias=False, kernel_init=nn.initializers.zeros)(known)
    return Outputs(logit, middle, below, above, jnp.broadcast_to(share, logit.shape))


BOTH: Any = (0, None)  # the signature of `vmap` knows whole numbers only
# The networks of many passes side by side, what each knows `[p, b, n]`.
Side = nn.vmap(
  PassNetwork,
  in_axes=BOTH,
  variable_axes={'params': 0},
  split_rngs={'params': True, 'dropout': True},
)


class Halo(nn.Module):
  """What is known of a shower `[b, n]` and of the surroundings of m cells `[b, m, f]` -> outputs of
  one pass: one network for all cells, since most of them are lit too seldom to learn from alone.

  Attributes:
    width: of the two hidden layers.
    heard: numbers that tell of the shower.
  """

  width: int
  heard: int = 16

  @nn.compact
  def __call__(self, known: Float[Array, 'b n'], around: Float[Array, 'b m f']) -> Outputs:
    """The outputs of the cells."""
    h = nn.Dense(self.width)(around)
    h = leaky(h + nn.Dense(self.width)(leaky(nn.Dense(self.heard)(known)))[:, None])
    h = leaky(h + nn.Dense(self.width)(h))
    out = nn.Dense(5, kernel_init=SMALL)(h)
    logit, middle, below, above, share = jnp.moveaxis(out, -1, 0)
    return Outputs(logit, middle, below, above, nn.sigmoid(share - 4))


class Passes(nn.Module):
  """The networks of all passes.

  Attributes:
    members: m of the passes of a few numbers.
    halo: how many others there are.
    width, wide: of the hidden layers of these and of those.
    dropout: as in `PassNetwork`.
  """

  members: int
  halo: int
  width: int = 64
  wide: int = 32
  dropout: float = 0.1

  def setup(self):
    self.few = Side(self.members, self.width, self.dropout)
    self.many = [Halo(self.wide) for _ in range(self.halo)]

  def small(self, known: Float[Array, 'p b n'], train: bool = False) -> Outputs:
    """The outputs `[p, b, m]` of the passes of a few numbers."""
    return self.few(known, train)

  def one(self, params: Any, known: Float[Array, 'b n']) -> Outputs:
    """The outputs of one of them, for its part of their parameters; needs no bound module."""
    network = PassNetwork(self.members, self.width, self.dropout, parent=None)
    outputs = network.apply({'params': params}, known, False)
    assert isinstance(outputs, Outputs)
    return outputs

  def outside(
    self, number: int, known: Float[Array, 'b n'], around: Float[Array, 'b m f']
  ) -> Outputs:
    """The outputs of one of the other passes."""
    return self.many[number](known, around)
