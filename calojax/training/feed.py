"""Where the loop's batches come from: showers on the device, or a file that is streamed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from calojax.data import batches
from calojax.showers import Shower
from calojax.training import sharding
from calojax.training.parts import Parts, binning, conventions_of, window

Batches = Callable[[int, int], Shower]  # (first step, n) -> Shower[n, k, b]


def batches_of(config: Any, parts: Parts, mesh: jax.sharding.Mesh) -> Batches:
  """The training batches.

  Raises:
    ValueError: too few showers for one update.
  """
  settings = config.train
  if parts.chunks is None:
    batches.indices(
      len(parts.train.energies), settings.batch, settings.discriminator_steps, config.seed, 0
    )
    return resident(parts.train, config.seed, settings.batch, settings.discriminator_steps, mesh)
  return streamed(
    batches.Streamed(
      config.data.source,
      parts.chunks,
      settings.batch,
      settings.discriminator_steps,
      config.seed,
      binning(config),
      conventions_of(config),
      window(config.data.memory_gib),
    ),
    mesh,
  )


def resident(
  showers: Shower, seed: int, batch: int, micro: int, mesh: jax.sharding.Mesh
) -> Batches:
  """Batches of showers that lie on the device; only the indices travel."""
  showers = jax.device_put(showers, sharding.replicated(mesh))
  count = len(showers.energies)
  gather = jax.jit(
    lambda data, rows: jax.tree.map(lambda leaf: leaf[rows], data),
    out_shardings=sharding.split(mesh, 2),
  )

  def call(step: int, n: int) -> Shower:
    rows = [batches.indices(count, batch, micro, seed, s) for s in range(step, step + n)]
    return gather(showers, jnp.asarray(rows))

  return call


def streamed(stream: batches.Streamed, mesh: jax.sharding.Mesh) -> Batches:
  """Batches of showers that are read from disk while the device works."""

  def call(step: int, n: int) -> Shower:
    parts = [stream.batch(s) for s in range(step, step + n)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *parts)
    return jax.device_put(stacked, sharding.split(mesh, 2))

  return call
