"""The Conv3D and Conv2D GANs on 25 layers of 25x25 cells."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_upsampled import repeated

from calojax.models import conv2d, conv3d

GRIDS = ((25, 25),) * 25
TINY = {
  'conv3d': (
    conv3d.Generator(GRIDS, channels=(1, 2, 2, 1)),
    conv3d.Discriminator(GRIDS, channels=(2, 1), targets=1),
  ),
  'conv2d': (conv2d.Generator(GRIDS, width=4), conv2d.Discriminator(GRIDS, width=4, targets=1)),
}
FULL = {
  'conv3d': (conv3d.Generator(GRIDS), conv3d.Discriminator(GRIDS, targets=1)),
  'conv2d': (conv2d.Generator(GRIDS), conv2d.Discriminator(GRIDS, targets=1)),
}
KEYS = {
  name: jax.random.key(i, impl='rbg') for i, name in enumerate(('params', 'dropout'))
}  # compiles faster


def size(tree) -> int:
  return sum(leaf.size for leaf in jax.tree.leaves(tree))


def noise(b=2, m=1, latent=200):
  rng = np.random.default_rng(0)
  return jnp.asarray(rng.normal(size=(b, latent)), jnp.float32), jnp.asarray(
    rng.uniform(0.5, 2, (b, m)), jnp.float32
  )


@functools.cache
def initialised(name: str):
  """Variables of the tiny generator and discriminator, for one condition."""
  # Inputs are arguments of the compiled function: as constants XLA would fold them through every
  # convolution.
  init = lambda network, *inputs: jax.jit(network.init, static_argnums=3)(KEYS, *inputs, False)
  z, condition = noise()
  return init(TINY[name][0], z, condition), init(TINY[name][1], jnp.ones((2, 15625)), condition)


def shapes_of(network, *arguments):
  return jax.eval_shape(lambda: network.init(KEYS, *arguments, True))


@pytest.mark.parametrize(
  'name, learnt, total, dense',
  [
    ('conv3d', 872_808, 872_948, 630_336),
    ('conv2d', 2_053_446, 2_055_324, 25_125),
  ],
)
def test_generator_has_the_papers_parameters(name, learnt, total, dense):
  variables = shapes_of(FULL[name][0], *noise())
  assert (size(variables['params']), size(variables)) == (learnt, total)
  assert size(variables['params']['Dense_0']) == dense


@pytest.mark.parametrize('name, learnt', [('conv3d', 404_642), ('conv2d', 714_350)])
def test_discriminator_parameters(name, learnt):
  assert size(shapes_of(FULL[name][1], jnp.zeros((2, 15625)), noise()[1])['params']) == learnt


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize('name', TINY)
def test_outputs_have_their_shape_range_and_dtype(name, dtype):
  # Arrange
  generator, discriminator = (network.clone(dtype=dtype) for network in TINY[name])
  z, condition = noise()
  g, d = initialised(name)
  # Act
  x = jax.jit(generator.apply, static_argnums=3)(g, z, condition, False)
  heads = jax.jit(discriminator.apply, static_argnums=3)(d, x, condition, False)
  # Assert
  assert x.shape == (2, 15625) and x.dtype == jnp.float32 and np.isfinite(x).all()
  assert (np.asarray(x) >= 0).all() and (np.asarray(x) == 0).any() and (np.asarray(x) > 0).any()
  assert {name: head.shape for name, head in heads.items()} == {'score': (2,), 'targets': (2, 1)}
  assert all(head.dtype == jnp.float32 and np.isfinite(head).all() for head in heads.values())


@pytest.mark.parametrize('name', TINY)
def test_gradients_are_finite_and_reach_every_parameter(name):
  generator, discriminator = TINY[name]
  z, condition = noise(4)

  def loss(g, d, moments):
    x, _ = generator.apply(
      {'params': g, **moments[0]}, z, condition, True, rngs=KEYS, mutable=['batch_stats']
    )
    heads, _ = discriminator.apply(
      {'params': d, **moments[1]}, x, condition, True, rngs=KEYS, mutable=['batch_stats']
    )
    return jax.nn.softplus(heads['score']).sum() + (heads['targets'] ** 2).sum()

  g, d = initialised(name)
  moments = [
    {'batch_stats': tree['batch_stats']} if 'batch_stats' in tree else {} for tree in (g, d)
  ]
  gradients = jax.jit(jax.grad(loss, (0, 1)))(g['params'], d['params'], moments)
  for leaf in jax.tree.leaves(gradients):
    assert np.isfinite(leaf).all() and np.any(leaf)


@pytest.mark.parametrize('name', TINY)
def test_energy_only_scales_the_noise(name):
  """One condition: z at twice the energy is twice z at the same."""
  z, condition = noise()
  apply = functools.partial(jax.jit(TINY[name][0].apply, static_argnums=3), initialised(name)[0])
  np.testing.assert_allclose(
    apply(2 * z, condition, False), apply(z, 2 * condition, False), rtol=1e-5, atol=1e-6
  )


@pytest.mark.parametrize('name', TINY)
def test_other_grids_are_refused(name):
  for network in TINY[name]:
    with pytest.raises(ValueError, match='25 layers of 25x25 cells, not 3 of 96x3, 12x12'):
      shapes_of(
        network.clone(grids=((96, 3), (12, 12), (12, 12))), jnp.zeros((1, 15625)), jnp.ones((1, 1))
      )


def paper_conv3d(params, z):
  """The generator as the papers write it, (x, y, depth), from stock operations; batch norm at its
  start, the identity.
  """

  def conv(x, layer, pads):
    kernel = layer['kernel'].transpose(1, 2, 0, 3, 4)
    x = jax.lax.conv_general_dilated(
      x, kernel, (1, 1, 1), pads, dimension_numbers=('NDHWC', 'DHWIO', 'NDHWC')
    )
    return x + layer.get('bias', 0)

  leaky = lambda x: jnp.where(x > 0, x, 0.3 * x)
  layers = [params[f'Conv_{i}'] for i in range(4)]
  x = (
    (z @ params['Dense_0']['kernel'] + params['Dense_0']['bias'])
    .reshape(-1, 8, 7, 7, 1)
    .transpose(0, 2, 3, 1, 4)
  )
  x = leaky(conv(x, layers[0], 'SAME'))
  x = leaky(conv(repeated(x, (2, 2, 2)), layers[1], ((2, 2), (2, 2), (0, 0))))
  x = leaky(conv(repeated(x, (2, 2, 3)), layers[2], ((1, 1), (0, 0), (3, 3))))
  return jnp.maximum(conv(x, layers[3], 'VALID'), 0)[..., 0]


def test_conv3d_is_the_papers_network_with_the_layers_in_front():
  # Arrange
  generator, (z, condition) = TINY['conv3d'][0], noise()
  variables = initialised('conv3d')[0]
  # Act
  x = jax.jit(generator.apply, static_argnums=3)(variables, z, condition, False).reshape(
    -1, 25, 25, 25
  )
  expected = jax.jit(paper_conv3d)(variables['params'], z * condition)
  # Assert
  np.testing.assert_allclose(x.transpose(0, 2, 3, 1), expected, atol=1e-4 * float(expected.max()))


def test_conv2d_channels_are_the_layers():
  """A last kernel that feeds channel 7 alone lights up layer 7 alone."""
  generator, (z, condition) = TINY['conv2d'][0], noise()
  variables = initialised('conv2d')[0]
  last = {'kernel': jnp.zeros((3, 3, 75, 25)).at[..., 7].set(1.0)}
  variables = variables | {'params': variables['params'] | {'Conv_0': last}}
  x = jax.jit(generator.apply, static_argnums=3)(variables, z, condition, False).reshape(
    -1, 25, 625
  )
  assert [i for i in range(25) if np.any(x[:, i])] == [7]


def test_branches_see_each_axis_as_channels_and_give_it_back():
  cube = jnp.arange(24.0).reshape(1, 2, 3, 4)
  turns = [conv2d.turned(cube, i) for i in range(3)]
  assert sorted(turn.shape[-1] for turn in turns) == [2, 3, 4]
  for i, turn in enumerate(turns):
    np.testing.assert_array_equal(conv2d.turned(turn, -i), cube)


def test_the_branches_of_the_generator_meet_in_the_same_axes(monkeypatch):
  """With a branch that only enlarges its cube, the three must give the same cube."""
  monkeypatch.setattr(
    conv2d.Generator,
    'branch',
    lambda self, x, train: repeated(x, (5, 5, 5)),
  )
  generator = conv2d.Generator(GRIDS)
  z, condition = jax.random.normal(jax.random.key(0), (2, 8)), jnp.ones((2, 1))
  variables = generator.init(jax.random.key(1), z, condition, False)
  for other in (1, 2):
    kernel = np.zeros((3, 3, 75, 25), np.float32)  # its middle tap: the first less another
    kernel[1, 1, :25], kernel[1, 1, 25 * other :][:25] = np.eye(25), -np.eye(25)
    params = {**variables['params'], 'Conv_0': {'kernel': jnp.asarray(kernel)}}
    x = generator.apply({'params': params}, z, condition, False)
    np.testing.assert_allclose(np.asarray(x), 0, atol=1e-6)
  kernel[1, 1, 25:] = 0
  params = {**variables['params'], 'Conv_0': {'kernel': jnp.asarray(kernel)}}
  assert np.asarray(generator.apply({'params': params}, z, condition, False)).max() > 0.1


def test_mean_pool_is_the_stock_operation():
  x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5, 4, 2)), jnp.float32)
  np.testing.assert_allclose(
    conv3d.mean_pool(x), nn.avg_pool(x, (2, 2, 2), (2, 2, 2)), rtol=1e-5, atol=1e-6
  )


@pytest.mark.parametrize('name', TINY)
def test_regressor_is_not_shown_the_condition(name):
  """It would copy it; the score may use it."""
  condition = noise()[1]
  apply = jax.jit(TINY[name][1].apply, static_argnums=3)
  one, other = (
    apply(initialised(name)[1], jnp.ones((2, 15625)), c, False) for c in (condition, condition + 1)
  )
  np.testing.assert_array_equal(one['targets'], other['targets'])
  assert not np.allclose(one['score'], other['score'])


@pytest.mark.parametrize('name', TINY)
def test_further_conditions_join_the_noise(name):
  variables = shapes_of(TINY[name][0], *noise(m=3))
  assert variables['params']['Dense_0']['kernel'].shape[0] == 202
