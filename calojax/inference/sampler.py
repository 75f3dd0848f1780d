"""Showers out of a generator, a piece at a time: the one sampler, of exported models and of
workdirs alike.

numpy only. What makes the showers is any function `run`: a session of ONNX Runtime or OpenVINO, a
StableHLO file, a method that JAX has compiled. As the noise is drawn here, the same seed and the
same particles give the same showers whichever of them runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from calojax.showers import Array, Condition, Shower, at

BATCH = 100  # showers a piece; more leave the processor's cache, fewer the products small

PASSED = 10_000  # showers whose noise is passed over at a time

# (noise [b, latent], energy [b], position [b, 2], direction [b, 3]) -> energies [b, v] in MeV
Run = Callable[[Array, Array, Array, Array], Array]


def stream(
  run: Run,
  latent: int,
  conditions: Condition,
  seed: int = 0,
  noise: Any = None,
  *,
  batch: int = BATCH,
  first: int = 0,
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
    first: number of the first of these showers, where they are a part of more.

  Raises:
    ValueError: noise of another shape or not finite, or a batch below 1; at once, not with the
      first piece.
  """
  if batch < 1:
    raise ValueError(f'batch is {batch}, expected at least 1')
  count = len(conditions.energy)
  starts = range(0, count, batch)
  if noise is None:
    # One stream of numbers for all showers: numpy gives the same ones in whatever portions they
    # are asked for, so that a shower does not depend on the batch.
    rng = np.random.default_rng(seed)
    for start in range(0, first, PASSED):  # those of the showers before
      rng.standard_normal((min(PASSED, first - start), latent), np.float32)
    sizes = (min(batch, count - start) for start in starts)
    portions = (rng.standard_normal((size, latent), np.float32) for size in sizes)
  else:
    given = _array('noise', noise, (count, latent))
    portions = (given[start : start + batch] for start in starts)
  return _pieces(run, conditions, portions)


def _pieces(run: Run, conditions: Condition, portions: Iterable[np.ndarray]) -> Iterator[Shower]:
  """The showers of each portion of the noise."""
  start, waiting = 0, None
  for noise in portions:
    part = at(conditions, slice(start, start + len(noise)))
    start += len(noise)
    # Before the piece that waits is fetched: meanwhile the device is at work on this one.
    started = run(noise, *part), part
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
