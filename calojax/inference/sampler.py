"""Showers out of a generator, a piece at a time: the one sampler, of exported models and of
workdirs alike.

numpy only. What makes the showers is any function `run`: a session of ONNX Runtime or OpenVINO, a
StableHLO file, a method that JAX has compiled. As the noise is drawn here, the same seed and the
same particles give the same showers whichever of them runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from calojax.showers import Array, Condition, Shower, at

BATCH = 100  # showers a piece; more leave the processor's cache, fewer the products small

# (noise [b, latent], energy [b], position [b, 2], direction [b, 3]) -> energies [b, v] in MeV
Run = Callable[[Array, Array, Array, Array], Array]


def stream(
  run: Run,
  latent: int,
  conditions: Condition,
  seed: int = 0,
  noise: Any = None,
  batch: int = BATCH,
) -> Iterator[Shower]:
  """The showers of these particles (numpy), in their order, `batch` at a time.

  A shower is a function of the seed, its number and its particle: how many are made at a time
  changes it by rounding only.

  Args:
    run: the generator. It may return before its array is computed, as JAX does: a piece is fetched
      when the next has been started. At most two pieces are in memory.
    latent: standard normal variables of a shower.
    conditions: `[b]` particles as `Condition.of` makes them.
    seed: of the noise.
    noise: `[b, latent]` standard normal variables instead.
    batch: showers a piece.

  Raises:
    ValueError: noise of another shape or not finite, or a batch below 1; at once, not with the
      first piece.
  """
  if batch < 1:
    raise ValueError(f'batch is {batch}, expected at least 1')
  if noise is not None:
    noise = _array('noise', noise, (len(conditions.energy), latent))
  return _pieces(run, latent, conditions, seed, noise, batch)


def _pieces(
  run: Run, latent: int, conditions: Condition, seed: int, noise: np.ndarray | None, batch: int
) -> Iterator[Shower]:
  # One stream of numbers for all showers: numpy gives the same ones in whatever portions they are
  # asked for, so that a shower does not depend on the batch.
  rng, waiting = np.random.default_rng(seed), None
  for start in range(0, len(conditions.energy), batch):
    rows = slice(start, start + batch)
    part = at(conditions, rows)
    if noise is None:
      z = rng.standard_normal((len(part.energy), latent), np.float32)
    else:
      z = noise[rows]
    started = run(z, *part), part
    if waiting:  # fetched only now, while an asynchronous generator makes the next piece
      yield Shower(np.asarray(waiting[0]), waiting[1])
    waiting = started
  if waiting:
    yield Shower(np.asarray(waiting[0]), waiting[1])


def _array(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
  """Finite float32 numbers of this shape."""
  array = np.ascontiguousarray(values, np.float32)
  if array.shape != shape:
    raise ValueError(f'{name} of shape {array.shape}, expected {shape}')
  if not np.isfinite(array).all():
    raise ValueError(f'{name} is {array[~np.isfinite(array)][0]:g}, expected finite numbers')
  return array
