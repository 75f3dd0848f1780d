"""The 3D convolutional GAN of Carminati et al. (2018), the Conv3D of Rehm et al. (2021), for 25
layers of 25x25 cells.

Arrays are `[b, depth, x, y, c]` throughout: the order of the flat shower, so nothing is transposed.
The papers write the same networks as (x, y, depth).
"""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv
from calojax.models.hearing import film, heard
from calojax.models.hurdle import HEADS
from calojax.models.layers import sparse_relu

SIDE = 25


def require_cube(grids: tuple[tuple[int, int], ...], network: str) -> None:
  """Raises ValueError unless the calorimeter is 25 layers of 25x25 cells."""
  if tuple(map(tuple, grids)) != ((SIDE, SIDE),) * SIDE:
    shapes = ', '.join(f'{nx}x{ny}' for nx, ny in dict.fromkeys(map(tuple, grids)))
    raise ValueError(
      f'the {network} networks need 25 layers of 25x25 cells, not {len(grids)} of {shapes}'
    )


def given_noise(z: Array, condition: Array, framed: bool) -> Array:
  """The generators' input `[b, latent + m - 1]`: noise times the first condition, a measure of E_p;
  further conditions behind it. The energy enters nowhere else (Carminati et al. 2018, and the
  published code). In the frame noise and conditions side by side, `[b, latent + m]`.
  """
  scaled, further = (z, condition) if framed else (z * condition[:, :1], condition[:, 1:])
  return jnp.concatenate([scaled, further], axis=-1)


def normed(x: Array, train: bool, framed: bool, dtype: jnp.dtype) -> Array:
  """LeakyReLU and batch norm, which tells each shower of the others and is not for the frame.
  Inside a compact module.
  """
  x = jax.nn.leaky_relu(x, 0.3)
  if framed:
    return x
  return nn.BatchNorm(use_running_average=not train, momentum=0.99, dtype=dtype)(x)


def mean_pool(x: Float[Array, 'b d h w c']) -> Array:
  """Means of blocks of 2x2x2, what is left over at the far ends cut off: `[b, d // 2, h // 2, w //
  2, c]`.
  """
  b, *space, c = x.shape
  half = [n // 2 for n in space]
  x = jax.lax.slice(x, (0,) * 5, (b, *(2 * n for n in half), c))
  return x.reshape(b, *(n for size in half for n in (size, 2)), c).mean(axis=(2, 4, 6))


class Score(nn.Module):
  """Features `[b, f]` and condition `[b, m]` -> score `[b]`, float32: Dense 32 of the features,
  Dense 32 of both, Dense 1.

  A score that is a sum over features and condition, as one dense layer of both would be, cannot
  tell a shower of a wrong energy.
  """

  dtype: jnp.dtype

  @nn.compact
  def __call__(self, features: Array, condition: Array) -> Array:
    dense = lambda x: jax.nn.leaky_relu(nn.Dense(32, dtype=self.dtype)(x), 0.3)
    both = dense(jnp.concatenate([dense(features), condition.astype(self.dtype)], axis=-1))
    return nn.Dense(1, dtype=self.dtype)(both)[:, 0].astype(jnp.float32)


class Generator(nn.Module):
  """Noise scaled by E_p and further conditions -> shower, in network space (>= 0).

  Dense -> 8x7x7 cells (depth, x, y) of 8 channels -> conv 64 (8x6x6) -> twice as large, 16x14x14 ->
  conv 6 (8x6x5), 9x13x14 -> 27x26x28 -> conv 6 (8x3x3) -> conv 1 (2x2x2) without bias. LeakyReLU
  0.3 and, after the first two, batch norm. The paddings are those of the published Keras code
  (svalleco/3Dgan): they give 26^3 before the last convolution and 25^3 after it. With 200 latent
  variables and one condition 872,948 numbers as Keras counts, of which 140 are running moments of
  the batch norm (so 872,808 learnt) and 630,336 in the dense layer: the paper's 0.87M and 0.63M.

  Attributes:
    grids: of the calorimeter's layers.
    channels: of the seed image, and after the first, second and third convolution.
    framed: for hurdle cells, see `models.framed`: `[b, v, HEADS]`, noise that nothing scales, no
      norm of the batch.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, int, int, int] = (8, 64, 6, 6)
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Array:
    require_cube(self.grids, 'conv3d')
    seed, first, second, third = self.channels
    he = nn.initializers.he_uniform()
    norm = functools.partial(normed, train=train, framed=self.framed, dtype=self.dtype)
    conv = lambda width, taps, pads, repeated=(): Conv(
      width, taps, padding=pads, repeated=repeated, dtype=self.dtype, kernel_init=he
    )
    x = given_noise(z, condition, self.framed).astype(self.dtype)
    x = nn.Dense(8 * 7 * 7 * seed, dtype=self.dtype)(x)
    x = norm(conv(first, (8, 6, 6), 'SAME')(x.reshape(-1, 8, 7, 7, seed)))
    x = norm(conv(second, (8, 6, 5), ((0, 0), (2, 2), (2, 2)), (2, 2, 2))(x))
    x = jax.nn.leaky_relu(conv(third, (8, 3, 3), ((3, 3), (1, 1), (0, 0)), (3, 2, 2))(x), 0.3)
    # Glorot's gives a thousand times the energy.
    small = nn.initializers.variance_scaling(0.04, 'fan_avg', 'truncated_normal')
    heads = HEADS if self.framed else 1
    x = Conv(
      heads, (2, 2, 2), padding='VALID', use_bias=False, dtype=self.dtype, kernel_init=small
    )(x).astype(jnp.float32)
    if self.framed:
      return x.reshape(x.shape[0], -1, heads)
    return sparse_relu(x).reshape(x.shape[0], -1)


class Discriminator(nn.Module):
  """Shower and condition -> `{'score': [b]}` and, with a regressor, `'targets': [b, targets]`.

  Convolutions of 5^3 taps to 32, 8, 8, 8 channels (the last one 23^3), LeakyReLU 0.3, batch norm
  after all but the first, dropout 0.2, 2^3 mean pooling to 11^3, one dense layer for the regressor
  and `Score`. The paper's third output, the energy sum, is no network: the GAN computes it. The
  condition joins the score only, since a regressor that was shown it would copy it; in the paper
  the score has not even that.

  Attributes:
    grids: of the calorimeter's layers.
    channels: of the convolutions.
    batch_norm: as in the papers; it hides a batch's scale from the score, and the gradient penalty
      mixes the showers of a batch.
    targets: how many quantities the regressor predicts (in the paper one, E_p); 0 for none.
    hearing: of a layer between what is told of the particle and the scales and shifts of the
      channels; 0 for none.
    framed: nothing of the batch's other showers and no dropout, of which a penalty would learn.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, ...] = (32, 8, 8, 8)
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
    require_cube(self.grids, 'conv3d')
    particle = heard(told, self.hearing, 0.3)
    x = x.reshape(-1, SIDE, SIDE, SIDE, 1).astype(self.dtype)
    for i, channels in enumerate(self.channels):
      # 1 at the last one alone: 25 cells become 23, of which the pooling makes the paper's 11.
      pads = 1 if i and i == len(self.channels) - 1 else 2
      x = Conv(channels, (5, 5, 5), padding=((pads, pads),) * 3, dtype=self.dtype)(x)
      x = jax.nn.leaky_relu(film(x, particle), 0.3)
      if i and self.batch_norm and not self.framed:
        x = nn.BatchNorm(use_running_average=not train, momentum=0.99, dtype=self.dtype)(x)
      if not self.framed:
        x = nn.Dropout(0.2, deterministic=not train)(x)
    x = mean_pool(x).reshape(x.shape[0], -1)
    heads = {'score': Score(self.dtype, name='score')(x, condition)}
    if self.targets:
      heads['targets'] = nn.Dense(self.targets, dtype=self.dtype, name='targets')(x).astype(
        jnp.float32
      )
    return heads
