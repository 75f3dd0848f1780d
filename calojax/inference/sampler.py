"""Showers out of a trained generator, in batches of one shape, each shower a function of (seed,
number) alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.methods.state import Method
from calojax.showers import Condition, Shower

ON_CPU, ON_ACCELERATOR = (
  128,
  512,
)  # showers a piece; on a CPU larger ones leave the cache and take up to twice as long


def compiled(method: Method, variables: Any) -> Callable[[Array, Condition], Float[Array, 'b v']]:
  """The generator as a compiled function `(z [b, latent], Condition[b]) -> energies [b, v]` in MeV.

  The weights are constants of the program: XLA lays them out in advance, which tells most for a
  single shower.
  """
  variables = jax.device_put(variables)
  return jax.jit(lambda z, condition: method.sample(variables, z, condition))


def noise(key: Array, start: Array, count: int, latent: int) -> Float[Array, 'b z']:
  """Standard normal variables of the showers number start ... start + count - 1; whatever the
  batch, a shower gets the same.
  """
  return jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (latent,)))(
    start + jnp.arange(count)
  )


def piece() -> int:
  """How many showers to make at a time on this machine."""
  return ON_CPU if jax.default_backend() == 'cpu' else ON_ACCELERATOR


def stream(
  method: Method, variables: Any, conditions: Condition, seed: int, batch: int | None = None
) -> Iterator[Shower]:
  """The showers of these conditions, `batch` (by default `piece()`) at a time (numpy); at most two
  batches are in memory.
  """
  batch = batch or piece()
  generate, key = compiled(method, variables), jax.random.key(seed)
  draw = jax.jit(lambda start: noise(key, start, batch, method.latent))
  waiting = None
  for start in range(0, len(conditions.energy), batch):
    condition = Condition(
      *(np.asarray(field[start : start + batch], np.float32) for field in conditions)
    )
    # Every batch has the same shape, so there is one program; the last is filled up with repeated
    # conditions.
    padded = Condition(*(np.resize(field, (batch, *field.shape[1:])) for field in condition))
    running = generate(draw(start), padded), condition
    if waiting:  # the next batch is already being made while this one is fetched
      yield _fetch(*waiting)
    waiting = running
  yield _fetch(*waiting)


def _fetch(energies: Array, condition: Condition) -> Shower:
  """The showers that were asked for, without the filling."""
  return Shower(np.asarray(energies)[: len(condition.energy)], condition)
