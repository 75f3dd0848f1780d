"""Statistical errors by resampling showers (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SALT = 20261122  # showers that were drawn from the same seed must not share the random stream


def generator(seed: int) -> np.random.Generator:
  """The random stream of the evaluation's resampling."""
  return np.random.default_rng((SALT, seed))


def bootstrap_error(
  statistic: Callable[..., np.ndarray | float],
  *arrays: np.ndarray,
  resamples: int = 100,
  seed: int = 0,
) -> np.ndarray:
  """Standard deviation of `statistic(*arrays)` when the showers of each array are drawn anew with
  replacement.

  Args:
    statistic: of the arrays, returning a number or an array.
    *arrays: `[n_i, ...]`; each is resampled along its first axis independently of the others, so
      pass what belongs together as one array.
    resamples: number of bootstrap samples, at least 2.
    seed: of the resampling; the same seed gives the same error.

  Raises:
    ValueError: an empty array or less than two resamples.
  """
  if resamples < 2:
    raise ValueError(f'{resamples} bootstrap resamples, expected at least 2')
  for number, array in enumerate(arrays):
    if len(array) == 0:
      raise ValueError(f'array {number} of the bootstrap is empty, expected at least one shower')
  rng = generator(seed)

  def drawn(array: np.ndarray) -> np.ndarray:
    return array[rng.integers(len(array), size=len(array))]

  values = [np.asarray(statistic(*map(drawn, arrays))) for _ in range(resamples)]
  return np.std(values, axis=0, ddof=1)


def multiplicities(count: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
  """`[resamples, count]`, how often each shower enters each bootstrap sample of the same size."""
  return rng.multinomial(count, np.full(count, 1 / count), size=resamples)
