"""Training batches, each a function of (seed, step): resuming equals never stopping, and there is
no state to save.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from calojax.data.reader import USUAL, Conventions, extent, read, read_chunks
from calojax.geometry import Geometry
from calojax.showers import Shower, concatenate, take

WINDOW = 2**27  # bytes of showers that are shuffled together when streaming


def indices(count: int, batch: int, micro: int, seed: int, step: int) -> np.ndarray:
  """The showers `[k, b]` of a step: k = `micro` batches of b = `batch` out of `count` showers.

  Within an epoch no shower comes twice; the count // (micro * batch) steps of an epoch leave the
  remainder out.

  Raises:
    ValueError: `count` showers do not fill one step.
  """
  epoch, start = divmod(step, _steps(count, batch, micro))
  size = micro * batch
  return _permutation(count, seed, epoch)[start * size : (start + 1) * size].reshape(micro, batch)


def _steps(count: int, batch: int, micro: int) -> int:
  """Steps an epoch."""
  if min(batch, micro) < 1 or batch * micro > count:
    raise ValueError(
      f'{micro} batches of {batch} showers a step do not fit {count} showers, expected 1 to {count}'
    )
  return count // (batch * micro)


@functools.lru_cache(maxsize=4)
def _permutation(count: int, seed: int, epoch: int) -> np.ndarray:
  """The order of an epoch; read-only, as it is shared."""
  order = np.random.default_rng((seed, epoch)).permutation(count)
  order.setflags(write=False)
  return order


class Streamed:
  """Batches of an HDF5 file that need not fit in memory.

  An epoch visits the chunks in random order; as many consecutive ones as fit in `window` bytes are
  read whole, in a background thread that is one window ahead, and their showers are shuffled
  together. A batch may straddle windows; an epoch's remainder is left out. At most five windows are
  in memory: one or two in use, and the next, with two copies while it is shuffled (a window is at
  least one chunk, and a batch larger than a window holds all its windows).

  Args:
    path: HDF5 file of any layout.
    chunks: numbers of the chunks to use, see `split_chunks`.
    batch: showers a batch.
    micro: batches a step.
    seed: of the order.
    geometry, conventions: in place of the file's, see `read`.
    window: bytes of showers that are shuffled together, `WINDOW` of them by default.

  Attributes:
    geometry: of the showers.
    count: number of showers in `chunks`.

  Raises:
    ValueError: a broken file (from `batch` too: a reader's error appears where its showers are
      needed), chunks that it does not have, or too few showers for one step.
  """

  def __init__(
    self,
    path: str | os.PathLike,
    chunks: np.ndarray,
    batch: int,
    micro: int,
    seed: int,
    geometry: Geometry | None = None,
    conventions: Conventions = USUAL,
    window: int | None = None,
  ):
    total, self._size = extent(path)
    self._chunks = np.unique(chunks)
    available = -(-total // self._size)
    if (
      not 0 < len(self._chunks) == np.size(chunks)
      or self._chunks[0] < 0
      or self._chunks[-1] >= available
    ):
      raise ValueError(
        f'{path}: chunks {np.asarray(chunks)}, expected different numbers from 0 to {available - 1}'
      )
    self._lengths = np.minimum(self._size, total - self._chunks * self._size)
    self._path, self._batch, self._micro, self._seed = path, batch, micro, seed
    self._read_as, self._conventions = geometry, conventions
    self.geometry = read(path, 0, 1, geometry, conventions).geometry
    self.count = int(self._lengths.sum())
    self._steps = _steps(self.count, batch, micro)
    # Chunks a window; a shower has its cells and the six numbers of its particle, float32.
    self._together = max(1, (window or WINDOW) // (4 * self._size * (self.geometry.cells + 6)))
    self._pool = ThreadPoolExecutor(1, thread_name_prefix='showers')
    self._windows: dict[tuple[int, int], Future] = {}

  def batch(self, step: int) -> Shower:
    """The showers `[k, b, ...]` of a step (numpy, float32)."""
    epoch, index = divmod(step, self._steps)
    start, stop = np.array([index, index + 1]) * self._micro * self._batch
    order = _permutation(len(self._chunks), self._seed, epoch)
    ends = np.add.accumulate(
      np.add.reduceat(self._lengths[order], np.arange(0, len(order), self._together))
    )
    first, last = np.searchsorted(ends, [start, stop - 1], side='right')
    needed = [(epoch, window) for window in range(first, last + 1)]
    ahead = (epoch, last + 1) if last + 1 < len(ends) else (epoch + 1, 0)
    keys = (*needed, ahead)
    self._windows = {
      key: self._windows.get(key) or self._pool.submit(self._read, *key) for key in keys
    }
    starts = np.append(0, ends)
    parts = []
    for key in needed:
      begin = starts[key[1]]
      parts.append(take(self._windows[key].result(), slice(max(start - begin, 0), stop - begin)))
    rows = np.arange(stop - start).reshape(self._micro, self._batch)
    return take(concatenate(parts), rows)

  def release(self) -> None:
    """Lets go of all windows; further batches are read anew."""
    self._windows = {}

  def _read(self, epoch: int, window: int) -> Shower:
    """The showers of a window, shuffled."""
    order = _permutation(len(self._chunks), self._seed, epoch)
    numbers = self._chunks[order[window * self._together : (window + 1) * self._together]]
    showers = read_chunks(self._path, numbers, self._read_as, self._conventions)
    # window + 1: numpy takes the seeds (a, b, 0) and (a, b) for the same.
    rng = np.random.default_rng((self._seed, epoch, int(window) + 1))
    return take(showers, rng.permutation(len(showers.energies)))
