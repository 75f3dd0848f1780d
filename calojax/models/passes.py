"""Small dense networks, one for each pass of an autoregressive generator."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.dense import SMALL, leaky
from calojax.models.hurdle import Hurdle, Scales, hurdle

MANY = 30  # numbers of a pass from which on it has the wide network


class PassNetwork(nn.Module):
  """What is known `[b, n]` -> hurdle cells `[b, m]` of one pass.

  Attributes:
    members: m.
    width: of the two hidden layers.
    dropout: share of the hidden units that a training step leaves out.
  """

  members: int
  width: int
  dropout: float

  @nn.compact
  def __call__(
    self,
    known: Float[Array, 'b n'],
    left: Float[Array, 'b m'],
    scales: Scales,
    train: bool,
  ) -> Hurdle:
    """The cells.

    Args:
      known: the particle, the ledger, all numbers drawn before.
      left: what each could hold at most, in network space. Its normal number is added to the
        middle with a learnt weight: the last cell of a ring holds just that.
      scales: of the members.
      train: whether to drop units.
    """
    quiet = nn.Dropout(self.dropout, deterministic=not train)
    h = quiet(leaky(nn.Dense(self.width)(known)))
    h = quiet(leaky(h + nn.Dense(self.width)(h)))
    out = nn.Dense(4 * self.members, kernel_init=SMALL)(h)
    logit, middle, below, above = jnp.split(out, 4, axis=1)
    share = self.param('share_of_what_is_left', nn.initializers.zeros, (self.members,))
    return hurdle(logit, middle + share * scales.normal(left), (below, above), scales)


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

  def __call__(
    self,
    number: int,
    known: Float[Array, 'b n'],
    left: Float[Array, 'b m'],
    scales: Scales,
    train: bool = False,
  ) -> Hurdle:
    """The cells of a pass, see `PassNetwork`."""
    return self.networks[number](known, left, scales, train)
