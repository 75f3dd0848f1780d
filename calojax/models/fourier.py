"""2D convolutions of many taps as products of spectra (Mathieu et al. 2013).

The spectrum of a convolution is, frequency by frequency, the product of the spectra of image and
kernel: of 8x8 taps a tenth of the multiplications that are left otherwise. Images are small here,
so that a Fourier transform is best a product with its matrix, which also pads and cuts, and all is
matrix products, whose derivatives are some too. Where the kernel is a constant the compiler keeps
its spectrum.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


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
  """Convolution of stride 1 of `x` `[b, h, w, ci]` with `kernel` `[*taps, ci, co]`: `[b, h', w',
  co]`, to seven digits of its largest numbers in float32.
  """
  h, w = (axis(n, k, tuple(p)) for n, k, p in zip(x.shape[1:3], kernel.shape, padding))
  ci, co = kernel.shape[-2:]
  half = len(w.cells) // 2 + 1  # a real image's other frequencies are conjugates of these
  number = lambda matrix: jnp.asarray(matrix, x.dtype)
  # In what follows f and g are frequencies along h and w, r and s real and imaginary parts.
  image = jnp.einsum('grw,whbc->grhbc', number(_parts(w.cells[:half], 1)), x.transpose(2, 1, 0, 3))
  image = jnp.einsum('gsfrh,grhbc->gsfbc', number(_each(_complex(h.cells), half)), image)
  real, imaginary = image[:, 0], image[:, 1]
  rows = jnp.stack(
    [
      jnp.concatenate([real, -imaginary], axis=-1),
      jnp.concatenate([imaginary, real], axis=-1),
    ],
    axis=2,
  )
  turns = _parts(w.taps[:half, None, None, :] * h.taps[None, :, :, None], 2)
  # The largest arrays, where a gradient of an einsum would be turned round.
  columns = number(turns.reshape(-1, math.prod(kernel.shape[:2]))) @ kernel.reshape(-1, ci * co)
  product = jnp.einsum('gfsbc,gfcd->gfsbd', rows, columns.reshape(half, -1, 2 * ci, co))
  back = np.moveaxis(_complex(h.result), 2, 3)
  product = jnp.einsum('grhfs,gfsbd->grhbd', number(_each(back, half)), product)
  y = jnp.einsum('wgr,grhbd->whbd', number(_halved(w.result, half)), product)
  return y.transpose(2, 1, 0, 3)


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


def _parts(matrix: np.ndarray, place: int) -> np.ndarray:
  """Real and imaginary part, along a new axis at that place."""
  return np.stack([matrix.real, matrix.imag], axis=place)


def _complex(matrix: np.ndarray) -> np.ndarray:
  """A complex `[a, b]` as the real `[2, a, 2, b]` that takes real and imaginary parts to those of
  the product.
  """
  rows = np.stack([matrix.real, -matrix.imag]), np.stack([matrix.imag, matrix.real])
  return np.moveaxis(np.stack(rows), 1, 2)


def _each(matrix: np.ndarray, count: int) -> np.ndarray:
  """The matrix for each of so many: batches of products need no transposition."""
  return np.broadcast_to(matrix, (count, *matrix.shape))


def _halved(matrix: np.ndarray, half: int) -> np.ndarray:
  """`[m, half, 2]`: the real part of what `[m, f]` makes of frequencies of which the first half is
  given, the others being their conjugates.
  """
  twice = np.full(half, 2.0)
  twice[0] = 1  # what is its own conjugate
  if matrix.shape[1] % 2 == 0:
    twice[-1] = 1
  kept = matrix[:, :half] * twice
  return np.stack([kept.real, -kept.imag], axis=2)
