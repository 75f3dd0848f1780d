"""A convolutional variational auto-encoder whose decoder gives every cell a distribution (Chekalina
et al. 2018).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv, ConvTranspose
from calojax.models.hurdle import HEADS
from calojax.models.layers import activated, gain, single

# Spread of a cell in network space; without a floor the likelihood of a cell has no upper bound.
SMALLEST = 0.01


class Cells(NamedTuple):
  """Independent rectified normal distributions of cells in network space: x = max(0, mean + spread
  * normal).

  A cell is exactly empty with probability Phi(-mean / spread), otherwise x > 0 has the density of
  the normal.

  Attributes:
    mean: `[b, v]`.
    spread: `[b, v]`, positive.
  """

  mean: Array
  spread: Array

  def draw(self, noise: Float[Array, 'b v']) -> Float[Array, 'b v']:
    """The cells for standard normal `noise`, >= 0 with exact zeros."""
    return jax.nn.relu(self.mean + self.spread * noise)

  def negative_log_likelihood(self, x: Float[Array, 'b v']) -> Float[Array, ' b']:
    """-ln p(x), one value a shower: density of the lit cells times probability of the dark ones."""
    pull = (x - self.mean) / self.spread
    lit = 0.5 * jnp.square(pull) + jnp.log(self.spread) + 0.5 * math.log(2 * math.pi)
    # log_ndtr, not the logarithm of ndtr: the probability of a dark cell is 0 in float32 where its
    # mean lies far above 0, and the logarithm would be infinite.
    return jnp.where(x > 0, lit, -jax.scipy.special.log_ndtr(pull)).sum(-1)


class VAE(nn.Module):
  """Shower image and condition -> the normal distribution of its latent variables and the
  distributions of its cells.

  Encoder: 3x3 convolutions of stride 2, LeakyReLU (30 -> 15 -> 7 -> 3 -> 1 pixels), the condition
  joins, two dense layers. Decoder: latent variables and condition -> Dense -> transposed 3x3
  convolutions of stride 2, batch norm and ReLU between them, two channels at the end: mean and
  spread of every cell. With a grid of 30x30, 32 latent variables and 5 conditions: 1,083,042
  parameters.

  The showers it generates are draws, not the means: an auto-encoder's means have no noise from cell
  to cell and no empty cells, while most of a shower's outer cells are hit by chance.

  Attributes:
    grids: shape of the only layer.
    latent: number of latent variables.
    encoder: channels of the encoder's convolutions.
    decoder: channels of the first image and of those after all transposed convolutions but the
      last.

  Raises:
    ValueError: several layers, or one too small for the convolutions.
  """

  grids: tuple[tuple[int, int], ...]
  latent: int = 32
  encoder: tuple[int, ...] = (32, 64, 128, 256)
  decoder: tuple[int, ...] = (256, 128, 128, 64, 32)
  dtype: jnp.dtype = jnp.float32

  def setup(self):
    self.encoding = Encoder(self.grids, self.latent, self.encoder, self.dtype)
    self.decoding = Decoder(self.grids, self.decoder, self.dtype)

  def __call__(
    self,
    x: Float[Array, 'b v'],
    condition: Float[Array, 'b m'],
    noise: Float[Array, 'b z'],
    train: bool,
  ) -> tuple[Array, Array, Cells]:
    """Mean and log variance `[b, latent]` of the latent variables, and the cells decoded from the
    ones drawn with `noise`.
    """
    mean, log_variance = self.encode(x, condition, train)
    return (
      mean,
      log_variance,
      self.decode(mean + jnp.exp(log_variance / 2) * noise, condition, train),
    )

  def encode(
    self, x: Float[Array, 'b v'], condition: Float[Array, 'b m'], train: bool
  ) -> tuple[Array, Array]:
    """Mean and log variance of the latent variables, each `[b, latent]`."""
    return self.encoding(x, condition, train)

  def decode(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Cells:
    """The cells' distributions, `[b, v]`."""
    return self.decoding(z, condition, train)  # pyright: ignore[reportReturnType]: not framed


class Encoder(nn.Module):
  """Shower image and condition -> mean and log variance `[b, latent]`."""

  grids: tuple[tuple[int, int], ...]
  latent: int
  channels: tuple[int, ...]
  dtype: jnp.dtype

  @nn.compact
  def __call__(
    self, x: Float[Array, 'b v'], condition: Float[Array, 'b m'], train: bool
  ) -> tuple[Array, Array]:
    nx, ny = single(self.grids)
    x = x.reshape(-1, nx, ny, 1).astype(self.dtype)
    for i, channels in enumerate(self.channels):
      if i and min(x.shape[1:3]) < 3:
        raise ValueError(
          f'a grid of {nx}x{ny} cells is too small for {len(self.channels)} '
          'convolutions of stride 2'
        )
      x = Conv(channels, (3, 3), (2, 2), padding='VALID' if i else 'SAME', dtype=self.dtype)(x)
      x = jax.nn.leaky_relu(x, 0.2)
    x = jnp.concatenate([x.reshape(x.shape[0], -1), condition.astype(self.dtype)], axis=-1)
    x = jax.nn.leaky_relu(nn.Dense(256, dtype=self.dtype)(x), 0.2)
    mean, log_variance = jnp.split(
      nn.Dense(2 * self.latent, dtype=self.dtype)(x).astype(jnp.float32), 2, axis=-1
    )
    return mean, log_variance.clip(-10, 10)  # the variance of a start gone wrong stays a number


class Decoder(nn.Module):
  """Latent variables and condition -> the cells' distributions `[b, v]`; `framed`: for hurdle
  cells, as in `cnn.Generator`, `[b, v, HEADS]`.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, ...] = (256, 128, 128, 64, 32)
  dtype: jnp.dtype = jnp.float32
  framed: bool = False

  @nn.compact
  def __call__(
    self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool
  ) -> Cells | Array:
    nx, ny = single(self.grids)
    begun = lambda variance: gain(variance if self.framed else 1)
    norm = lambda x: activated(x, train, self.framed, self.dtype)
    start = tuple(math.ceil(n / 2 ** len(self.channels)) for n in (nx, ny))
    x = jnp.concatenate([z, condition], axis=-1).astype(self.dtype)
    x = jax.nn.leaky_relu(nn.Dense(256, dtype=self.dtype, kernel_init=begun(2))(x), 0.2)
    first = nn.Dense(math.prod(start) * self.channels[0], dtype=self.dtype, kernel_init=begun(2))
    x = first(x)
    x = jax.nn.leaky_relu(x, 0.2).reshape(-1, *start, self.channels[0])
    for channels in self.channels[1:]:
      up = ConvTranspose(channels, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(8))
      x = norm(up(x))
    heads = HEADS if self.framed else 2
    last = ConvTranspose(heads, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(1.2))
    x = last(x)[:, :nx, :ny].astype(jnp.float32).reshape(-1, nx * ny, heads)
    if self.framed:
      return x
    # The -1 makes the first spreads about .3.
    return Cells(x[..., 0], SMALLEST + jax.nn.softplus(x[..., 1] - 1))
