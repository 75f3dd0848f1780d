"""Building blocks that several networks share."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Normalised(nn.Module):
  """The layer, with spectral normalisation or without: the only place that knows of it (Miyato et al. 2018).

  One power iteration an update; the vectors live in the collection `spectral`, not among the batch statistics.
  """

  layer: nn.Module
  spectral: bool

  @nn.compact
  def __call__(self, x: Array, train: bool) -> Array:
    if not self.spectral:
      return self.layer(x)
    return nn.SpectralNorm(self.layer, collection_name='spectral')(x, update_stats=train)


class SelfAttention(nn.Module):
  """x + scale * attention(x) over the pixels of an image (Zhang et al. 2018; Rogachev and Ratnikov 2021).

  f, g: 1x1 convolutions to C/8; weights softmax_i(f(x_i) . g(x_j)); value: 1x1 convolution; the learnt scale starts at 0, so that
  the layer begins as the identity.
  """

  spectral: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Float[Array, 'b h w c'], train: bool) -> Float[Array, 'b h w c']:
    channels = x.shape[-1]
    pixels = x.reshape(x.shape[0], -1, channels)
    dense = lambda width, name: Normalised(nn.Dense(width, use_bias=False, dtype=self.dtype), self.spectral, name=name)(pixels, train)
    f, g, value = dense(max(channels // 8, 1), 'f'), dense(max(channels // 8, 1), 'g'), dense(channels, 'value')
    weights = jax.nn.softmax(jnp.einsum('bjc,bic->bji', g, f).astype(jnp.float32), axis=-1).astype(self.dtype)
    scale = self.param('scale', nn.initializers.zeros, ()).astype(self.dtype)
    return x + scale * jnp.einsum('bji,bic->bjc', weights, value).reshape(x.shape)


def sparse_relu(x: Array) -> Array:
  """max(x, 0) with the gradient of a leaky ReLU (slope 0.1): exact zeros out, but a cell that has gone dark can light up again.

  With a plain ReLU no gradient reaches a cell that the discriminator has switched off for every shower.
  """
  leaky = jax.nn.leaky_relu(x, 0.1)
  return leaky + jax.lax.stop_gradient(jax.nn.relu(x) - leaky)


def single(grids: tuple[tuple[int, int], ...]) -> tuple[int, int]:
  """The cells along x and y of a single-layer calorimeter; ValueError if there are several layers."""
  if len(grids) != 1:
    raise ValueError(f'{len(grids)} layers of {", ".join(f"{w}x{h}" for w, h in grids[:4])} cells, expected 1 layer for this network')
  return grids[0]
