import functools
import subprocess
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from calojax.models import convolutions
from calojax.models.convolutions import Conv, ConvTranspose
from conftest import ROOT, many_devices

FUNCTIONS = {'conv': convolutions.conv, 'conv_transpose': convolutions.conv_transpose}
# x, kernel, strides, padding: sizes odd and down to one pixel, kernels of fewer, as many and more
# taps than the stride.
CASES = [
  ((2, 2, 2, 6), (3, 3), (2, 2), 'SAME'),
  ((2, 3, 3, 3), (3, 3), (2, 2), 'VALID'),
  ((1, 1, 1, 4), (3, 3), (1, 1), 'SAME'),
  ((2, 5, 7, 3), (4, 3), (3, 2), 'SAME'),
  ((2, 5, 4, 3), (3, 4), (3, 1), ((1, 2), (0, 3))),
  ((2, 5, 4, 3), (2, 3), (3, 3), 'SAME'),
  ((2, 4, 3, 3), (4, 4), (2, 2), ((3, 0), (-1, 2))),
  ((2, 3, 4, 3, 2), (3, 4, 2), (2, 1, 2), 'SAME'),
]

# Of stride 1: every fold of a 3D convolution (into the input, into the output, into columns),
# kernels that are even, flat, as deep as the input, pads that are uneven and negative; a large 2D
# kernel with and without padding.
UNSTRIDED = [
  ((2, 5, 4, 3, 2), (4, 3, 2), 3, 'SAME'),
  ((2, 5, 4, 3, 3), (3, 2, 3), 2, 'VALID'),
  ((2, 4, 4, 5, 1), (2, 3, 3), 4, ((1, 2), (0, 0), (0, 0))),
  ((1, 3, 4, 4, 5), (3, 1, 2), 5, ((2, 0), (-1, 1), (3, 0))),
  ((2, 3, 4, 3, 3), (2, 2, 2), 1, 'VALID'),
  ((2, 4, 4, 3, 2), (1, 3, 3), 3, 'SAME'),
  ((1, 4, 3, 3, 6), (4, 2, 2), 6, 'VALID'),
  ((2, 9, 7, 3), (6, 5), 4, 'VALID'),
  ((2, 6, 7, 3), (8, 8), 4, 'SAME'),
]


def normal(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def operands(x, taps, co=5):
  return normal(0, *x), normal(1, *taps, x[-1], co)


def close(a, b):
  scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(b))
  jax.tree.map(
    lambda left, right: np.testing.assert_allclose(left, right, rtol=0, atol=2e-5 * scale), a, b
  )


@pytest.mark.parametrize('name', FUNCTIONS)
@pytest.mark.parametrize('x, taps, strides, padding', CASES)
def test_fast_form_is_the_same_function(name, x, taps, strides, padding):
  # Arrange
  arguments = operands(x, taps)

  @functools.partial(jax.jit, static_argnums=0)
  def value_and_gradients(form):
    y, pull = jax.vjp(lambda x, w: FUNCTIONS[name](x, w, strides, padding, form), *arguments)
    return y, pull(jnp.cos(y))

  # Act
  fast, exact = value_and_gradients('fast'), value_and_gradients('lax')
  # Assert
  close(fast[0], exact[0])
  close(fast[1], exact[1])


@pytest.mark.parametrize('name', FUNCTIONS)
def test_second_order_is_the_same(name):
  x, kernel = operands((2, 3, 3, 4), (3, 3))

  def penalty(form):
    score = lambda x, w: (jnp.tanh(FUNCTIONS[name](x, w, (2, 2), 'VALID', form)) ** 2).sum()
    return jax.jit(jax.grad(lambda x, w: (jax.grad(score)(x, w) ** 2).sum(), (0, 1)))(x, kernel)

  close(penalty('fast'), penalty('lax'))


@pytest.mark.parametrize('x, taps, co, padding', UNSTRIDED)
def test_unstrided_convolutions_agree_to_second_order(x, taps, co, padding):
  arguments = operands(x, taps, co)

  @functools.partial(jax.jit, static_argnums=0)
  def orders(form):
    apply = lambda x, w: convolutions.conv(x, w, (1,) * len(taps), padding, form)
    score = lambda x, w: (jnp.tanh(apply(x, w)) ** 2).sum()
    penalty = lambda x, w: (jax.grad(score)(x, w) ** 2).sum()
    return (
      apply(*arguments),
      jax.grad(score, (0, 1))(*arguments),
      jax.grad(penalty, (0, 1))(*arguments),
    )

  for fast, exact in zip(orders('fast'), orders('lax')):
    close(fast, exact)


@pytest.mark.parametrize(
  'x, taps, strides', [((2, 3, 4, 3), (5, 5), (2, 2)), ((1, 2, 3, 2, 3), (4, 4, 4), (2, 2, 2))]
)
def test_phase_convolutions_agree_to_second_order(x, taps, strides):
  arguments = operands(x, taps)

  @functools.partial(jax.jit, static_argnums=0)
  def penalty(form):
    score = lambda x, w: (
      jnp.tanh(convolutions.conv_transpose(x, w, strides, 'SAME', form)) ** 2
    ).sum()
    return jax.grad(lambda x, w: (jax.grad(score)(x, w) ** 2).sum(), (0, 1))(*arguments)

  close(penalty('fast'), penalty('lax'))


@pytest.mark.parametrize('function', FUNCTIONS.values())
def test_no_3d_convolution_is_left(function):
  """Neither forward nor in the gradients: XLA:CPU has only naive loops for them."""
  x, kernel = operands((2, 4, 4, 4, 3), (4, 4, 4))
  strides = (1, 1, 1) if function is convolutions.conv else (2, 2, 2)
  gradients = jax.grad(lambda x, w: (function(x, w, strides, 'SAME', 'fast') ** 2).sum(), (0, 1))
  text = jax.jit(gradients).lower(x, kernel).as_text()
  windows = [line for line in text.splitlines() if 'stablehlo.convolution' in line]
  assert windows and not any('2, f]' in line for line in windows)


def test_forward_mode_is_the_same():
  x, kernel = operands((2, 3, 4, 4), (3, 3))
  up = lambda form: lambda w: convolutions.conv_transpose(x, w, (2, 2), 'SAME', form)
  jvp = lambda form: jax.jvp(up(form), (kernel,), (kernel**2,))
  close(jvp('fast'), jvp('lax'))


def test_phases_reach_every_output_once():
  """A kernel of ones at its stride tiles the plane: each input pixel becomes a block."""
  x = jnp.arange(6.0).reshape(1, 2, 3, 1)
  y = convolutions.conv_transpose(x, jnp.ones((2, 2, 1, 1)), (2, 2), 'SAME', 'fast')
  np.testing.assert_array_equal(y[0, :, :, 0], np.kron(x[0, :, :, 0], np.ones((2, 2))))


@pytest.mark.parametrize('ours, theirs', [(Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose)])
@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
@pytest.mark.parametrize('use_bias', [True, False])
def test_parameters_are_those_of_flax(ours, theirs, padding, use_bias):
  # Arrange
  x = normal(0, 2, 5, 4, 3)
  ours, theirs = (
    layer(6, (3, 3), strides=(2, 2), padding=padding, use_bias=use_bias) for layer in (ours, theirs)
  )
  # Act
  a, b = ours.init(jax.random.key(0), x), theirs.init(jax.random.key(0), x)
  # Assert
  assert jax.tree.structure(a) == jax.tree.structure(b)
  jax.tree.map(np.testing.assert_array_equal, a, b)
  b = jax.tree.map(lambda leaf: leaf + 0.5, b)  # a bias that is not zero
  close(jax.jit(ours.apply)(b, x), jax.jit(theirs.apply)(b, x))


@pytest.mark.parametrize('ours, theirs', [(Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose)])
def test_spectral_norm_divides_the_same_kernel(ours, theirs):
  x = normal(0, 2, 4, 4, 3)
  layers = [
    nn.SpectralNorm(layer(6, (3, 3), strides=(2, 2), name='layer')) for layer in (ours, theirs)
  ]
  outputs = []
  for layer in layers:
    variables = layer.init(jax.random.key(0), x, update_stats=False)
    outputs.append(layer.apply(variables, x, update_stats=True, mutable=['batch_stats']))
  leaves = [jax.tree.leaves(output) for output in outputs]
  assert len(leaves[0]) == len(leaves[1])
  close(leaves[0], leaves[1])


@pytest.mark.parametrize('layer', [Conv, ConvTranspose])
@pytest.mark.parametrize('form', ['lax', 'fast'])
def test_bfloat16_computes_and_keeps_float32_parameters(layer, form):
  x = normal(0, 2, 3, 3, 8)
  layer, exact = (
    layer(6, (3, 3), strides=(2, 2), padding='VALID', dtype=dtype, form=form)
    for dtype in (jnp.bfloat16, None)
  )
  variables = layer.init(jax.random.key(0), x)
  y = layer.apply(variables, x)
  assert y.dtype == jnp.bfloat16 and {leaf.dtype for leaf in jax.tree.leaves(variables)} == {
    jnp.dtype('float32')
  }
  np.testing.assert_allclose(y.astype(jnp.float32), exact.apply(variables, x), atol=0.05)


def test_unknown_names_are_refused():
  x, kernel = operands((1, 2, 2, 1), (3, 3))
  for function in FUNCTIONS.values():
    with pytest.raises(ValueError, match="'winograd'.*auto, lax, fast"):
      function(x, kernel, (2, 2), 'SAME', 'winograd')
  with pytest.raises(ValueError, match="'FULL'.*SAME, VALID"):
    convolutions.conv_transpose(x, kernel, (2, 2), 'FULL', 'fast')


def test_auto_is_fast_on_a_cpu_alone(monkeypatch):
  assert convolutions.chosen('auto') == 'fast'
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  assert convolutions.chosen('auto') == 'lax'


def test_fast_form_has_no_dilated_convolution():
  """Neither forward nor in the gradients: those are the slow ones."""
  x, kernel = operands((2, 4, 4, 3), (3, 3))
  gradients = jax.grad(
    lambda x, w: (convolutions.conv_transpose(x, w, (2, 2), 'SAME', 'fast') ** 2).sum(), (0, 1)
  )
  assert 'convolution' not in jax.jit(gradients).lower(x, kernel).as_text()


def test_exported_function_takes_any_batch():
  x, kernel = operands((3, 4, 4, 3), (3, 3))
  function = jax.jit(lambda x: convolutions.conv_transpose(x, kernel, (2, 2), 'SAME', 'fast'))
  shape = jax.ShapeDtypeStruct(export.symbolic_shape('b, 4, 4, 3'), jnp.float32)
  y = export.export(function)(shape).call(x)
  np.testing.assert_array_equal(y, function(x))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from calojax.models.convolutions import conv, conv_transpose
assert jax.device_count() == 8
mesh = jax.make_mesh((8,), ('data',), axis_types=(AxisType.Auto,))
x = jax.random.normal(jax.random.key(0), (16, 2, 2, 6))
w = [jax.random.normal(jax.random.key(i), (3, 3, 6, 6)) for i in (1, 2)]
w.append(jax.random.normal(jax.random.key(3), (9, 9, 6, 32)))  # by spectra
upsampled = lambda w, x: conv(conv_transpose(x, w[0], (2, 2)), w[1], (2, 2), 'VALID')
loss = lambda w, x: jnp.sin(upsampled(w, x)).sum() + jnp.sin(conv(x, w[2], (1, 1))).sum()
f = jax.jit(jax.value_and_grad(loss))
split = f(w, jax.device_put(x, NamedSharding(mesh, PartitionSpec('data'))))
jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3), split, f(w, x))
text = f.lower(w, jax.device_put(x, NamedSharding(mesh, PartitionSpec('data')))).compile().as_text()
assert 'all-gather' not in text and 'all-to-all' not in text
"""


def test_sharded_batch_stays_split():
  subprocess.run([sys.executable, '-c', SHARDED], check=True, cwd=ROOT, env=many_devices(8))


@pytest.mark.skipif(sys.platform != 'linux', reason='counts page faults of Linux')
def test_freed_memory_is_kept():
  program = """
import resource, numpy as np
from calojax.training.allocation import keep_freed_memory
kept = keep_freed_memory()
[np.ones(2**24, np.uint8) for _ in range(3)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
  np.ones(2**24, np.uint8)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
  kept, faults = subprocess.run(
    [sys.executable, '-c', program], check=True, cwd=ROOT, capture_output=True, text=True
  ).stdout.split()
  assert (
    kept == 'False' or int(faults) < 4000
  )  # 16 MiB are 4096 pages: not even one round of them again
