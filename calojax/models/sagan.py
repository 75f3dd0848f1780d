"""The self-attention GAN of Rogachev and Ratnikov (2021): conditional batch norm in G, projection
of the conditions in D.

Its two rows differ in one flag: spectral normalisation of the discriminator only, or of both
networks.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv, ConvTranspose
from calojax.models.hearing import film
from calojax.models.hurdle import HEADS
from calojax.models.layers import (
  BEGUN,
  Normalised,
  SelfAttention,
  gain,
  single,
  sparse_relu,
)

Grids = tuple[tuple[int, int], ...]


class ConditionalBatchNorm(nn.Module):
  """(1 + A c + a) norm(x) + B c + b, channel by channel: batch norm with scale and shift from the
  condition c.

  A, a, B and b start at zero, so it begins as a plain batch norm. The slides give no formula; the
  form is that of de Vries et al. 2017, eq. 3, with a linear map for continuous conditions. Not
  spectrally normalised, as in Zhang et al. 2018.
  """

  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, x: Float[Array, 'b h w c'], condition: Float[Array, 'b m'], train: bool
  ) -> Float[Array, 'b h w c']:
    # Without scale and shift of its own: those come from the condition.
    x = nn.BatchNorm(
      use_running_average=not train,
      momentum=0.99,
      use_bias=False,
      use_scale=False,
      dtype=self.dtype,
    )(x)
    linear = lambda name: nn.Dense(
      x.shape[-1], kernel_init=nn.initializers.zeros, dtype=self.dtype, name=name
    )
    scale, shift = (
      linear('scale')(condition)[:, None, None],
      linear('shift')(condition)[:, None, None],
    )
    return (1 + scale) * x + shift


class Generator(nn.Module):
  """Noise and condition -> shower image, in network space (>= 0).

  Dense -> four transposed 3x3 convolutions of stride 2, conditional batch norm and ReLU between
  them, self-attention where the image has a quarter of the final size (8x8 pixels on a 30x30 grid),
  ReLU at the end (exact zeros), cropped to the grid. With a grid of 30x30, 256 latent variables and
  5 conditions: 663,682 parameters.

  Attributes:
    grids: shape of the only layer.
    channels: of the first image and of those after all transposed convolutions but the last; at
      least three.
    spectral: spectral normalisation of the convolutions, the dense layer and the attention.
    framed: for hurdle cells, as in `cnn.Generator`; the condition then scales and shifts the
      channels themselves.

  Raises:
    ValueError: several layers.
  """

  grids: Grids
  channels: tuple[int, ...] = (256, 128, 64, 32)
  spectral: bool = False
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Array:
    nx, ny = single(self.grids)
    normalised = lambda layer, spectral=self.spectral: Normalised(layer, spectral)
    ends = self.spectral and not self.framed
    begun = lambda variance: gain(variance if self.framed else 1)
    start = tuple(math.ceil(n / 2 ** len(self.channels)) for n in (nx, ny))
    x = jnp.concatenate([z, condition], axis=-1).astype(self.dtype)
    dense = nn.Dense(math.prod(start) * self.channels[0], dtype=self.dtype, kernel_init=begun(2))
    x = normalised(dense, ends)(x, train)
    x = jax.nn.leaky_relu(x, 0.2).reshape(-1, *start, self.channels[0])
    # Counted from the end, so that the attention sees a quarter of the final size with any number
    # of layers.
    for left, channels in zip(reversed(range(1, len(self.channels))), self.channels[1:]):
      up = ConvTranspose(channels, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(8))
      x = normalised(up)(x, train)
      if self.framed:
        x = jax.nn.leaky_relu(film(x, condition, still=True), 0.2)
      else:
        x = jax.nn.relu(ConditionalBatchNorm(self.dtype)(x, condition, train))
      if left == 2:  # two transposed convolutions are still to come
        attention = SelfAttention(self.spectral, self.dtype, BEGUN if self.framed else 0.0)
        x = attention(x, train)
    heads = HEADS if self.framed else 1
    last = ConvTranspose(heads, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(1.2))
    x = normalised(last, ends)(x, train)[:, :nx, :ny].astype(jnp.float32)
    if self.framed:
      return x.reshape(-1, nx * ny, heads)
    return sparse_relu(x).reshape(-1, nx * ny)


class Discriminator(nn.Module):
  """Shower image and condition -> `{'score': [b]}`, and with a regressor head `'targets': [b,
  targets]`.

  3x3 convolutions of stride 2 (30 -> 15 -> 7 -> 3 -> 1 pixels) with self-attention after the first,
  where it has 15x15 pixels to look at; their output h and the condition c meet in score = w h + <V
  c, h> (Miyato and Koyama 2018, eq. 3, with a linear map in place of the embedding of a class):
  linear in the condition. With a grid of 30x30 and 5 conditions: 390,658 parameters.

  Attributes:
    grids: shape of the only layer.
    channels: of the convolutions.
    targets: how many quantities the regressor head predicts; 0 for none.
    spectral: spectral normalisation of every weight, V included.
    framed: a layer on the condition before the projection, attention that begins with a weight, and
      a start that keeps the scale.

  Raises:
    ValueError: several layers, or one too small for the convolutions.
  """

  grids: Grids
  channels: tuple[int, ...] = (32, 64, 128, 256)
  targets: int = 0
  spectral: bool = True
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
    del told  # it is among the condition
    begun = gain(2 if self.framed else 1)
    grid = single(self.grids)
    normalised = lambda layer, x: Normalised(layer, self.spectral)(x, train)
    x = x.reshape(-1, *grid, 1).astype(self.dtype)
    for i, channels in enumerate(self.channels):
      if i and min(x.shape[1:3]) < 3:
        raise ValueError(
          f'a grid of {grid[0]}x{grid[1]} cells is too small for {len(self.channels)} '
          'convolutions of stride 2'
        )
      x = normalised(
        Conv(
          channels,
          (3, 3),
          (2, 2),
          padding='VALID' if i else 'SAME',
          dtype=self.dtype,
          kernel_init=begun,
        ),
        x,
      )
      x = jax.nn.leaky_relu(x, 0.2)
      # Behind the first, where 15 x 15 pixels are left: on 30 x 30 the weights of all pairs are
      # 810,000 a shower.
      if i == 0:
        attention = SelfAttention(self.spectral, self.dtype, BEGUN if self.framed else 0.0)
        x = attention(x, train)
    condition = condition.astype(self.dtype)
    if self.framed:
      condition = jax.nn.leaky_relu(normalised(nn.Dense(64, dtype=self.dtype), condition), 0.2)
    h = x.reshape(x.shape[0], -1)
    projected = normalised(nn.Dense(h.shape[-1], use_bias=False, dtype=self.dtype), condition)
    score = normalised(nn.Dense(1, dtype=self.dtype), h)[:, 0] + (projected * h).sum(-1)
    heads = {'score': score.astype(jnp.float32)}
    if self.targets:
      hidden = jax.nn.leaky_relu(normalised(nn.Dense(64, dtype=self.dtype), h), 0.2)
      heads['targets'] = normalised(nn.Dense(self.targets, dtype=self.dtype), hidden).astype(
        jnp.float32
      )
    return heads
