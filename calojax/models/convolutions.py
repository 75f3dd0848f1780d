"""Strided, transposed and 3D convolutions, each in the exact form that is fast on the platform at
hand.

XLA:CPU computes a plain 2D convolution well. A transposed one, every 3D one and their gradients can
fall to naive loops, 60 to 240 times slower. The `fast` forms:

- a plain convolution of many taps and channels is a product of spectra, see `fourier`;
- another 3D one is a 2D one of its depth slices (the first spatial axis), the depth taps
  folded into the channels where there are fewer of them: into the input's (slices side by side) or
  the output's (added where they overlap), see `folds`;
- a strided convolution is one matrix product over the taps and channels;
- a transposed convolution is one plain convolution for each output phase (each remainder of the
  output index by the strides), or, where few taps overlap, one matrix product over the channels,
  `[.., ci] @ [ci, taps * co]`, whose columns are added where they overlap, see `output_phases`.

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

from calojax.models.folds import SPECTRA, Padding, lax_conv, layout, strided, unstrided
from calojax.models.output_phases import Phases, interleave, output_phases, overlap_phases, pad
from calojax.models.upsampled import conv_of_repeated

FORMS = ('auto', 'lax', 'fast')
_plain = contextvars.ContextVar('plain', default=False)


@contextlib.contextmanager
def portable() -> Iterator[None]:
  """Here no convolution is a product of spectra: for a program that is stored, with kernels as its
  constants, which are smaller.
  """
  with _set(SPECTRA, False):
    yield


@contextlib.contextmanager
def plain() -> Iterator[None]:
  """`portable`, and here `auto` is `lax`, for a compiler that has forms of its own, but for 3D ones
  to several channels: ONNX Runtime is faster folded.
  """
  with portable(), _set(_plain, True):
    yield


@contextlib.contextmanager
def _set(variable: contextvars.ContextVar[bool], value: bool) -> Iterator[None]:
  """The variable has this value here."""
  token = variable.set(value)
  try:
    yield
  finally:
    variable.reset(token)


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
    return lax_conv(x, kernel, strides, padding)
  if all(n + sum(p) == k for n, p, k in zip(space, padding, taps)):
    # A kernel as large as its input is a dense layer, and several times faster as one.
    x = pad(x, padding).reshape(x.shape[0], -1)
    return (x @ kernel.reshape(-1, kernel.shape[-1])).reshape(x.shape[0], *(1,) * len(taps), -1)
  if any(s > 1 for s in strides):
    return strided(x, kernel, strides, padding)
  return unstrided(x, kernel, padding)


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
    return lax.conv_transpose(x, kernel, strides, padding, dimension_numbers=layout(len(strides)))
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
  parts = overlap_phases(x, kernel, phases) if few else _convolve_phases(x, kernel, strides, phases)
  # All phases have the size of the largest: what is too much is cut off at the end.
  y = interleave(parts, strides)
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


def _convolve_phases(
  x: jax.Array, kernel: jax.Array, strides: Sequence[int], phases: Sequence[Phases]
) -> list[jax.Array]:
  """All output phases `[b, *counts, co]`, each a plain convolution with every stride-th tap of the
  kernel.
  """
  parts = []
  for phase in itertools.product(*phases):
    first = [terms[0][0] for terms in phase]
    taps = kernel[tuple(slice(start, None, stride) for start, stride in zip(first, strides))]
    parts.append(unstrided(x, taps, [(terms[0][1], terms[-1][2]) for terms in phase]))
  return parts


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
    """`function` of images `[b, *space, ci]`, with this module's kernel, and the bias added."""
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

  Attributes:
    repeated: how many times as long every cell of the image is made first along each axis, with
      stride 1 and paddings given; empty: none is.
  """

  repeated: Sequence[int] = ()

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return self.apply_with(self._of_repeated if self.repeated else conv, x)

  def _of_repeated(self, x, kernel, strides, padding, form) -> jax.Array:
    assert set(strides) == {1} and not isinstance(padding, str)
    convolve = functools.partial(conv, form=form)
    return conv_of_repeated(convolve, x, kernel, self.repeated, padding)


class ConvTranspose(_Convolution):
  """`flax.linen.ConvTranspose` in the form that is fast here: `[b, *space, ci]` to `[b, *space',
  features]`.
  """

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return self.apply_with(conv_transpose, x)
