"""Hurdle cells: each is dark, or lit and then holds an amount of its own (a hurdle model, Cragg
1971).

A far cell of a shower holds some MeV or nothing, with nearly the same spectrum at every energy; no
continuous function of noise that cells share gives that. The likelihood is exact, so a generator
that ends in such cells can be trained as the decoder of a VAE; and the draw has a gradient, so that
a discriminator can go on from there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.layers import sparse_relu

TEMPERATURE = 0.5  # of the soft step through which the gradient of being lit goes
# Of the probability: over so much a cell changes from dark to lit. A sharp step would let two
# runtimes, which round differently, light different cells for the same noise.
RAMP = 2e-3
SMALLEST = 0.02  # slope, in units of the cell's spread
UNIT = 0.52  # softplus of it is a slope of 1


class Hurdle(NamedTuple):
  """Independent distributions of cells `[b, v]` in network space.

  A cell is lit with probability p = sigmoid(logit). A lit one is max(0, middle + slope n), n
  standard normal, with one slope for n < 0 and another for n > 0: a two-piece normal distribution
  whose median is the middle.

  Attributes:
    logit: of being lit.
    middle: median of a lit cell.
    below, above: the slopes, positive.
  """

  logit: Array
  middle: Array
  below: Array
  above: Array

  def values(self, amount: Float[Array, 'b v'], lit: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """The cells for two standard normal numbers each, >= 0 with exact zeros."""
    return jax.nn.relu(self._amounts(amount)) * self._lit(_normal_cdf(lit))

  def draw(self, amount: Float[Array, 'b v'], lit: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """`values` with a gradient: of being lit that of a soft step in the logit (a straight-through
    estimate with logistic noise; Bengio et al. 2013, Jang et al. 2017).
    """
    uniform = jnp.clip(_normal_cdf(lit), 1e-6, 1 - 1e-6)
    logistic = jnp.log(uniform) - jnp.log1p(-uniform)
    soft = jax.nn.sigmoid((self.logit + logistic) / TEMPERATURE)
    step = soft + jax.lax.stop_gradient(self._lit(uniform) - soft)
    return step * sparse_relu(self._amounts(amount))

  def _amounts(self, noise: Array) -> Array:
    """What the cells hold if they are lit."""
    return self.middle + self.below * jnp.minimum(noise, 0) + self.above * jnp.maximum(noise, 0)

  def _lit(self, uniform: Array) -> Array:
    """1 of lit cells, 0 of dark ones, and in between on the ramp."""
    return jnp.clip((jax.nn.sigmoid(self.logit) - 1 + uniform) / RAMP + 0.5, 0, 1)

  def negative_log_likelihood(self, x: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """-ln p(x) of every cell: a density where x > 0, a probability where it is dark."""
    slope = jnp.where(x > self.middle, self.above, self.below)
    pull = (x - self.middle) / slope
    lit = 0.5 * jnp.square(pull) + jnp.log(slope) + 0.5 * math.log(2 * math.pi)
    lit = lit - jax.nn.log_sigmoid(self.logit)
    # A lit cell below 0 is dark as well.
    nothing = jax.nn.sigmoid(-self.logit) + jax.nn.sigmoid(self.logit) * _normal_cdf(
      -self.middle / jnp.where(self.middle > 0, self.below, self.above)
    )
    return jnp.where(x > 0, lit, -jnp.log(jnp.maximum(nothing, 1e-30)))


class Scales(NamedTuple):
  """What cells hold in the training showers, `[b, v]` or `[v]` each.

  Attributes:
    middle: mean where they are lit.
    spread: standard deviation there.
    odds: logarithm of the odds that they are lit.
  """

  middle: Array
  spread: Array
  odds: Array


def hurdle(outputs: Float[Array, 'b 4 v'], scales: Scales) -> Hurdle:
  """The cells that a network's outputs stand for: at outputs of 0 each has about the spectrum of
  the training showers.

  Args:
    outputs: four numbers a cell: of the logit, the middle, and the slopes.
    scales: in units of which the outputs count.
  """
  logit, centre, below, above = (outputs[:, i] for i in range(4))
  return Hurdle(
    scales.odds + 2 * logit,
    scales.middle + scales.spread * centre,
    scales.spread * (jax.nn.softplus(below + UNIT) + SMALLEST),
    scales.spread * (jax.nn.softplus(above + UNIT) + SMALLEST),
  )


def _normal_cdf(x: Array) -> Array:
  """The standard normal distribution function, in terms that export."""
  return 0.5 * (1 + jax.lax.erf(x / math.sqrt(2)))
