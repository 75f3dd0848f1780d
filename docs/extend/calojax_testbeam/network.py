"""A generator whose showers are sums of a few products of a profile along x and one along y."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.layers import sparse_relu


class Generator(nn.Module):
  """Noise and condition -> cells of all layers, in network space (>= 0).

  Attributes:
    grids: shape of each layer.
    width: of the two dense layers.
    rank: products that a layer is the sum of.
  """

  grids: tuple[tuple[int, int], ...]
  width: int = 64
  rank: int = 4
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool
  ) -> Float[Array, 'b v']:
    """Cells of all layers, one after the other."""
    x = jnp.concatenate([z, condition], axis=-1).astype(self.dtype)
    for _ in range(2):
      x = jax.nn.leaky_relu(nn.Dense(self.width, dtype=self.dtype)(x), 0.2)
    profile = lambda n: nn.Dense(self.rank * n, dtype=self.dtype)(x).reshape(-1, self.rank, n)
    layers = [jnp.einsum('brx,bry->bxy', profile(nx), profile(ny)) for nx, ny in self.grids]
    cells = jnp.concatenate([layer.reshape(layer.shape[0], -1) for layer in layers], axis=-1)
    return sparse_relu(cells.astype(jnp.float32))
