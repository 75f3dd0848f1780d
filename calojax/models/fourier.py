"""Convolutions of many taps as products of spectra (Mathieu et al. 2013), in two dimensions or
three.

The spectrum of a convolution is, frequency by frequency, the product of the spectra of image and
kernel, which leaves a fraction of the multiplications. Images are small here, so that a Fourier
transform is best a product with its matrix, which also pads and cuts, and all is matrix products,
whose derivatives are some too. Where the kernel is a constant of a program its spectrum is one.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Axis(NamedTuple):
  """Complex matrices of an axis.

  Attributes:
    cells: to the frequencies of its cells, `[f, n]`.
    taps: to those of its taps, `[f, k]`; conjugate, as a convolution of networks does not turn the
      kernel round.
    result: from frequencies to the cells of the result, `[m, f]`.
  """

  cells: np.ndarray
  taps: np.ndarray
  result: np.ndarray


def conv_by_spectra(
  x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]
) -> jax.Array:
  """Convolution of stride 1 of `x` `[b, *space, ci]` with `kernel` `[*taps, ci, co]`: `[b, *space',
  co]`, but for rounding, which is in units of the largest cell.
  """
  rank, (ci, co) = len(padding), kernel.shape[-2:]
  # Arrays have their axes in reverse: what is transformed comes first, frequencies stay there.
  axes = [axis(n, k, tuple(p)) for n, k, p in zip(x.shape[1:], kernel.shape, padding)][::-1]
  turned = tuple(range(rank))[::-1]
  image = _spectrum(x.transpose(*(1 + i for i in turned), 0, -1), [a.cells for a in axes])
  with jax.ensure_compile_time_eval():  # a constant kernel's: the compiler would take its time
    taps = kernel.transpose(*turned, -2, -1).reshape(*(kernel.shape[i] for i in turned), ci * co)
    columns = _spectrum(taps, [a.taps for a in axes])
    columns = columns.reshape(*columns.shape[:rank], 2 * ci, co)
  real, imaginary = (lax.index_in_dim(image, part, rank, keepdims=False) for part in (0, 1))
  rows = jnp.stack(
    [
      jnp.concatenate([real, -imaginary], axis=-1),
      jnp.concatenate([imaginary, real], axis=-1),
    ],
    axis=rank,
  )
  each = tuple(range(rank))
  product = lax.dot_general(rows, columns, (((rank + 2,), (rank,)), (each, each)))
  y = _image(product, [a.result for a in axes])
  return y.transpose(rank, *turned, rank + 1)


@functools.cache
def axis(cells: int, taps: int, padding: tuple[int, int]) -> Axis:
  """The matrices of an axis of so many cells and taps."""
  low, high = padding
  length = cells + max(low, high, 0)  # of the period: at either end it is dark over the padding
  result = cells + low + high - taps + 1
  frequencies = np.arange(length)
  turn = lambda a, b: np.exp(2j * np.pi * np.outer(a, b) / length)
  return Axis(
    turn(-frequencies, np.arange(cells)),
    turn(frequencies, np.arange(taps)),
    turn(np.arange(result) - low, frequencies) / length,
  )


def _spectrum(x: jax.Array, matrices: Sequence[np.ndarray]) -> jax.Array:
  """`[*frequencies, 2, *rest]` of `[*cells, *rest]`: real and imaginary parts; of the first axis
  the first half of its frequencies, of which the others are conjugates.
  """
  first, *others = matrices
  half = first[: len(first) // 2 + 1]
  x = _along(x[None], np.stack([np.real(half), np.imag(half)], axis=1)[:, :, None], 0)
  for done, matrix in enumerate(others, 1):
    x = _along(x, _complex(matrix), done)
  return x


def _image(x: jax.Array, matrices: Sequence[np.ndarray]) -> jax.Array:
  """`[*cells, *rest]` of a spectrum."""
  first, *others = matrices
  for left, matrix in reversed(list(enumerate(others, 1))):
    x = _along(x, _complex(matrix).transpose(1, 0, 3, 2), left)
  twice = np.full(x.shape[0], 2.0)
  twice[0] = 1  # what is its own conjugate
  if first.shape[1] % 2 == 0:
    twice[-1] = 1
  half = first[:, : x.shape[0]] * twice
  return _along(x, np.stack([np.real(half), -np.imag(half)], axis=2)[None], 0)[0]


def _complex(matrix: np.ndarray) -> np.ndarray:
  """A complex `[f, n]` as the real `[f, 2, 2, n]` that takes real and imaginary parts to those of
  the product.
  """
  rows = np.stack([np.real(matrix), -np.imag(matrix)]), np.stack([np.imag(matrix), np.real(matrix)])
  return np.stack(rows).transpose(2, 0, 1, 3)


def _along(x: jax.Array, matrix: np.ndarray, done: int) -> jax.Array:
  """`[*done, p, q, *rest]` of `[*done, r, n, *rest]` by a matrix `[p, q, r, n]`, `done` axes in
  front left as they are. No array is turned round for it.
  """
  p, q, r, n = matrix.shape
  front, rest = x.shape[:done], x.shape[done + 2 :]
  rows = jnp.broadcast_to(
    jnp.asarray(matrix.reshape(p * q, r * n), x.dtype), (*front, p * q, r * n)
  )
  each = tuple(range(done))
  dimensions = ((done + 1,), (done,)), (each, each)
  y = lax.dot_general(rows, x.reshape(*front, r * n, *rest), dimensions)
  return y.reshape(*front, p, q, *rest)
