"""The shared layers against answers known by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from calojax.models.layers import (
  AttentionBetweenLayers,
  LocallyConnected,
  MinibatchDiscrimination,
  Normalised,
  SelfAttention,
  blur,
  occupancy,
  resize,
  soft_sparsity,
  sparse_relu,
)
from conftest import network


def test_attention_starts_as_the_identity_and_then_mixes_every_pixel():
  x = jax.random.normal(jax.random.key(0), (2, 4, 4, 16))
  layer = network(SelfAttention())
  variables = layer.init(jax.random.key(1), x, True)
  np.testing.assert_array_equal(layer.apply(variables, x, True), x)
  variables['params']['scale'] = jnp.ones(())
  moved = layer.apply(variables, x.at[0, 0, 0].add(5.0), True) - layer.apply(variables, x, True)
  assert (jnp.abs(moved[0]).max(-1) > 1e-6).all(), 'a change in one pixel must reach all'
  assert float(jnp.abs(moved[1]).max()) == 0, 'and no other shower'


def test_attention_knows_no_pixel_order():
  x = jax.random.normal(jax.random.key(0), (1, 3, 3, 8))
  layer = network(SelfAttention())
  variables = layer.init(jax.random.key(1), x, True)
  variables['params']['scale'] = jnp.ones(())
  flipped = layer.apply(variables, x[:, ::-1], True)[:, ::-1]
  np.testing.assert_allclose(flipped, layer.apply(variables, x, True), atol=1e-6)


def test_spectral_norm_converges_to_the_largest_singular_value():
  x = jnp.eye(6)
  layer = Normalised(nn.Dense(5, use_bias=False), spectral=True)
  variables = layer.init(jax.random.key(0), x, True)
  assert set(variables) == {'params', 'spectral'}
  for _ in range(100):
    y, updates = layer.apply(variables, x, True, mutable=['spectral'])
    variables = {**variables, **updates}
  assert abs(np.linalg.norm(y, 2) - 1) < 1e-4
  kernel = jax.tree.leaves(variables['params'])[0]
  sigma = [leaf for leaf in jax.tree.leaves(variables['spectral']) if leaf.ndim == 0][0]
  np.testing.assert_allclose(sigma, np.linalg.norm(kernel, 2), rtol=1e-4)


def test_spectral_state_is_still_outside_training():
  layer = Normalised(nn.Dense(5), spectral=True)
  variables = layer.init(jax.random.key(0), jnp.ones((1, 6)), True)
  _, updates = layer.apply(variables, jnp.ones((1, 6)), False, mutable=['spectral'])
  jax.tree.map(np.testing.assert_array_equal, updates['spectral'], variables['spectral'])


@pytest.mark.parametrize(
  'size, strides, padding',
  [
    ((2, 2), 1, 'VALID'),
    ((3, 3), (2, 1), ((1, 1), (1, 1))),
    ((2, 3), (1, 2), 'SAME'),
    ((1, 1), 1, 'SAME'),
  ],
)
def test_locally_connected_is_flax_conv_local(size, strides, padding):
  x = jax.random.normal(jax.random.key(0), (3, 6, 5, 2))
  ours = network(LocallyConnected(4, size, strides, padding))
  theirs = network(nn.ConvLocal(4, size, strides, padding))
  variables = ours.init(jax.random.key(1), x)
  variables['params']['bias'] = jax.random.normal(
    jax.random.key(2), variables['params']['bias'].shape
  )
  assert jax.tree.map(jnp.shape, variables) == jax.tree.map(
    jnp.shape, theirs.init(jax.random.key(1), x)
  )

  def outcome(layer):
    y, gradient = jax.vjp(layer.apply, variables, x)
    return [y, *jax.tree.leaves(gradient(jnp.cos(y)))]

  for a, b in zip(outcome(ours), outcome(theirs), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_locally_connected_starts_with_outputs_of_unit_size_on_any_image():
  for shape in ((200, 4, 4, 8), (200, 20, 20, 8)):
    x = jax.random.normal(jax.random.key(0), shape)
    y, _ = LocallyConnected(3, (2, 2), padding='VALID').init_with_output(jax.random.key(1), x)
    assert abs(float(y.std()) - 1) < 0.15


def test_locally_connected_refuses_an_image_under_its_kernel():
  with pytest.raises(ValueError, match='2x5 pixels.*3x3'):
    LocallyConnected(1, (3, 3), padding='VALID').init(jax.random.key(0), jnp.ones((1, 2, 5, 1)))


@jax.jit
def closeness(x):
  return MinibatchDiscrimination().init_with_output(jax.random.key(0), x)[0]


def test_minibatch_discrimination_counts_the_others_that_are_alike():
  x = jax.random.normal(jax.random.key(1), (6, 20))
  assert closeness(x).shape == (6, 10)
  np.testing.assert_array_equal(closeness(jnp.broadcast_to(x[:1], x.shape)), np.full((6, 10), 5.0))
  np.testing.assert_array_equal(closeness(1e4 * x), np.zeros((6, 10)))
  groups = closeness(1e4 * x[jnp.array([0, 0, 0, 1, 2, 2])])
  np.testing.assert_allclose(groups, np.repeat([2, 2, 2, 0, 1, 1], 10).reshape(6, 10), atol=1e-6)
  assert float(closeness(x[:1]).max()) == 0, 'a shower alone has no neighbour'


def test_minibatch_discrimination_against_its_definition_and_permuted():
  x = jax.random.normal(jax.random.key(1), (5, 4))
  layer = network(MinibatchDiscrimination(3, 2))
  variables = layer.init(jax.random.key(0), x)
  y = layer.apply(variables, x)
  m = np.einsum('bf,fkd->bkd', x, variables['params']['tensor'])
  expected = [
    [sum(np.exp(-np.abs(m[i, k] - m[j, k]).sum()) for j in range(5) if j != i) for k in range(3)]
    for i in range(5)
  ]
  np.testing.assert_allclose(y, expected, rtol=1e-5)
  order = jnp.array([3, 1, 4, 0, 2])
  np.testing.assert_allclose(layer.apply(variables, x[order]), y[order], rtol=1e-5)


def test_minibatch_discrimination_pushes_a_collapsed_batch_apart_once_it_differs():
  x = jax.random.normal(jax.random.key(1), (1, 20)) + 0.01 * jax.random.normal(
    jax.random.key(2), (8, 20)
  )
  total = jax.jit(jax.value_and_grad(lambda x: closeness(x).sum()))
  value, gradient = total(x)
  assert np.isfinite(gradient).all()
  assert total(x - 0.01 * gradient)[0] < value
  assert np.isfinite(total(jnp.ones((8, 20)))[1]).all()


def test_soft_sparsity_has_the_values_of_the_authors_code():
  x = jnp.array([[0.0], [-0.0], [0.001], [0.5], [2.0], [-0.5]])
  np.testing.assert_allclose(soft_sparsity(x), [0, 0, 0.00315, 0.366, 0.985, 0.366], rtol=1e-3)
  assert abs(float(soft_sparsity(x.T)[0]) - np.mean([0, 0, 0.00315, 0.366, 0.985, 0.366])) < 1e-4


def test_soft_sparsity_stays_close_to_the_exact_power_near_zero():
  x = np.logspace(-12, 0.5, 500)
  s = x**6 + x ** (1 / 1.2)
  values = np.asarray(
    jax.vmap(lambda x: soft_sparsity(x[None, None])[0])(jnp.asarray(x, jnp.float32))
  )
  np.testing.assert_allclose(values, s / (1 + s), atol=3e-4)
  assert (np.diff(values) > 0).all()


HARD = [0.0, -0.0, 1e-45, 1e-30, 1e-6, 1e-3, 1.0, 50.0, 100.0, 1e6, 1e30, 3e38, -1e-30, -2.0, -1e30]


@pytest.mark.parametrize('order', [1, 2])
def test_soft_sparsity_has_finite_gradients_everywhere(order):
  one = lambda x: soft_sparsity(x[None, None])[0]
  derivative = jax.grad(one) if order == 1 else jax.grad(jax.grad(one))
  values = jax.jit(jax.vmap(derivative))(jnp.array(HARD))
  assert np.isfinite(values).all(), values
  assert float(jnp.abs(values).max()) < (4 if order == 1 else 1000)


def test_soft_sparsity_tells_a_dark_cell_to_light_up():
  gradient = jax.jit(jax.grad(lambda x: soft_sparsity(x).sum()))(
    jnp.array([[0.0, -0.0, 1e-5, 0.3, -0.3]])
  )[0]
  assert (gradient[:4] > 0.1).all() and float(gradient[4]) < 0
  dark = jnp.full((2, 4), -0.2)
  through = jax.jit(jax.grad(lambda x: soft_sparsity(sparse_relu(x)).sum()))(dark)
  assert (through > 0).all(), 'and the generator behind its ReLU hears it'


def test_occupancy_counts_lit_cells():
  np.testing.assert_allclose(occupancy(jnp.array([[0.0, 1e-30, 2.0, 0.0], [0.0] * 4])), [0.5, 0])


@pytest.mark.parametrize('size', [(1, 1), (3, 1), (2, 2), (3, 5)])
def test_blur_is_the_mean_over_its_window(size):
  x = jax.random.normal(jax.random.key(0), (2, 7, 6, 3))
  y = blur(x, size)
  low = [(n - 1) // 2 for n in size]
  padded = np.pad(
    x, ((0, 0), (low[0], size[0] - 1 - low[0]), (low[1], size[1] - 1 - low[1]), (0, 0))
  )
  expected = [
    [padded[:, i : i + size[0], j : j + size[1]].mean((1, 2)) for j in range(6)] for i in range(7)
  ]
  np.testing.assert_allclose(y, np.moveaxis(np.array(expected), 2, 0), atol=1e-6)
  inner = jnp.zeros((1, 9, 9, 1)).at[0, 4, 4, 0].set(1.0)
  np.testing.assert_allclose(blur(inner, size).sum(), 1, rtol=1e-6)


def test_resize_repeats_and_averages():
  x = jax.random.normal(jax.random.key(0), (2, 8, 3, 1))
  np.testing.assert_allclose(
    resize(x, (4, 6)), np.repeat(np.asarray(x).reshape(2, 4, 2, 3, 1).mean(2), 2, axis=2), atol=1e-6
  )
  np.testing.assert_allclose(resize(x, (8, 3)), x, atol=1e-6)
  np.testing.assert_allclose(resize(x, (5, 7)).mean((1, 2)), x.mean((1, 2)), atol=1e-6)
  np.testing.assert_allclose(
    resize(jnp.ones((1, 96, 3, 1)), (12, 12)), np.ones((1, 12, 12, 1)), rtol=1e-5
  )


@pytest.mark.parametrize('convolutional', [False, True])
def test_attention_between_layers_takes_a_weighted_mean(convolutional):
  layer = network(AttentionBetweenLayers(convolutional))
  image, earlier = (
    jax.random.normal(jax.random.key(i), (2, *grid, 1)) for i, grid in enumerate(((4, 4), (8, 2)))
  )
  variables = jax.jit(layer.init)(jax.random.key(2), image, earlier)
  y = jax.jit(layer.apply)(variables, image, earlier)
  carried = resize(earlier, (4, 4))
  assert (y >= jnp.minimum(image, carried) - 1e-6).all() and (
    y <= jnp.maximum(image, carried) + 1e-6
  ).all()
  np.testing.assert_allclose(
    layer.apply(variables, carried, earlier),
    carried,
    atol=1e-6,
    err_msg='the weights must sum to 1',
  )
  variables = jax.tree.map(jnp.zeros_like, variables)
  weight = 1 / (1 + np.exp(2))
  np.testing.assert_allclose(
    layer.apply(variables, image, earlier), (1 - weight) * image + weight * carried, atol=1e-6
  )
  tilt = lambda path, leaf: leaf + jnp.array([-30.0, 30.0]) * ('bias' in str(path[-1]))
  bias = jax.tree_util.tree_map_with_path(tilt, variables)
  np.testing.assert_allclose(
    layer.apply(bias, image, earlier), carried, atol=1e-6, err_msg='the second is the earlier'
  )


def test_only_the_convolutional_attention_knows_no_place():
  x = jax.random.normal(jax.random.key(0), (1, 12, 12, 1))
  for convolutional in (False, True):
    layer = network(AttentionBetweenLayers(convolutional))
    variables = jax.jit(layer.init)(jax.random.key(1), x, x[:, ::-1])
    y = jax.jit(layer.apply)(variables, x, x[:, ::-1])
    moved = layer.apply(variables, jnp.roll(x, 3, axis=2), jnp.roll(x[:, ::-1], 3, axis=2))
    same = np.allclose(jnp.roll(y, 3, axis=2)[:, :, 4:-1], moved[:, :, 4:-1], atol=1e-5)
    assert same == convolutional
