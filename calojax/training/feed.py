"""Where the loop's batches come from: showers on the device, or a file that is streamed."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import jax
import numpy as np

from calojax.data import batches
from calojax.showers import Shower
from calojax.training import sharding
from calojax.training.parts import Parts, binning, conventions_of, window


class Batches(Protocol):
  """The training batches of a run."""

  def __call__(self, step: int, n: int) -> Shower:
    """Those of n steps from this one on, `Shower[n, k, b]`."""
    ...

  def release(self) -> None:
    """Frees their memory; no more are asked for."""
    ...


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
    return Resident(parts.train, config.seed, settings.batch, settings.discriminator_steps, mesh)
  return Streaming(
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


class Resident:
  """Batches of showers that lie on the device; only the indices travel."""

  def __init__(
    self, showers: Shower, seed: int, batch: int, micro: int, mesh: jax.sharding.Mesh
  ) -> None:
    self._showers: Shower | None = sharding.placed(showers, sharding.replicated(mesh))
    self._indices = functools.partial(batches.indices, len(showers.energies), batch, micro, seed)
    self._split = sharding.split(mesh, 2)
    self._gather = jax.jit(
      lambda data, rows: jax.tree.map(lambda leaf: leaf[rows], data), out_shardings=self._split
    )

  def __call__(self, step: int, n: int) -> Shower:
    """The batches of n steps."""
    rows = [self._indices(s) for s in range(step, step + n)]
    return self._gather(self._showers, sharding.placed(np.asarray(rows), self._split))

  def release(self) -> None:
    """Gives the device its memory back."""
    self._showers = None


class Streaming:
  """Batches of showers that are read from disk while the device works."""

  def __init__(self, stream: batches.Streamed, mesh: jax.sharding.Mesh) -> None:
    self._stream, self._split = stream, sharding.split(mesh, 2)

  def __call__(self, step: int, n: int) -> Shower:
    """The batches of n steps."""
    parts = [self._stream.batch(s) for s in range(step, step + n)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *parts)
    return sharding.placed(stacked, self._split)

  def release(self) -> None:
    """Lets go of what was read ahead."""
    self._stream.release()
