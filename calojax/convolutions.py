"""Strided and transposed convolutions, each in the exact form that is fast on the platform at hand.

XLA:CPU computes a plain strided convolution well, but a transposed one and its gradients can fall to naive loops, up
to 60 times slower. The `fast` form of a transposed convolution is one matrix product over the channels, `[.., ci] @
[ci, taps * co]`, whose columns are added where they overlap. Its derivatives of every order are again matrix
products, pads and slices, so plain automatic differentiation is fast, in both modes. Parameters and results are those
of `flax.linen.Conv` and `flax.linen.ConvTranspose`: checkpoints interchange.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

Padding = str | Sequence[tuple[int, int]]

FORMS = ('auto', 'lax', 'fast')


def conv(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Padding = 'SAME', form: str = 'auto'
) -> jax.Array:
  """Convolution of `x` `[b, *space, ci]` with `kernel` `[*taps, ci, co]`: `[b, *space', co]`.

  `padding` is `SAME`, `VALID` or a pair for each spatial axis; `form` is `auto` (by platform), `lax` or `fast`. Raises
  ValueError on an unknown form.
  """
  space, taps = x.shape[1:-1], kernel.shape[:-2]
  if isinstance(padding, str):
    padding = lax.padtype_to_pads(space, taps, strides, padding)
  covers = all(n + sum(p) == k for n, p, k in zip(space, padding, taps))
  if chosen(form) == 'lax' or not covers:
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=_layout(len(taps)))
  # A kernel as large as its input is a dense layer, and several times faster as one.
  x = jnp.pad(x, ((0, 0), *padding, (0, 0))).reshape(x.shape[0], -1)
  return (x @ kernel.reshape(-1, kernel.shape[-1])).reshape(x.shape[0], *(1,) * len(taps), -1)


def conv_transpose(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Padding = 'SAME', form: str = 'auto'
) -> jax.Array:
  """Transposed convolution of `x` `[b, *space, ci]` with `kernel` `[*taps, ci, co]`: `[b, *space', co]`.

  The mathematics and kernel orientation of `lax.conv_transpose(transpose_kernel=False)`: explicit `padding` pads the
  dilated input. Raises ValueError on an unknown form or padding.
  """
  # A stride larger than the kernel leaves outputs that nothing reaches: nobody needs those fast.
  if chosen(form) == 'lax' or any(s > k for s, k in zip(strides, kernel.shape)):
    return lax.conv_transpose(x, kernel, strides, padding, dimension_numbers=_layout(len(strides)))
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  axes = [
      _phases(n, k, s, pads)
      for n, k, s, pads in zip(x.shape[1:-1], taps, strides, _transposed_padding(taps, strides, padding))
  ]
  product = x @ jnp.moveaxis(kernel, -2, 0).reshape(ci, -1)
  # split, not slices: its derivative is one concatenation instead of a sum of padded arrays.
  split = lax.split(product, (co,) * math.prod(taps), axis=x.ndim - 1)
  columns = dict(zip(itertools.product(*map(range, taps)), split))
  parts = [_overlap(columns, phase) for phase in itertools.product(*(phases for phases, _ in axes))]
  y = _interleave(parts, strides)
  return lax.slice(y, (0,) * y.ndim, (y.shape[0], *(size for _, size in axes), co))


def chosen(form: str) -> str:
  """The form that `form` stands for on the default backend: `lax` or `fast`."""
  if form not in FORMS:
    raise ValueError(f'unknown convolution form {form!r}: expected one of {", ".join(FORMS)}')
  if form == 'auto':
    return 'fast' if jax.default_backend() == 'cpu' else 'lax'
  return form


def _layout(rank: int) -> tuple[str, str, str]:
  space = 'DHW'[-rank:]
  return f'N{space}C', f'{space}IO', f'N{space}C'


def _transposed_padding(taps: Sequence[int], strides: Sequence[int], padding: Padding) -> Sequence[tuple[int, int]]:
  """Padding of the dilated input for each axis, by the definition of `lax.conv_transpose`."""
  if not isinstance(padding, str):
    return padding
  if padding not in ('SAME', 'VALID'):
    raise ValueError(f'unknown padding {padding!r}: expected SAME, VALID or a pair for each axis')
  pads = []
  for k, s in zip(taps, strides):
    low = k - 1 if padding == 'VALID' or s > k - 1 else -(-(k + s - 2) // 2)
    pads.append((low, k + s - 2 + (max(k - s, 0) if padding == 'VALID' else 0) - low))
  return pads


def _phases(n: int, taps: int, stride: int, padding: tuple[int, int]) -> tuple[list[list[tuple[int, int, int]]], int]:
  """For each output phase of one axis the `(tap, pad low, pad high)` that contribute to it, and the axis' output size.

  Tap t of input i lands on output `stride * i + low - t`; of the outputs `stride * u + p` of phase p it is number
  `i + shift`.
  """
  low, high = padding
  size = (n - 1) * stride + 2 + low + high - taps
  count = -(-size // stride)
  phases = [[] for _ in range(stride)]
  for tap in range(taps):
    shift, phase = divmod(low - tap, stride)
    phases[phase].append((tap, shift, count - n - shift))
  return phases, size


def _overlap(columns: dict[tuple[int, ...], jax.Array], phase: Sequence[Sequence[tuple[int, int, int]]]) -> jax.Array:
  """Sum of the shifted columns of one output phase, `[b, *counts, co]`."""
  shifted = []
  for terms in itertools.product(*phase):
    taps, lows, highs = zip(*terms)
    column = columns[taps]
    pads = ((0, 0, 0), *((low, high, 0) for low, high in zip(lows, highs)), (0, 0, 0))
    shifted.append(lax.pad(column, jnp.zeros((), column.dtype), pads))
  return sum(shifted[1:], shifted[0])


def _interleave(parts: Sequence[jax.Array], strides: Sequence[int]) -> jax.Array:
  """Arrays of all output phases, last axis fastest, as one array with every spatial axis `stride` times longer."""
  for axis, stride in reversed(list(enumerate(strides, start=1))):
    stacked = [jnp.stack(parts[i:i + stride], axis + 1) for i in range(0, len(parts), stride)]
    parts = [y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2:]) for y in stacked]
  return parts[0]


class _Convolution(nn.Module):
  features: int
  kernel_size: Sequence[int]
  strides: int | Sequence[int] = 1
  padding: Padding = 'SAME'
  use_bias: bool = True
  dtype: jnp.dtype | None = None
  form: str = 'auto'

  def apply_with(self, function, x: jax.Array) -> jax.Array:
    taps = tuple(self.kernel_size)
    strides = (self.strides,) * len(taps) if isinstance(self.strides, int) else tuple(self.strides)
    kernel = self.param('kernel', nn.initializers.lecun_normal(), (*taps, x.shape[-1], self.features))
    bias = self.param('bias', nn.initializers.zeros_init(), (self.features,)) if self.use_bias else None
    x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
    y = function(x, kernel, strides, self.padding, self.form)
    return y if bias is None else y + bias


class Conv(_Convolution):
  """`flax.linen.Conv` in the form that is fast here: `[b, *space, ci]` to `[b, *space', features]`."""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return self.apply_with(conv, x)


class ConvTranspose(_Convolution):
  """`flax.linen.ConvTranspose` in the form that is fast here: `[b, *space, ci]` to `[b, *space', features]`."""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return self.apply_with(conv_transpose, x)
