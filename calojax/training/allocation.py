"""How the process holds memory."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of the GNU C library


def keep_freed_memory() -> bool:
  """True if freed memory now stays with the process for its next step; False where the C library
  has no such setting.

  By default large buffers go back to the kernel after every step and come back as pages to fault in
  and clear: on a CPU a good part of a small network's training step. The process keeps its largest
  size in return.
  """
  mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
  return bool(mallopt and mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
