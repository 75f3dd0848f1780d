"""The convolutional GAN of Rogachev and Ratnikov (2022): one generator and one discriminator whose
flags are the rows of its Table 1.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv, ConvTranspose
from calojax.models.hearing import film, heard
from calojax.models.hurdle import HEADS
from calojax.models.layers import (
  BEGUN,
  Normalised,
  SelfAttention,
  activated,
  gain,
  single,
  sparse_relu,
)


class Generator(nn.Module):
  """Noise and condition -> shower image, in network space (>= 0).

  Dense -> four transposed 3x3 convolutions of stride 2, batch norm and ReLU between them, ReLU at
  the end (exact zeros), cropped to the grid. With a grid of 30x30, 256 latent variables and 5
  conditions: 656,321 parameters.

  Attributes:
    grids: cells along x and y of the one layer.
    channels: of the first image and of those after the first three transposed convolutions.
    attention: self-attention after the second transposed convolution (8x8 pixels on a 30x30 grid).
    spectral: spectral normalisation of every weight.
    framed: for hurdle cells, see `models.framed`: `[b, v, HEADS]`, no norm of the batch, leaky
      ReLUs, a start that keeps the scale without a norm, the first layer and the last never
      normalised.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, ...] = (256, 128, 64, 32)
  attention: bool = False
  spectral: bool = False
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Array:
    grid = single(self.grids)
    upscale = 2 ** len(self.channels)
    # Rounded up, and cropped at the end: 30 cells are no multiple of 16.
    start = tuple(math.ceil(n / upscale) for n in grid)
    normalised = lambda layer, spectral=self.spectral: Normalised(layer, spectral)
    ends = self.spectral and not self.framed
    begun = lambda variance: gain(variance if self.framed else 1)
    x = jnp.concatenate([z, condition], axis=-1).astype(self.dtype)
    dense = nn.Dense(math.prod(start) * self.channels[0], dtype=self.dtype, kernel_init=begun(2))
    x = normalised(dense, ends)(x, train)
    x = jax.nn.leaky_relu(x, 0.2).reshape(-1, *start, self.channels[0])
    for i, channels in enumerate(self.channels[1:]):
      up = ConvTranspose(channels, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(8))
      x = normalised(up)(x, train)
      x = activated(x, train, self.framed, self.dtype)
      if self.attention and i == 1:
        x = SelfAttention(self.spectral, self.dtype, BEGUN if self.framed else 0.0)(x, train)
    heads = HEADS if self.framed else 1
    last = ConvTranspose(heads, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(1.2))
    x = normalised(last, ends)(x, train)
    # float32 from here, whatever the network computes in: bfloat16 has two to three digits, and
    # cells are summed to energies.
    x = x[:, : grid[0], : grid[1]].astype(jnp.float32)
    if self.framed:
      return x.reshape(x.shape[0], -1, heads)
    return sparse_relu(x).reshape(x.shape[0], -1)


class Discriminator(nn.Module):
  """Shower image and condition -> `{'score': [b]}` and, with an Auxiliary Regressor, `'targets':
  [b, targets]`.

  Four 3x3 convolutions of stride 2 (30 -> 15 -> 7 -> 3 -> 1 pixels), then the condition joins and
  three dense layers follow. With a grid of 30x30 and 5 conditions: 406,721 parameters.

  The Auxiliary Regressor is a head on the shared trunk: it takes the output of the self-attention
  layer, or of the last convolution without attention, and what it predicts joins the conditions
  (Fig. 2 of the paper), so the score can use it.

  Attributes:
    grids: cells along x and y of the one layer.
    channels: of the convolutions.
    targets: how many quantities the Auxiliary Regressor predicts; 0 for none.
    attention: self-attention after the second convolution (7x7 pixels on a 30x30 grid).
    spectral: spectral normalisation of every weight.
    hearing: of a layer between what is told of the particle and the scales and shifts of the
      convolutions' channels; 0 for none.
    framed: a start that keeps the scale, and attention that begins with a weight.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, ...] = (32, 64, 128, 256)
  targets: int = 0
  attention: bool = False
  spectral: bool = False
  hearing: int = 0
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self,
    x: Float[Array, 'b v'],
    condition: Float[Array, 'b m'],
    train: bool,
    told: Float[Array, 'b t'] | None = None,
  ) -> dict[str, Array]:
    begun = gain(2 if self.framed else 1)
    normalised = lambda layer: Normalised(layer, self.spectral)
    dense = lambda width, x: normalised(nn.Dense(width, dtype=self.dtype))(x, train)
    grid = single(self.grids)
    particle = heard(told, self.hearing, 0.2)
    x = x.reshape(-1, *grid, 1).astype(self.dtype)
    shared = None
    for i, channels in enumerate(self.channels):
      if i and min(x.shape[1:3]) < 3:
        raise ValueError(
          f'a grid of {grid[0]}x{grid[1]} cells is too small for {len(self.channels)} '
          'convolutions of stride 2'
        )
      # No padding after the first: 15 pixels become 7, 3 and 1 without a border of zeros.
      padding = 'VALID' if i else 'SAME'
      conv = Conv(channels, (3, 3), (2, 2), padding=padding, dtype=self.dtype, kernel_init=begun)
      x = normalised(conv)(x, train)
      x = jax.nn.leaky_relu(film(x, particle, f'film{i}'), 0.2)
      if self.attention and i == 1:
        attention = SelfAttention(self.spectral, self.dtype, BEGUN if self.framed else 0.0)
        x = shared = attention(x, train)
    x = x.reshape(x.shape[0], -1)
    features, heads = [x, condition.astype(self.dtype)], {}
    if self.targets:
      # The head reads the cells alone: with the condition it would copy the answer.
      trunk = x if shared is None else shared.reshape(x.shape[0], -1)
      predicted = dense(self.targets, jax.nn.leaky_relu(dense(64, trunk), 0.2))
      heads['targets'] = predicted.astype(jnp.float32)
      features.append(predicted)
    x = jnp.concatenate(features, axis=-1)
    for width in (64, 32):
      x = jax.nn.leaky_relu(dense(width, x), 0.2)
    return {'score': dense(1, x)[:, 0].astype(jnp.float32), **heads}
