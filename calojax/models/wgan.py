"""The networks of Chekalina et al. (2018): generator, critic without batch norm, regressor of the
particle's parameters.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv, ConvTranspose
from calojax.models.hurdle import HEADS
from calojax.models.layers import activated, gain, single, sparse_relu

Grids = tuple[tuple[int, int], ...]


class Generator(nn.Module):
  """Noise and condition -> shower image, in network space (>= 0).

  Dense -> transposed 3x3 convolutions of stride 2 (256x4x4 -> 128x8x8 -> 64x16x16 -> 32x32x32),
  batch norm and ReLU after each, then a 3x3 convolution to one channel, cropped to the grid. The
  slides give the sizes of the images, not of the kernels. With a grid of 30x30, 256 latent
  variables and 5 conditions: 1,461,697 parameters.

  Attributes:
    grids: shape of the only layer.
    channels: of the first image and of those after each transposed convolution.
    framed: for hurdle cells, as in `cnn.Generator`.

  Raises:
    ValueError: several layers.
  """

  grids: Grids
  channels: tuple[int, ...] = (256, 128, 64, 32)
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Array:
    nx, ny = single(self.grids)
    begun = lambda variance: gain(variance if self.framed else 1)
    norm = lambda x: activated(x, train, self.framed, self.dtype)
    start = tuple(math.ceil(n / 2 ** (len(self.channels) - 1)) for n in (nx, ny))
    x = jnp.concatenate([z, condition], axis=-1).astype(self.dtype)
    first = nn.Dense(math.prod(start) * self.channels[0], dtype=self.dtype, kernel_init=begun(2))
    x = norm(first(x).reshape(-1, *start, self.channels[0]))
    for channels in self.channels[1:]:
      up = ConvTranspose(channels, (3, 3), (2, 2), dtype=self.dtype, kernel_init=begun(8))
      x = norm(up(x))
    # At stride 1 it is a plain convolution, but its kernel gradient is several times faster on a
    # CPU.
    heads = HEADS if self.framed else 1
    last = ConvTranspose(heads, (3, 3), (1, 1), dtype=self.dtype, kernel_init=begun(0.3))
    x = last(x)[:, :nx, :ny].astype(jnp.float32)
    if self.framed:
      return x.reshape(-1, nx * ny, heads)
    return sparse_relu(x).reshape(-1, nx * ny)


class Trunk(nn.Module):
  """The convolutions that critic and regressor have alike: image -> `[b, f]`, the flattened last
  one.

  3x3 of stride 2, LeakyReLU, no batch norm: with it a shower's score would depend on the others in
  its batch and the gradient penalty's norm would not be the shower's own. On 30x30: 64x15x15,
  128x8x8, 256x4x4, so 4096 features.
  """

  grids: Grids
  channels: tuple[int, ...]
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, x: Float[Array, 'b v']) -> Float[Array, 'b f']:
    x = x.reshape(-1, *single(self.grids), 1).astype(self.dtype)
    for channels in self.channels:
      x = jax.nn.leaky_relu(Conv(channels, (3, 3), (2, 2), dtype=self.dtype)(x), 0.2)
    return x.reshape(x.shape[0], -1)


class Discriminator(nn.Module):
  """Shower image and condition -> `{'score': [b]}`, and with a regressor head `'targets': [b,
  targets]`: the critic.

  The generator mirrored down to its 256x4x4, without batch norm; the condition joins there, and
  three dense layers follow. With a grid of 30x30 and 5 conditions: 903,041 parameters.

  Attributes:
    grids: shape of the only layer.
    channels: of the convolutions.
    targets: how many quantities the regressor head predicts; 0 for none.
    framed: whether it is told of the particle beside the condition, of which that is a part:
      nothing changes.

  Raises:
    ValueError: several layers.
  """

  grids: Grids
  channels: tuple[int, ...] = (64, 128, 256)
  targets: int = 0
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
    features = Trunk(self.grids, self.channels, self.dtype)(x)
    heads = {}
    if self.targets:
      heads['targets'] = _head(features, self.targets, self.dtype)
    # The regressor's head stands before this: with the condition it would copy the answer.
    joined = jnp.concatenate([features, condition.astype(self.dtype)], axis=-1)
    return {'score': _head(joined, 1, self.dtype)[:, 0], **heads}


class Regressor(nn.Module):
  """Shower image -> `{'targets': [b, targets], 'features': [b, f]}`: the particle's parameters, and
  the last convolution's output for a loss on features.

  The critic's architecture without a condition; on 30x30 with 5 targets: 902,661 parameters, 4096
  features.

  Attributes:
    grids: shape of the only layer.
    targets: how many parameters it predicts.
    channels: of the convolutions.

  Raises:
    ValueError: several layers.
  """

  grids: Grids
  targets: int
  channels: tuple[int, ...] = (64, 128, 256)
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Float[Array, 'b v'], train: bool) -> dict[str, Array]:
    features = Trunk(self.grids, self.channels, self.dtype)(x)
    return {
      'targets': _head(features, self.targets, self.dtype),
      'features': features.astype(jnp.float32),
    }


def _head(x: Array, width: int, dtype: jnp.dtype) -> Float[Array, 'b width']:
  """Dense 128, 64, `width`; inside a compact module."""
  for hidden in (128, 64):
    x = jax.nn.leaky_relu(nn.Dense(hidden, dtype=dtype)(x), 0.2)
  return nn.Dense(width, dtype=dtype)(x).astype(jnp.float32)
