"""Strided, transposed and 3D convolutions, each in the exact form that is fast on the platform at
hand.

XLA:CPU computes a plain 2D convolution well. A transposed one, every 3D one and their gradients can
fall to naive loops, 60 to 240 times slower. The `fast` forms:

- a plain 3D convolution is a 2D one of its depth slices (the first spatial axis), the depth taps
folded into the channels
  where there are fewer of them: into the input's (slices side by side) or the output's (added where
    they overlap);
- a strided convolution is one matrix product over the taps and channels;
- a transposed convolution is one plain convolution for each output phase (each remainder of the
output index by the
  strides), or, where few taps overlap, one matrix product over the channels, `[.., ci] @ [ci, taps
  * co]`, whose columns are added where they overlap.

All are products, pads and slices, so automatic differentiation is exact and fast to every order; in
forward mode too, but for 3D convolutions between equally many channels. Parameters and results are
those of `flax.linen.Conv` and `flax.linen.ConvTranspose`: checkpoints interchange.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import itertools
import math
from collections.abc import Iterator, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax

Padding = str | Sequence[tuple[int, int]]

FORMS = ('auto', 'lax', 'fast')
_plain = contextvars.ContextVar('plain', default=False)


@contextlib.contextmanager
def plain() -> Iterator[None]:
  """Here `auto` is `lax`, for a compiler that has forms of its own, but for 3D ones to several
  channels: ONNX Runtime is faster folded.
  """
  token = _plain.set(True)
  try:
    yield
  finally:
    _plain.reset(token)


def conv(
  x: jax.Array,
  kernel: jax.Array,
  strides: Sequence[int],
  padding: Padding = 'SAME',
  form: str = 'auto',
) -> jax.Array:
  """Convolution of `x` `[b, *space, ci]` with `kernel` `[*taps, ci, co]`: `[b, *space', co]`.

  `padding` is `SAME`, `VALID` or a pair for each spatial axis; `form` is `auto` (by platform),
  `lax` or `fast`. Raises ValueError on an unknown form.
  """
  space, taps = x.shape[1:-1], kernel.shape[:-2]
  if isinstance(padding, str):
    padding = lax.padtype_to_pads(space, taps, strides, padding)
  if _direct(form, kernel):
    return _lax_conv(x, kernel, strides, padding)
  if all(n + sum(p) == k for n, p, k in zip(space, padding, taps)):
    # A kernel as large as its input is a dense layer, and several times faster as one.
    x = _pad(x, padding).reshape(x.shape[0], -1)
    return (x @ kernel.reshape(-1, kernel.shape[-1])).reshape(x.shape[0], *(1,) * len(taps), -1)
  if any(s > 1 for s in strides):
    return _strided(x, kernel, strides, padding)
  return _unstrided(x, kernel, padding)


def conv_transpose(
  x: jax.Array,
  kernel: jax.Array,
  strides: Sequence[int],
  padding: Padding = 'SAME',
  form: str = 'auto',
) -> jax.Array:
  """Transposed convolution of `x` `[b, *space, ci]` with `kernel` `[*taps, ci, co]`: `[b, *space',
  co]`.

  The mathematics and kernel orientation of `lax.conv_transpose(transpose_kernel=False)`: explicit
  `padding` pads the dilated input. Raises ValueError on an unknown form or padding.
  """
  # A stride larger than the kernel leaves outputs that nothing reaches: nobody needs those fast.
  if _direct(form, kernel) or any(s > k for s, k in zip(strides, kernel.shape)):
    return lax.conv_transpose(x, kernel, strides, padding, dimension_numbers=_layout(len(strides)))
  taps, co = kernel.shape[:-2], kernel.shape[-1]
  axes = [
    output_phases(n, k, s, pads)
    for n, k, s, pads in zip(
      x.shape[1:-1], taps, strides, _transposed_padding(taps, strides, padding)
    )
  ]
  # Overlapping columns are taps / strides times as much memory as the result: from about three
  # times the phases are faster.
  few = math.prod(taps) <= 2.5 * math.prod(strides) or co <= 2
  phases = [phases for phases, _ in axes]
  parts = (
    _overlap_phases(x, kernel, phases) if few else _convolve_phases(x, kernel, strides, phases)
  )
  y = _interleave(parts, strides)
  return lax.slice(y, (0,) * y.ndim, (y.shape[0], *(size for _, size in axes), co))


def chosen(form: str) -> str:
  """The form that `form` stands for on the default backend: `lax` or `fast`."""
  if form not in FORMS:
    raise ValueError(f'unknown convolution form {form!r}: expected one of {", ".join(FORMS)}')
  if form == 'auto':
    return 'fast' if jax.default_backend() == 'cpu' else 'lax'
  return form


def _direct(form: str, kernel: jax.Array) -> bool:
  """Whether the convolution is left to the compiler."""
  return chosen(form) == 'lax' or (
    form == 'auto' and _plain.get() and (kernel.ndim < 5 or kernel.shape[-1] <= 2)
  )


def _lax_conv(
  x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Padding
) -> jax.Array:
  return lax.conv_general_dilated(
    x, kernel, strides, padding, dimension_numbers=_layout(len(strides))
  )


def _layout(rank: int) -> tuple[str, str, str]:
  space = 'DHW'[-rank:]
  return f'N{space}C', f'{space}IO', f'N{space}C'


def _pad(x: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
  """`x` `[b, *space, c]` with zeros around, or cells cut off where a pad is negative."""
  return lax.pad(
    x, jnp.zeros((), x.dtype), ((0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0))
  )


def _strided(
  x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: Sequence[tuple[int, int]]
) -> jax.Array:
  """Convolution of larger strides as one matrix product of every tap's cells: `[b, *space', taps *
  ci] @ [taps * ci, co]`.

  XLA's strided convolution is fast; its input gradient is a transposed one, whose kernel gradient
  (a gradient penalty's) is not.
  """
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  x = _pad(x, padding)
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


def _unstrided(x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
  """Convolution of stride 1 from matrix products and 2D convolutions: `[b, *space', co]`."""
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  if len(taps) == 3 and math.prod(taps) * co <= 16:
    return _overlap_phases(
      x, kernel, [[_terms(n, k, p)] for n, k, p in zip(x.shape[1:-1], taps, padding)]
    )[0]
  if len(taps) == 3:
    fold = _fold_into_output if co < ci else _fold_into_input if co > ci else _fold_into_either
    return fold(x, kernel, tuple((low, high) for low, high in padding))
  if len(taps) == 2 and not any(map(any, padding)):
    # XLA:CPU takes twice as long where there is no padding at all as with one row more.
    return _lax_conv(x, kernel, (1, 1), ((0, 1), (0, 0)))[:, :-1]
  return _lax_conv(x, kernel, (1,) * len(taps), padding)


# XLA:CPU gathers the patches of a convolution several times faster if the number of channels is a
# multiple of this.
_PACKET = 4
# It takes the gradient by a kernel of this many columns twice as fast as by one of a few more.
_COLUMNS = 32


def _fold_into_input(
  x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]
) -> jax.Array:
  """3D convolution as a 2D one of `[b * depth', h, w, taps * ci]`: each slice with the next ones as
  further channels.
  """
  taps, (ci, co) = kernel.shape[0], kernel.shape[-2:]
  x = _pad(x, (padding[0], (0, 0), (0, 0)))
  b, depth, *plane = x.shape[:-1]
  depth -= taps - 1
  zeros = -taps * ci % _PACKET
  slices = [x[:, t : t + depth] for t in range(taps)] + [
    jnp.zeros((b, depth, *plane, zeros), x.dtype)
  ] * (zeros > 0)
  kernel = jnp.moveaxis(kernel, 0, 2).reshape(*kernel.shape[1:3], taps * ci, co)
  kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, zeros), (0, 0)))
  y = _unstrided(
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
  y = jnp.concatenate([_unstrided(slices, block, padding[1:]) for block in blocks], axis=-1)
  y = y.reshape(b, depth, *y.shape[1:])
  split = lax.split(y, (co,) * taps + (zeros,) * (zeros > 0), axis=4)
  here = [(0, 0, 0)]
  return _overlap(
    {(t, 0, 0): split[t] for t in range(taps)}, (_terms(depth, taps, padding[0]), here, here)
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


def _transposed_padding(
  taps: Sequence[int], strides: Sequence[int], padding: Padding
) -> Sequence[tuple[int, int]]:
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


def output_phases(
  n: int, taps: int, stride: int, padding: tuple[int, int]
) -> tuple[list[list[tuple[int, int, int]]], int]:
  """For each output phase of one axis the `(tap, pad low, pad high)` that contribute to it, and the
  axis' output size.

  Tap t of input i lands on output `stride * i + low - t`; of the outputs `stride * u + p` of phase
  p it is number `i + shift`.
  """
  low, high = padding
  size = (n - 1) * stride + 2 + low + high - taps
  count = -(-size // stride)
  phases = [[] for _ in range(stride)]
  for tap in range(taps):
    shift, phase = divmod(low - tap, stride)
    phases[phase].append((tap, shift, count - n - shift))
  return phases, size


def _terms(n: int, taps: int, padding: tuple[int, int]) -> list[tuple[int, int, int]]:
  """The only phase of an axis with stride 1."""
  return output_phases(n, taps, 1, padding)[0][0]


def _convolve_phases(
  x: jax.Array, kernel: jax.Array, strides: Sequence[int], phases: Sequence[list]
) -> list[jax.Array]:
  """All output phases `[b, *counts, co]`, each a plain convolution with every stride-th tap of the
  kernel.
  """
  parts = []
  for phase in itertools.product(*phases):
    first = [terms[0][0] for terms in phase]
    taps = kernel[tuple(slice(start, None, stride) for start, stride in zip(first, strides))]
    parts.append(_unstrided(x, taps, [(terms[0][1], terms[-1][2]) for terms in phase]))
  return parts


def _overlap_phases(x: jax.Array, kernel: jax.Array, phases: Sequence[list]) -> list[jax.Array]:
  """All output phases `[b, *counts, co]` from one matrix product over the channels."""
  taps, (ci, co) = kernel.shape[:-2], kernel.shape[-2:]
  product = x @ jnp.moveaxis(kernel, -2, 0).reshape(ci, -1)
  # split, not slices: its derivative is one concatenation instead of a sum of padded arrays.
  split = lax.split(product, (co,) * math.prod(taps), axis=x.ndim - 1)
  columns = dict(zip(itertools.product(*map(range, taps)), split))
  return [_overlap(columns, phase) for phase in itertools.product(*phases)]


def _overlap(
  columns: dict[tuple[int, ...], jax.Array], phase: Sequence[Sequence[tuple[int, int, int]]]
) -> jax.Array:
  """Sum of the shifted columns of one output phase, `[b, *counts, co]`."""
  shifted = []
  for terms in itertools.product(*phase):
    taps, lows, highs = zip(*terms)
    shifted.append(_pad(columns[taps], list(zip(lows, highs))))
  return sum(shifted[1:], shifted[0])


def _interleave(parts: Sequence[jax.Array], strides: Sequence[int]) -> jax.Array:
  """Arrays of all output phases, last axis fastest, as one array with every spatial axis `stride`
  times longer.
  """
  for axis, stride in reversed(list(enumerate(strides, start=1))):
    stacked = [jnp.stack(parts[i : i + stride], axis + 1) for i in range(0, len(parts), stride)]
    parts = [y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2 :]) for y in stacked]
  return parts[0]


class _Convolution(nn.Module):
  features: int
  kernel_size: Sequence[int]
  strides: int | Sequence[int] = 1
  padding: Padding = 'SAME'
  use_bias: bool = True
  dtype: jnp.dtype | None = None
  form: str = 'auto'
  kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

  def apply_with(self, function, x: jax.Array) -> jax.Array:
    taps = tuple(self.kernel_size)
    strides = (self.strides,) * len(taps) if isinstance(self.strides, int) else tuple(self.strides)
    kernel = self.param('kernel', self.kernel_init, (*taps, x.shape[-1], self.features))
    bias = (
      self.param('bias', nn.initializers.zeros_init(), (self.features,)) if self.use_bias else None
    )
    x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
    y = function(x, kernel, strides, self.padding, self.form)
    return y if bias is None else y + bias


class Conv(_Convolution):
  """`flax.linen.Conv` in the form that is fast here: `[b, *space, ci]` to `[b, *space',
  features]`.
  """

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return self.apply_with(conv, x)


class ConvTranspose(_Convolution):
  """`flax.linen.ConvTranspose` in the form that is fast here: `[b, *space, ci]` to `[b, *space',
  features]`.
  """

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return self.apply_with(conv_transpose, x)
