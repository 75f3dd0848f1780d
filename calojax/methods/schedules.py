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


class Adam(NamedTuple):
  """Decays of the averages of Adam (Kingma and Ba 2015), and the number of gradients in them with
  the present one: each phase starts them anew.
  """

  beta1: Array
  beta2: Array
  steps: Array


class Now(NamedTuple):
  """What holds at one step.

  Attributes:
    generator, encoder, critic: the networks' rates; 0 in the phase that does not train them.
    adam: the decays of its averages.
    kl: weight of the divergence.
    average: how far the averaged generator moves to the present one.
  """

  generator: Array
  encoder: Array
  critic: Array
  adam: Adam
  kl: Array
  average: Array


class Schedule(NamedTuple):
  """The phases: `warm` steps of warm start, the rest up to `steps` adversarial, and their first
  rates; `anchored` where the second phase follows the bound too and the encoder goes on learning.
  """

  warm: int
  steps: int
  warm_rate: float
  generator_rate: float
  critic_rate: float
  anchored: bool = False

  def at(self, step: Array) -> Now:
    """What holds at a step."""
    warm = step < self.warm
    made = step - self.warm  # adversarial steps so far
    part = jnp.clip(made / max(1, self.steps - self.warm), 0, 1)
    falling = _cosine(part, END) * jnp.minimum(1, (made + 1) / RISE)
    warming = self.warm_rate * _cosine(jnp.clip(step / max(1, self.warm), 0, 1), WARM_END)
    return Now(
      generator=jnp.where(warm, warming, self.generator_rate * falling),
      encoder=jnp.where(warm, warming, self.generator_rate * falling * self.anchored),
      critic=jnp.where(warm, 0.0, self.critic_rate * falling),
      adam=Adam(
        beta1=jnp.where(warm, 0.9, 0.0),
        beta2=jnp.where(warm, 0.999, 0.99 + 0.009 * jnp.minimum(1, 2 * part)),
        steps=jnp.where(warm, step, made) + 1,
      ),
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
  params: Any, moments: Moments, gradients: Any, rate: Array, now: Adam
) -> tuple[Any, Moments]:
  """Parameters and averages after a step of Adam."""
  kept = jnp.where(now.steps > 1, 1.0, 0.0)

  def averaged(beta: Array, old: Any, new: Any) -> Any:
    return jax.tree.map(lambda a, b: kept * beta * a + (1 - beta) * b, old, new)

  first = averaged(now.beta1, moments.first, gradients)
  second = averaged(now.beta2, moments.second, jax.tree.map(jnp.square, gradients))
  # The averages start at 0: until they are full they are too small.
  full1, full2 = 1 - now.beta1**now.steps, 1 - now.beta2**now.steps
  moved = jax.tree.map(
    lambda w, m, v: w - rate * (m / full1) / (jnp.sqrt(v / full2) + 1e-8), params, first, second
  )
  return moved, Moments(first, second)
