"""Convolutions as products of spectra are the same functions, and taken where they are to be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.export import program
from calojax.models import convolutions
from calojax.models.folds import lax_conv
from calojax.models.fourier import conv_by_spectra

# Image, taps, padding: of odd and even periods, as many taps as cells and more, pads that are
# uneven, on one side, negative.
CASES = [
  ((2, 9, 6, 3), (5, 4), ((0, 0), (0, 0))),
  ((1, 5, 8, 2), (8, 8), ((3, 4), (4, 3))),
  ((3, 7, 5, 2), (7, 1), ((0, 2), (3, 0))),
  ((2, 6, 7, 1), (3, 4), ((-1, 2), (2, -2))),
  ((2, 4, 3, 6, 2), (2, 3, 4), ((1, 0), (1, 1), (0, 2))),
]


def numbers(seed, *shape):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize('image, taps, padding', CASES)
def test_spectra_give_the_convolution_and_its_derivatives(image, taps, padding):
  # Arrange
  x, kernel = numbers(0, *image), numbers(1, *taps, image[-1], 3)
  direct = lambda x, kernel, padding: lax_conv(x, kernel, (1,) * len(padding), padding)

  def orders(function):
    score = lambda x, w: (jnp.tanh(function(x, w, padding)) ** 2).sum()
    penalty = lambda x, w: (jax.grad(score)(x, w) ** 2).sum()
    return jax.jit(
      lambda *given: (
        function(*given, padding),
        jax.grad(score, (0, 1))(*given),
        jax.grad(penalty, (0, 1))(*given),
      )
    )(x, kernel)

  # Act
  found, expected = map(jax.tree.leaves, (orders(conv_by_spectra), orders(direct)))
  # Assert
  for a, b in zip(found, expected, strict=True):
    np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max())


def test_the_spectrum_of_a_constant_kernel_is_a_constant():
  x, kernel = numbers(0, 2, 9, 6, 3), jnp.asarray(numbers(1, 5, 4, 3, 3))
  padding = ((2, 2), (2, 1))
  constant = jax.make_jaxpr(lambda x: conv_by_spectra(x, kernel, padding))(x)
  assert not any(array.shape == kernel.shape for array in constant.consts)
  given = jax.make_jaxpr(lambda x, w: conv_by_spectra(x, w, padding))(x, kernel)
  products = lambda made: sum(e.primitive.name == 'dot_general' for e in made.jaxpr.eqns)
  assert products(given) == products(constant) + 2


def test_a_stored_program_has_the_kernel_and_not_its_spectrum():
  kernel = jnp.asarray(numbers(2, 5, 5, 32, 32))
  shaped = lambda noise: noise.reshape(-1, 9, 9, 32)
  generate = lambda noise, *particle: convolutions.conv(shaped(noise), kernel, (1, 1))
  stored = program.stablehlo(generate, 9 * 9 * 32)
  assert kernel.nbytes < len(stored) < 1.2 * kernel.nbytes


def convolutions_of(x, kernel):
  """How many the compiler is given."""
  text = jax.jit(lambda x, w: convolutions.conv(x, w, (1, 1))).lower(x, kernel).as_text()
  return text.count('stablehlo.convolution')


def test_many_taps_and_channels_go_by_spectra():
  x = jnp.zeros((2, 9, 9, 32))
  many, few = jnp.zeros((5, 5, 32, 32)), jnp.zeros((3, 3, 32, 32))
  assert convolutions_of(x, many) == 0
  assert convolutions_of(x, few) == 1
  assert convolutions_of(x.astype(jnp.bfloat16), many.astype(jnp.bfloat16)) == 1
  for elsewhere in (convolutions.portable, convolutions.plain):
    with elsewhere():
      assert convolutions_of(x, many) == 1
