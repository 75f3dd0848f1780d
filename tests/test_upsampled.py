import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.models.convolutions import Conv, conv
from calojax.models.upsampled import conv_of_repeated, shared_taps

CASES = {  # cells, taps, times, padding
  'Conv3D, second': ((8, 7, 7), (8, 6, 5), (2, 2, 2), ((0, 0), (2, 2), (2, 2))),
  'Conv3D, third': ((3, 4, 5), (8, 3, 3), (3, 2, 2), ((3, 3), (1, 1), (0, 0))),
  'uneven': ((4, 5, 3), (2, 3, 1), (1, 2, 3), ((0, 1), (1, 0), (4, 2))),
  'plane': ((6, 5), (3, 4), (2, 3), ((1, 1), (0, 5))),
  'not repeated': ((4, 4), (3, 3), (1, 1), ((1, 1), (1, 1))),
}


def repeated(x, times):
  """Every cell as many times along its axis."""
  for axis, t in enumerate(times, start=1):
    x = jnp.repeat(x, t, axis)
  return x


def close(found, expected):
  scale = float(jnp.abs(expected).max())
  np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize('form', ['fast', 'lax'])
@pytest.mark.parametrize('cells, taps, times, padding', CASES.values(), ids=CASES)
def test_it_is_the_convolution_of_the_repeated_image(cells, taps, times, padding, form):
  # Arrange
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.normal(size=(2, *cells, 3)), jnp.float32)
  kernel = jnp.asarray(rng.normal(size=(*taps, 3, 2)) / np.prod(taps) ** 0.5, jnp.float32)
  ones = (1,) * len(cells)
  convolve = functools.partial(conv, form=form)
  ours = lambda x, k: conv_of_repeated(convolve, x, k, times, padding)
  plain = lambda x, k: conv(repeated(x, times), k, ones, padding, 'lax')

  def orders(function):
    score = lambda x, k: (jnp.tanh(function(x, k)) ** 2).sum()
    penalty = lambda x, k: (jax.grad(score)(x, k) ** 2).sum()
    return jax.jit(
      lambda x, k: (function(x, k), *jax.grad(score, (0, 1))(x, k), jax.grad(penalty, 1)(x, k))
    )(x, kernel)

  # Act, Assert
  for found, expected in zip(orders(ours), orders(plain), strict=True):
    assert found.shape == expected.shape
    close(found, expected)


def test_every_tap_lies_on_one_cell():
  for taps, times in ((8, 2), (3, 5), (1, 1)):
    assert (shared_taps(taps, times).sum(1) == 1).all()


def test_parameters_are_those_of_the_convolution():
  """Checkpoints interchange: the kernel is that of the repeated image."""
  x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 3, 4, 2)), jnp.float32)
  pads = ((1, 1), (0, 2))
  ours, plain = (Conv(3, (3, 3), padding=pads, repeated=times) for times in ((2, 3), ()))
  variables = ours.init(jax.random.key(0), x)
  close(ours.apply(variables, x), plain.apply(variables, repeated(x, (2, 3))))
