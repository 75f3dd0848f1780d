"""Plain and strided convolutions from what XLA:CPU is fast in: matrix products and 2D convolutions.

A 3D convolution is a 2D one of its depth slices (the first spatial axis), the depth taps folded
into the channels.
"""

from __future__ import annotations

import contextvars
import functools
import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from calojax.models.fourier import conv_by_spectra
from calojax.models.output_phases import only_phase, overlap, overlap_phases, pad

Padding = str | Sequence[tuple[int, int]]
SPECTRA = contextvars.ContextVar('spectra', default=True)  # see `convolutions.portable`
# From so many taps, and multiplications a cell and channel, products of spectra are faster, of
# several images or with a constant kernel.
_MANY_TAPS, _MANY = 25, 400


def lax_conv(
  x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Padding
) -> jax.Array:
  """The convolution as the compiler has it."""
  return lax.conv_general_dilated(
    x, kernel, strides, padding, dimension_numbers=layout(len(strides))
  )


def layout(rank: int) -> tuple[str, str, str]:
  """Dimension numbers of image, kernel and result: channels last, as everywhere in flax."""
  space = 'DHW'[-rank:]
  return f'N{space}C', f'{space}IO', f'N{space}C'


def strided(
  x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Sequence[tuple[int, int]]
) -> jax.Array:
  """Convolution of larger strides as one matrix product of every tap's cells: `[b, *space', taps *
  ci] @ [taps * ci, co]`.

  XLA's strided convolution is fast; its input gradient is a transposed one, whose kernel gradient
  (a gradient penalty's) is not.
  """
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  x = pad(x, padding)
  ends = [
    [t + (n - k) // s * s + 1 for t in range(k)] for n, k, s in zip(x.shape[1:-1], taps, strides)
  ]
  columns = [
    lax.slice(
      x, (0, *tap, 0), (x.shape[0], *(end[t] for end, t in zip(ends, tap)), ci), (1, *strides, 1)
    )
    for tap in itertools.product(*map(range, taps))
  ]
  return jnp.concatenate(columns, axis=-1) @ kernel.reshape(-1, co)


def unstrided(x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
  """Convolution of stride 1 from matrix products and 2D convolutions: `[b, *space', co]`."""
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  if _by_spectra(x, kernel):
    return conv_by_spectra(x, kernel, padding)
  if len(taps) == 3 and math.prod(taps) * co <= 16:
    return overlap_phases(
      x, kernel, [[only_phase(n, k, p)] for n, k, p in zip(x.shape[1:-1], taps, padding)]
    )[0]
  if len(taps) == 3:
    fold = _fold_into_output if co < ci else _fold_into_input if co > ci else _fold_into_either
    return fold(x, kernel, tuple((low, high) for low, high in padding))
  if len(taps) == 2 and not any(map(any, padding)):
    # XLA:CPU takes twice as long where there is no padding at all as with one row more.
    return lax_conv(x, kernel, (1, 1), ((0, 1), (0, 0)))[:, :-1]
  return lax_conv(x, kernel, (1,) * len(taps), padding)


# XLA:CPU gathers the patches of a convolution several times faster if the number of channels is a
# multiple of this.
_PACKET = 4
# It takes the gradient by a kernel of this many columns twice as fast as by one of a few more.
_COLUMNS = 32


def _by_spectra(x: jax.Array, kernel: jax.Array) -> bool:
  """Whether products of spectra are faster and wanted, and numbers have the digits for them."""
  taps, (ci, co) = math.prod(kernel.shape[:-2]), kernel.shape[-2:]
  many = taps >= _MANY_TAPS and taps * ci * co / (ci + co) >= _MANY
  return many and SPECTRA.get() and jnp.finfo(x.dtype).bits >= 32


def _fold_into_input(
  x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]
) -> jax.Array:
  """3D convolution as a 2D one of `[b * depth', h, w, taps * ci]`: each slice with the next ones as
  further channels.
  """
  taps, (ci, co) = kernel.shape[0], kernel.shape[-2:]
  x = pad(x, (padding[0], (0, 0), (0, 0)))
  b, depth, *plane = x.shape[:-1]
  depth -= taps - 1
  zeros = -taps * ci % _PACKET
  slices = [x[:, t : t + depth] for t in range(taps)] + [
    jnp.zeros((b, depth, *plane, zeros), x.dtype)
  ] * (zeros > 0)
  kernel = jnp.moveaxis(kernel, 0, 2).reshape(*kernel.shape[1:3], taps * ci, co)
  kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, zeros), (0, 0)))
  y = unstrided(
    jnp.concatenate(slices, axis=-1).reshape(b * depth, *plane, -1), kernel, padding[1:]
  )
  return y.reshape(b, depth, *y.shape[1:])


def _fold_into_output(
  x: jax.Array,
  kernel: jax.Array,
  padding: Sequence[tuple[int, int]],
  columns: int | None = _COLUMNS,
) -> jax.Array:
  """3D convolution as a 2D one to `[b * depth, h', w', taps * co]`, whose channels are added to the
  slices they belong to.

  At most `columns` of them at a time.
  """
  taps, co = kernel.shape[0], kernel.shape[-1]
  b, depth = x.shape[:2]
  zeros = -taps * co % _PACKET
  kernel = jnp.moveaxis(kernel, 0, 3).reshape(*kernel.shape[1:4], taps * co)
  kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, 0), (0, zeros)))
  slices = x.reshape(b * depth, *x.shape[2:])
  columns = columns or kernel.shape[-1]
  blocks = [kernel[..., i : i + columns] for i in range(0, kernel.shape[-1], columns)]
  y = jnp.concatenate([unstrided(slices, block, padding[1:]) for block in blocks], axis=-1)
  y = y.reshape(b, depth, *y.shape[1:])
  split = lax.split(y, (co,) * taps + (zeros,) * (zeros > 0), axis=4)
  here = [(0, 0, 0)]
  return overlap(
    {(t, 0, 0): split[t] for t in range(taps)}, (only_phase(depth, taps, padding[0]), here, here)
  )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _fold_into_either(
  x: jax.Array, kernel: jax.Array, padding: tuple[tuple[int, int], ...]
) -> jax.Array:
  """3D convolution between equally many channels: forward is faster folded into the output, the
  gradients into the input.
  """
  return _fold_into_output(x, kernel, padding, columns=None)


def _either_forward(x, kernel, padding):
  return _fold_into_either(x, kernel, padding), (x, kernel)


def _either_backward(padding, operands, cotangent):
  return jax.vjp(lambda x, kernel: _fold_into_input(x, kernel, padding), *operands)[1](cotangent)


_fold_into_either.defvjp(_either_forward, _either_backward)
