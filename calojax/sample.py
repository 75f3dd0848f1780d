"""Showers out of a trained generator, in batches of one shape, each shower a function of (seed, index) alone."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.showers import Condition, Shower
from calojax.state import Method

BATCH = 512


def noise(key: Array, start: Array, count: int, latent: int) -> Float[Array, 'b z']:
  """Standard normal variables of the showers number start ... start + count - 1; whatever the batch, a shower gets the same."""
  return jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (latent,)))(start + jnp.arange(count))


def sampler(method: Method, variables: Any, seed: int, batch: int = BATCH) -> Callable[[int, Condition], Float[np.ndarray, 'b v']]:
  """A compiled function `(number of the first shower, Condition[b]) -> energies [b, v]` in MeV; b at most `batch`."""
  key, variables = jax.random.key(seed), jax.device_put(variables)

  @jax.jit
  def generate(variables: Any, start: Array, condition: Condition) -> Array:
    return method.sample(variables, noise(key, start, batch, method.latent), condition)

  def call(start: int, condition: Condition) -> np.ndarray:
    count = len(condition.energy)
    padded = Condition(*(np.resize(field, (batch,) + field.shape[1:]).astype(np.float32) for field in condition))
    return np.asarray(generate(variables, start, padded))[:count]

  return call


def stream(method: Method, variables: Any, conditions: Condition, seed: int, batch: int = BATCH) -> Iterator[Shower]:
  """The showers of these conditions, a batch at a time (numpy)."""
  generate = sampler(method, variables, seed, batch)
  for start in range(0, len(conditions.energy), batch):
    condition = Condition(*(np.asarray(field[start:start + batch]) for field in conditions))
    yield Shower(generate(start, condition), condition)


def draw_conditions(conditions: Condition, count: int, seed: int) -> Condition:
  """`count` conditions drawn with replacement from those given: the spectrum they stand for.

  Raises:
    ValueError: count is not positive.
  """
  if count < 1:
    raise ValueError(f'count is {count}, expected at least 1')
  rows = np.random.default_rng(seed).integers(len(conditions.energy), size=count)
  return Condition(*(np.asarray(field)[rows] for field in conditions))
