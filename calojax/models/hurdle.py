"""Hurdle cells: each is dark, or lit and then holds an amount of its own (a hurdle model, Cragg
1971).

A far cell of a shower holds some MeV or nothing, with nearly the same spectrum at every energy; no
continuous function of noise that cells share gives that. The likelihood is exact, so a generator
that ends in such cells can be trained as the decoder of a VAE; and the draw has a gradient, so that
a discriminator can go on from there.

What a lit cell holds is a monotone function of a normal number: the quantiles of such cells in the
training showers. The network moves and stretches the normal number, so it starts from the right
spectrum, and never leaves the range that cells have.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

TEMPERATURE = 0.5  # of the soft step through which the gradient of being lit goes
# Of the log odds: over so much a cell changes from dark to lit. A sharp step would let two
# runtimes, which round differently, light different cells for the same noise. A step as wide in the
# probability would be most of what a cell that is lit once in a thousand showers holds.
RAMP = 0.01
# Odd polynomial of a standard normal number n: ln(Phi(n) / Phi(-n)) to 0.0013 for |n| < 5.2. By the
# distribution function itself nothing is left of it in single precision beyond 5.
LOG_ODDS = (1.5925863, 7.5840335e-2, -9.8813484e-4, 9.0744608e-6)
FARTHEST = 5.2
SMALLEST = 0.02  # slope, in units of the cell's spread
UNIT = 0.52  # softplus of it is a slope of 1
KNOTS = np.linspace(-3, 3, 13, dtype=np.float32)  # normal numbers at which quantiles are known
STEP = float(KNOTS[1] - KNOTS[0])
HEADS = 4  # numbers of a network for each cell: logit, middle, slopes below and above
LEAST = 0.01  # of a lit cell in network space, so that it is lit


class Scales(NamedTuple):
  """What cells hold in the training showers, `[b, v]` or `[v]` each.

  Attributes:
    middle: mean where they are lit.
    spread: standard deviation there.
    odds: logarithm of the odds that they are lit.
    shape: `[v, KNOTS]`, quantiles of what lit ones hold, in spreads about the middle, rising.
  """

  middle: Array
  spread: Array
  odds: Array
  shape: Array

  def amounts(self, normal: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """What lit cells hold for normal numbers: linear between the quantiles, above the last one as
    below it, and never less than the first.
    """
    rise = jnp.diff(self.shape, axis=1) / STEP
    turn = jnp.diff(rise, axis=1, prepend=0)  # of the slope at each knot but the last
    standard = self.shape[:, 0] + jnp.zeros_like(normal)
    for i, knot in enumerate(KNOTS[:-1]):
      standard = standard + jnp.maximum(normal - knot, 0) * turn[:, i]
    return jnp.maximum(self.middle + self.spread * standard, LEAST)

  def normal(self, x: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """The normal numbers that give these amounts, within the first and last knot."""
    standard = (x - self.middle) / self.spread
    rise = jnp.maximum(jnp.diff(self.shape, axis=1), 1e-6)
    passed = jnp.clip((standard[..., None] - self.shape[:, :-1]) / rise, 0, 1)
    return KNOTS[0] + STEP * passed.sum(-1)


class Hurdle(NamedTuple):
  """Independent distributions of cells `[b, v]`.

  A cell is lit with probability p = sigmoid(logit). A lit one holds what `scales.amounts` gives for
  middle + slope n, n standard normal, with one slope for n < 0 and another for n > 0: a two-piece
  normal distribution whose median is the middle.

  Attributes:
    logit: of being lit.
    middle: median of the normal number of a lit cell.
    below, above: the slopes, positive.
    scales: of the training showers.
  """

  logit: Array
  middle: Array
  below: Array
  above: Array
  scales: Scales

  def values(self, amount: Float[Array, 'b v'], lit: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """The cells in network space for two standard normal numbers each, >= 0 with exact zeros."""
    return self._amounts(amount) * self._lit(_log_odds(lit))

  def draw(self, amount: Float[Array, 'b v'], lit: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """`values` with a gradient: of being lit that of a soft step in the logit (a straight-through
    estimate with logistic noise; Bengio et al. 2013, Jang et al. 2017).
    """
    logistic = _log_odds(lit)
    soft = jax.nn.sigmoid((self.logit + logistic) / TEMPERATURE)
    step = soft + jax.lax.stop_gradient(self._lit(logistic) - soft)
    return step * self._amounts(amount)

  def negative_log_likelihood(self, x: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """-ln p of every cell: of a dark one its probability, of a lit one the density of its normal
    number, which differs from that of x by a factor that the network has no part in.
    """
    normal = self.scales.normal(x)
    slope = jnp.where(normal > self.middle, self.above, self.below)
    pull = (normal - self.middle) / slope
    lit = 0.5 * jnp.square(pull) + jnp.log(slope) + 0.5 * math.log(2 * math.pi)
    return jnp.where(x > 0, lit, 0) + self.lit_likelihood(x)

  def lit_likelihood(self, x: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """The part of it that tells lit cells from dark ones."""
    return -jax.nn.log_sigmoid(jnp.where(x > 0, self.logit, -self.logit))

  def _amounts(self, noise: Array) -> Array:
    """What the cells hold if they are lit."""
    normal = self.middle + self.below * jnp.minimum(noise, 0) + self.above * jnp.maximum(noise, 0)
    return self.scales.amounts(normal)

  def _lit(self, logistic: Array) -> Array:
    """1 of lit cells, 0 of dark ones, and in between on the ramp, along which the energy, a fourth
    power of network space, rises evenly: its mean is that of a sharp step, and a rounding of the
    log odds changes it nowhere more than elsewhere.
    """
    return jnp.sqrt(jnp.sqrt(jnp.clip((self.logit + logistic) / RAMP + 0.5, 0, 1)))


def hurdle(
  logit: Float[Array, 'b v'],
  middle: Float[Array, 'b v'],
  slopes: tuple[Float[Array, 'b v'], Float[Array, 'b v']],
  scales: Scales,
) -> Hurdle:
  """The cells that a network's outputs stand for: at outputs of 0 each has the spectrum of the
  training showers.

  Args:
    logit: added to the training showers' odds.
    middle: of the normal number.
    slopes: below and above the middle; 0 is a slope of 1.
    scales: of the training showers.
  """
  below, above = (_softplus(slope + UNIT) + SMALLEST for slope in slopes)
  return Hurdle(scales.odds + 2 * logit, middle, below, above, scales)


def _softplus(x: Array) -> Array:
  """ln(1 + e^x). JAX's own looks for infinities and rounds better, for a tenth of the time of a
  shower.
  """
  return jnp.maximum(x, 0) + jnp.log(1 + jnp.exp(-jnp.abs(x)))


def _log_odds(normal: Float[Array, 'b v']) -> Float[Array, 'b v']:
  """A number with the logistic distribution for each standard normal one."""
  n = jnp.clip(normal, -FARTHEST, FARTHEST)
  square, polynomial = jnp.square(n), jnp.zeros_like(n)
  for coefficient in LOG_ODDS[::-1]:
    polynomial = polynomial * square + coefficient
  return n * polynomial
