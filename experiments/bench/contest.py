"""What the benchmarks share: a number of threads, turns taken by the contenders, the table."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np


def prepare(threads: int) -> None:
  """Gives the process so many cores and keeps its memory; before jax is imported: its threads
  follow the affinity.
  """
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
  import torch

  from calojax.training import allocation

  torch.set_num_threads(threads)
  allocation.keep_freed_memory()


def seconds(
  contenders: dict[str, Callable[[], None]], rounds: int, turn: float
) -> dict[str, np.ndarray]:
  """Seconds a call `[rounds]` of each contender; in every round each has one turn of at least
  `turn` seconds.
  """
  for call in contenders.values():
    call()
  times = {name: np.zeros(rounds) for name in contenders}
  for i in range(rounds):
    for name, call in contenders.items():
      call()  # the first call after another's turn finds cold caches and sleeping threads
      start, calls = time.perf_counter(), 0
      while (elapsed := time.perf_counter() - start) < turn:
        call()
        calls += 1
      times[name][i] = elapsed / calls
  return times


def table(title: str, times: dict[str, np.ndarray], showers: int, ours: str = 'calojax') -> None:
  """Prints showers a second (median, best) and our rate over each contender's (median over the
  rounds, best).
  """
  print(title)
  for name, t in times.items():
    print(
      f'  {name:22} {showers / np.median(t):10.0f} showers/s  best {showers / t.min():10.0f}'
      f'  calojax / this: {np.median(t / times[ours]):5.2f}  '
      f'best {t.min() / times[ours].min():5.2f}',
      flush=True,
    )
