"""A convolution of an image whose cells were repeated, without the repeated image.

Repeated `u` times along an axis, an image has the same cell under several taps. Output `u a + f`
(its phase f) sees cell `a + t` under the taps k with (f + k) // u = t, so it is a convolution of
the small image with the sums of these taps (the sub-pixel convolution of Shi et al. 2016, read the
other way): the same numbers but for rounding, with a third to a quarter of the products.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from calojax.models.output_phases import interleave


def conv_of_repeated(
  convolve: Callable[..., jax.Array],
  x: jax.Array,
  kernel: jax.Array,
  times: Sequence[int],
  padding: Sequence[tuple[int, int]],
) -> jax.Array:
  """Convolution of stride 1 of `x` `[b, *space, ci]`, every cell `times` as long along its axis,
  with `kernel` `[*taps, ci, co]`: `[b, *space', co]`.

  Args:
    convolve: makes the convolution of the small image, of (x, kernel, strides, padding).
    x: the image.
    kernel: of the repeated image.
    times: for each spatial axis.
    padding: of the repeated image, a pair for each axis.
  """
  rank, co = len(times), kernel.shape[-1]
  with jax.ensure_compile_time_eval():  # of a constant kernel a constant
    columns = _columns(kernel, times)
  pads, cuts = [], []
  for u, n, taps, sums, (low, high) in zip(
    times, x.shape[1:-1], kernel.shape[:-2], columns.shape, padding
  ):
    size = u * n + low + high - taps + 1
    before = -(-low // u)  # cells of padding in front; what they are too many is cut off
    cut = u * before - low
    cells = -(-(cut + size) // u)
    pads.append((before, cells + sums - 1 - n - before))
    cuts.append((cut, size))
  y = convolve(x, columns, (1,) * rank, pads)
  parts = lax.split(y, (co,) * (y.shape[-1] // co), axis=rank + 1)
  y = interleave(parts, times)
  starts, sizes = zip(*cuts)
  return lax.slice(y, (0, *starts, 0), (y.shape[0], *(a + n for a, n in zip(starts, sizes)), co))


def _columns(kernel: jax.Array, times: Sequence[int]) -> jax.Array:
  """The kernel of the small image `[*sums, ci, phases * co]`."""
  rank, ci = len(times), kernel.shape[-2]
  for axis, (u, taps) in enumerate(zip(times, kernel.shape[:rank])):
    sums = shared_taps(taps, u).astype(kernel.dtype)
    # Each axis of taps becomes one of sums; its phases go to the end.
    kernel = jnp.moveaxis(jnp.tensordot(sums, kernel, (2, axis)), 1, axis + 1)
    kernel = jnp.moveaxis(kernel, 0, -1)
  # `[*sums, ci, co, *phases]`, the phases first among the columns.
  return jnp.moveaxis(kernel, rank + 1, -1).reshape(*kernel.shape[:rank], ci, -1)


def shared_taps(taps: int, times: int) -> np.ndarray:
  """Which taps lie on the same cell `[times, cells, taps]`: 1 where tap k of phase f is on cell
  t.
  """
  found = np.zeros((times, (times + taps - 2) // times + 1, taps))
  for phase, tap in itertools.product(range(times), range(taps)):
    found[phase, (phase + tap) // times, tap] = 1
  return found
