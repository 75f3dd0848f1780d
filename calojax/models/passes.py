"""Small dense networks, one for each pass of an autoregressive generator."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.dense import SMALL, leaky
from calojax.models.hurdle import Hurdle, Scales, hurdle

MANY = 30  # numbers of a pass from which on it has the wide network


class Outputs(NamedTuple):
  """What a network says of the m numbers of a pass, `[b, m]` each.

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
    return Outputs(logit, middle, below, above, jnp.broadcast_to(share, logit.shape))


class Passes(nn.Module):
  """The networks of all passes.

  Attributes:
    members: numbers that each pass draws.
    width, wide: of the hidden layers of passes of a few numbers and of `MANY`.
    dropout: as in `PassNetwork`.
  """

  members: tuple[int, ...]
  width: int = 64
  wide: int = 256
  dropout: float = 0.1

  def setup(self):
    self.networks = [
      PassNetwork(count, self.wide if count >= MANY else self.width, self.dropout)
      for count in self.members
    ]

  def __call__(self, number: int, known: Float[Array, 'b n'], train: bool = False) -> Outputs:
    """The outputs of a pass, see `PassNetwork`."""
    return self.networks[number](known, train)
