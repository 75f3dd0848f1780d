"""Rates and averages of a training in two phases, each a function of the step, and the optimiser
that takes them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

WARM_END = 0.02  # last rate of the warm start over its first
END = 0.1  # the same of the adversarial phase
RISE = 200  # steps over which the adversarial rates rise
HALF_LIFE = 0.05  # of the averaged generator, as a share of the adversarial steps made
# The weight of the divergence starts low and is 1 after this share of the warm start: at 1 from the
# start the latent variables stay unused.
KL_START, KL_RISE = 0.05, 0.6


class Now(NamedTuple):
  """What holds at one step: rates, the two decays of Adam, the weight of the divergence, and how
  far the averaged generator moves to the present one.
  """

  warm_rate: Array
  generator_rate: Array
  discriminator_rate: Array
  betas: tuple[Array, Array]
  kl: Array
  average: Array


class Schedule(NamedTuple):
  """The phases: `warm` steps of warm start, the rest up to `steps` adversarial, and their first
  rates.
  """

  warm: int
  steps: int
  warm_rate: float
  generator_rate: float
  discriminator_rate: float

  def at(self, step: Array) -> Now:
    """What holds at a step."""
    warm = step < self.warm
    made = step - self.warm  # adversarial steps so far
    part = jnp.clip(made / max(1, self.steps - self.warm), 0, 1)
    falling = _cosine(part, END) * jnp.minimum(1, (made + 1) / RISE)
    # The moments of each phase start with its first gradient: no bias, and nothing of the other.
    first = (step == 0) | (made == 0)
    later = jnp.where(warm, 0.999, 0.99 + 0.009 * jnp.minimum(1, 2 * part))
    return Now(
      warm_rate=self.warm_rate * _cosine(jnp.clip(step / max(1, self.warm), 0, 1), WARM_END),
      generator_rate=self.generator_rate * falling,
      discriminator_rate=self.discriminator_rate * falling,
      betas=(jnp.where(warm & ~first, 0.9, 0.0), jnp.where(first, 0.0, later)),
      kl=jnp.minimum(1, KL_START + step / max(1.0, KL_RISE * self.warm)),
      average=jnp.where(warm, 1.0, 1 - 0.5 ** (1 / jnp.maximum(1, HALF_LIFE * (made + 1)))),
    )


def _cosine(part: Array, end: float) -> Array:
  """From 1 at 0 to `end` at 1."""
  return end + (1 - end) * 0.5 * (1 + jnp.cos(jnp.pi * part))


class Moments(NamedTuple):
  """Moving averages of gradients and of their squares."""

  first: Any
  second: Any


def moments(params: Any) -> Moments:
  """The averages before any gradient."""
  zeros = lambda: jax.tree.map(jnp.zeros_like, params)
  return Moments(zeros(), zeros())


def adam(
  params: Any, moments: Moments, gradients: Any, rate: Array, betas: tuple[Array, Array]
) -> tuple[Any, Moments]:
  """Parameters and averages after a step of Adam (Kingma and Ba 2015) whose decays may change, so
  without the correction of the start: there decays of 0 do it.
  """
  first = jax.tree.map(lambda m, g: g + betas[0] * (m - g), moments.first, gradients)
  second = jax.tree.map(lambda v, g: g * g + betas[1] * (v - g * g), moments.second, gradients)
  moved = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), params, first, second)
  return moved, Moments(first, second)
