"""The outputs of a convolution by phase (their index modulo the stride), and products whose columns
are added where they overlap.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

Term = tuple[int, int, int]  # tap, zeros before the image, zeros behind it
Phases = list[list[Term]]  # of one axis: the terms that each output phase adds up


def output_phases(n: int, taps: int, stride: int, padding: tuple[int, int]) -> tuple[Phases, int]:
  """For each output phase of one axis the `(tap, pad low, pad high)` that contribute to it, and the
  axis' output size.

  Tap t of input i lands on output `stride * i + low - t`; of the outputs `stride * u + p` of phase
  p it is number `i + shift`.
  """
  low, high = padding
  # Of the dilated image, (n - 1) stride + 1 cells, with its padding.
  size = (n - 1) * stride + 2 + low + high - taps
  count = -(-size // stride)
  phases: Phases = [[] for _ in range(stride)]
  for tap in range(taps):
    shift, phase = divmod(low - tap, stride)
    phases[phase].append((tap, shift, count - n - shift))
  return phases, size


def only_phase(n: int, taps: int, padding: tuple[int, int]) -> list[Term]:
  """The only phase of an axis with stride 1."""
  return output_phases(n, taps, 1, padding)[0][0]


def overlap_phases(x: jax.Array, kernel: jax.Array, phases: Sequence[Phases]) -> list[jax.Array]:
  """All output phases `[b, *counts, co]` from one matrix product over the channels."""
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  product = x @ jnp.moveaxis(kernel, -2, 0).reshape(ci, -1)
  # split, not slices: its derivative is one concatenation instead of a sum of padded arrays.
  split = lax.split(product, (co,) * math.prod(taps), axis=x.ndim - 1)
  columns = dict(zip(itertools.product(*map(range, taps)), split))
  return [overlap(columns, phase) for phase in itertools.product(*phases)]


def overlap(
  columns: dict[tuple[int, ...], jax.Array], phase: Sequence[Sequence[Term]]
) -> jax.Array:
  """Sum of the shifted columns of one output phase, `[b, *counts, co]`."""
  shifted = []
  for terms in itertools.product(*phase):
    taps, lows, highs = zip(*terms)
    shifted.append(pad(columns[taps], list(zip(lows, highs))))
  return sum(shifted[1:], shifted[0])  # from the first: a start of 0 would be an addition more


def interleave(parts: Sequence[jax.Array], strides: Sequence[int]) -> jax.Array:
  """Arrays of all output phases, last axis fastest, as one array with every spatial axis `stride`
  times longer.
  """
  for axis, stride in reversed(list(enumerate(strides, start=1))):
    stacked = [jnp.stack(parts[i : i + stride], axis + 1) for i in range(0, len(parts), stride)]
    parts = [y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2 :]) for y in stacked]
  return parts[0]


def pad(x: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
  """`x` `[b, *space, c]` with zeros around, or cells cut off where a pad is negative."""
  return lax.pad(
    x, jnp.zeros((), x.dtype), ((0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0))
  )
