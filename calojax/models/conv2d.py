"""The Conv2D GAN of Rehm et al. (2021): 25x25x25 showers from three 2D branches, each with another
axis as channels.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.conv3d import SIDE, Score, given_noise, require_cube
from calojax.models.convolutions import Conv, ConvTranspose
from calojax.models.hearing import film, heard
from calojax.models.hurdle import HEADS
from calojax.models.layers import sparse_relu


def turned(x: Float[Array, 'b i j k'], times: int) -> Array:
  """The cube with its three axes moved on `times` places: as channels (the last axis) each has one
  turn.
  """
  axes = [1, 2, 3]
  return x.transpose(0, *(axes[(i + times) % 3] for i in range(3)))


class Block(nn.Module):
  """A convolution without bias, LeakyReLU 0.3, batch norm, dropout: `[b, h, w, c]` to `[b, h', w',
  features]`. What is heard of the particle, where anything is, scales and shifts the channels.
  """

  features: int
  taps: int
  padding: str
  dtype: jnp.dtype
  batch_norm: bool = True
  dropout: float = 0.2

  @nn.compact
  def __call__(self, x: Array, train: bool, particle: Array | None = None) -> Array:
    he = nn.initializers.he_uniform()
    x = Conv(
      self.features,
      (self.taps,) * 2,
      padding=self.padding,
      use_bias=False,
      dtype=self.dtype,
      kernel_init=he,
    )(x)
    x = jax.nn.leaky_relu(film(x, particle), 0.3)
    if self.batch_norm:
      x = nn.BatchNorm(use_running_average=not train, momentum=0.99, dtype=self.dtype)(x)
    return nn.Dropout(self.dropout, deterministic=not train)(x)


class Generator(nn.Module):
  """Noise scaled by E_p and further conditions -> shower, in network space (>= 0).

  Dense -> 5x5x5 -> three branches, each taking another axis as channels: conv 32 (5x5), transposed
  64 (5x5, stride 3, 15x15), conv 64 (5x5), transposed 64 (5x5, stride 2, 30x30), conv 64 (8x8),
  conv 64 (5x5, valid, 26x26), conv 32 (4x4), conv 32 (3x3), conv 25 (2x2, valid, 25x25) -> axes put
  back, side by side as 75 channels -> conv 25 (3x3) without bias. The channels of the result are
  the depth.

  With 200 latent variables and one condition 2,055,324 numbers as Keras counts, of which 1,878 are
  running moments of the batch norm (so 2,053,446 learnt): the paper's 2.05M, which settles the 5x5
  taps of the transposed convolutions that the published code (svalleco/3Dgan, 2DGAN) has. The dense
  layer holds 25,125 of them. The paper's "0.12M in the dense layer" does not fit: it is probably
  the 125,625 of a dense layer to 5x5x5x5, which the same authors' 3D variant has and a comment in
  the published code still mentions, and would put the total over 2.15M. The total is what we keep.

  Attributes:
    grids: of the calorimeter's layers.
    width: channels of the widest convolutions; the narrow ones have half.
    dropout: while training, as in the paper; where the network space is a root of the energy its
      noise shifts mean energies.
    framed: for hurdle cells, see `models.framed`: `[b, v, HEADS]`, noise that nothing scales, no
      norm of the batch and no dropout.
  """

  grids: tuple[tuple[int, int], ...]
  width: int = 64
  dropout: float = 0.2
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Array:
    require_cube(self.grids, 'conv2d')
    x = given_noise(z, condition, self.framed).astype(self.dtype)
    x = nn.Dense(5 * 5 * 5, dtype=self.dtype)(x).reshape(-1, 5, 5, 5)
    branches = [turned(self.branch(turned(x, i), train), -i) for i in range(3)]
    small = nn.initializers.variance_scaling(
      0.02, 'fan_in', 'uniform'
    )  # He's gives showers of thousands of times the energy
    heads = HEADS if self.framed else 1
    x = Conv(SIDE * heads, (3, 3), use_bias=False, dtype=self.dtype, kernel_init=small)(
      jnp.concatenate(branches, axis=-1)
    )
    x = x.astype(jnp.float32).reshape(*x.shape[:3], SIDE, heads).transpose(0, 3, 1, 2, 4)
    if self.framed:
      return x.reshape(x.shape[0], -1, heads)
    return sparse_relu(x).reshape(x.shape[0], -1)

  def branch(self, x: Array, train: bool) -> Array:
    """`[b, 25, 25, 25]` of `[b, 5, 5, 5]`; its own parameters at each call."""
    norm, dropout = not self.framed, 0.0 if self.framed else self.dropout
    block = lambda x, width, taps, padding='SAME': Block(
      width, taps, padding, self.dtype, norm, dropout
    )(x, train)
    larger = lambda x, stride: ConvTranspose(
      self.width, (5, 5), (stride, stride), dtype=self.dtype
    )(x)
    wide, narrow = self.width, self.width // 2
    x = block(larger(block(x, narrow, 5), 3), wide, 5)
    x = block(larger(x, 2), wide, 8)
    x = block(block(x, wide, 5, 'VALID'), narrow, 4)
    return block(block(x, narrow, 3), SIDE, 2, 'VALID')


class Discriminator(nn.Module):
  """Shower and condition -> `{'score': [b]}` and, with a regressor, `'targets': [b, targets]`.

  Three branches, each taking another axis as channels: convs 64 (8x8), then without padding 32
  (6x6), 32 (5x5), 32 (4x4), 32 (3x3), 9 (3x3), to 9x9x9; axes put back, side by side -> Dense 10,
  LeakyReLU, batch norm -> one dense layer for the regressor and `Score`. The paper's third output,
  the energy sum, is no network: the GAN computes it. The condition joins the score only, since a
  regressor that was shown it would copy it; in the paper the score has not even that.

  Attributes:
    grids: of the calorimeter's layers.
    width: channels of the first convolution; the next ones have half.
    batch_norm: as in the paper; it hides a batch's scale from the score, and the gradient penalty
      mixes the showers of a batch.
    targets: how many quantities the regressor predicts (in the paper one, E_p); 0 for none.
    hearing: of a layer between what is told of the particle and the scales and shifts of the
      channels; 0 for none.
    framed: nothing of the batch's other showers and no dropout, of which a penalty would learn.
  """

  grids: tuple[tuple[int, int], ...]
  width: int = 64
  batch_norm: bool = True
  targets: int = 0
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
    require_cube(self.grids, 'conv2d')
    particle = heard(told, self.hearing, 0.3)
    # A shower is stored layer by layer; here the depth is the channels.
    x = x.reshape(-1, SIDE, SIDE, SIDE).transpose(0, 2, 3, 1).astype(self.dtype)
    branches = [turned(self.branch(turned(x, i), train, particle), -i) for i in range(3)]
    x = jnp.concatenate(branches, axis=-1).reshape(x.shape[0], -1)
    x = jax.nn.leaky_relu(nn.Dense(10, dtype=self.dtype)(x), 0.3)
    if self.batch_norm and not self.framed:
      x = nn.BatchNorm(use_running_average=not train, momentum=0.99, dtype=self.dtype)(x)
    heads = {'score': Score(self.dtype, name='score')(x, condition)}
    if self.targets:
      heads['targets'] = nn.Dense(self.targets, dtype=self.dtype, name='targets')(x).astype(
        jnp.float32
      )
    return heads

  def branch(self, x: Array, train: bool, particle: Array | None) -> Array:
    """`[b, 9, 9, 9]` of `[b, 25, 25, 25]`; its own parameters at each call."""
    norm, dropout = self.batch_norm and not self.framed, 0.0 if self.framed else 0.2
    block = lambda x, features, taps, padding: Block(
      features, taps, padding, self.dtype, norm, dropout
    )(x, train, particle)
    x = block(x, self.width, 8, 'SAME')
    for features, taps in zip((self.width // 2,) * 4 + (9,), (6, 5, 4, 3, 3)):
      x = block(x, features, taps, 'VALID')
    return x
