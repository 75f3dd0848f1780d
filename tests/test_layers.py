"""Self-attention and spectral normalisation against answers known by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from calojax.models.layers import Normalised, SelfAttention
from flax import linen as nn


def test_attention_starts_as_the_identity_and_then_mixes_every_pixel():
  x = jax.random.normal(jax.random.key(0), (2, 4, 4, 16))
  layer = SelfAttention()
  variables = layer.init(jax.random.key(1), x, True)
  np.testing.assert_array_equal(layer.apply(variables, x, True), x)
  variables['params']['scale'] = jnp.ones(())
  moved = layer.apply(variables, x.at[0, 0, 0].add(5.0), True) - layer.apply(variables, x, True)
  assert (jnp.abs(moved[0]).max(-1) > 1e-6).all(), 'a change in one pixel must reach all'
  assert float(jnp.abs(moved[1]).max()) == 0, 'and no other shower'


def test_attention_knows_no_pixel_order():
  x = jax.random.normal(jax.random.key(0), (1, 3, 3, 8))
  layer = SelfAttention()
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
