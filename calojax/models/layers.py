"""Building blocks that several networks share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.dtypes import promote_dtype
from jax import lax
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv, Padding

BEGUN = 0.5  # of the attention's weight where it is not to begin as the identity


class Normalised(nn.Module):
  """The layer, with spectral normalisation or without: the only place that knows of it (Miyato et
  al. 2018).

  One power iteration an update; the vectors live in the collection `spectral`, not among the batch
  statistics.
  """

  layer: nn.Module
  spectral: bool

  @nn.compact
  def __call__(self, x: Array, train: bool) -> Array:
    if not self.spectral:
      return self.layer(x)
    return nn.SpectralNorm(self.layer, collection_name='spectral')(x, update_stats=train)


class SelfAttention(nn.Module):
  """x + scale * attention(x) over the pixels of an image (Zhang et al. 2018; Rogachev and Ratnikov
  2021).

  f, g: 1x1 convolutions to C/8; weights softmax_i(f(x_i) . g(x_j)); value: 1x1 convolution; the
  learnt scale starts at 0, so that the layer begins as the identity, or at `start`.
  """

  spectral: bool = False
  dtype: jnp.dtype = jnp.float32
  start: float = 0.0

  @nn.compact
  def __call__(self, x: Float[Array, 'b h w c'], train: bool) -> Float[Array, 'b h w c']:
    channels = x.shape[-1]
    # A 1x1 convolution is a dense layer over the channels, and the order of the pixels does not
    # count.
    pixels = x.reshape(x.shape[0], -1, channels)
    dense = lambda width, name: Normalised(
      nn.Dense(width, use_bias=False, dtype=self.dtype), self.spectral, name=name
    )(pixels, train)
    f, g, value = (
      dense(max(channels // 8, 1), 'f'),
      dense(max(channels // 8, 1), 'g'),
      dense(channels, 'value'),
    )
    # In float32 whatever the dtype: sums over hundreds of pixels lose their digits in bfloat16.
    weights = jax.nn.softmax(jnp.einsum('bjc,bic->bji', g, f).astype(jnp.float32), axis=-1).astype(
      self.dtype
    )
    # A scalar, which spectral normalisation leaves alone.
    scale = self.param('scale', nn.initializers.constant(self.start), ()).astype(self.dtype)
    return x + scale * jnp.einsum('bji,bic->bjc', weights, value).reshape(x.shape)


def activated(x: Array, train: bool, framed: bool, dtype: jnp.dtype) -> Array:
  """What follows a generator's transposed convolution: batch norm and ReLU as published; in the
  frame a leaky ReLU alone, as a norm would tell each shower of the others. Inside a compact module.
  """
  if framed:
    return jax.nn.leaky_relu(x, 0.2)
  return jax.nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.99, dtype=dtype)(x))


def gain(variance: float) -> nn.initializers.Initializer:
  """A start of that variance over the number of inputs: flax's own at 1; 2 keeps the scale through
  a ReLU, 8 through one behind a transposed convolution of stride 2, whose outputs hear a quarter of
  the taps.
  """
  return nn.initializers.variance_scaling(variance, 'fan_in', 'truncated_normal')


def sparse_relu(x: Array) -> Array:
  """max(x, 0) with the gradient of a leaky ReLU (slope 0.1): exact zeros out, but a cell that has
  gone dark can light up again.

  With a plain ReLU no gradient reaches a cell that the discriminator has switched off for every
  shower.
  """
  # The value is the ReLU's, the gradient that of the first term alone.
  leaky = jax.nn.leaky_relu(x, 0.1)
  return leaky + jax.lax.stop_gradient(jax.nn.relu(x) - leaky)


def single(grids: tuple[tuple[int, int], ...]) -> tuple[int, int]:
  """The cells along x and y of a single-layer calorimeter.

  Raises:
    ValueError: there are several layers.
  """
  if len(grids) != 1:
    cells = ', '.join(f'{w}x{h}' for w, h in grids[:4]) + (', ...' if len(grids) > 4 else '')
    raise ValueError(
      f'{len(grids)} layers of {cells} cells, expected 1 layer for this network: of several layers '
      'the system of configs/vae_gan.py makes showers'
    )
  return grids[0]


class LocallyConnected(nn.Module):
  """2D convolution with a kernel of its own at every position: `[b, h, w, ci]` to `[b, h', w',
  features]`.

  Parameters and results are those of `flax.linen.ConvLocal` (kernel `[h', w', ci * taps,
  features]`, channels the slower index of the third axis, bias `[h', w', features]`), but as one
  batched matrix product with the showers as its last axis: on a CPU some five times faster,
  gradients included. The kernel starts at a variance of 1 / (ci * taps); ConvLocal counts the
  positions among the inputs of a position, so that its output nearly vanishes on a large image.
  """

  features: int
  kernel_size: tuple[int, int]
  strides: int | Sequence[int] = 1
  padding: Padding = 'SAME'
  use_bias: bool = True
  dtype: jnp.dtype | None = None

  @nn.compact
  def __call__(self, x: Float[Array, 'b h w c']) -> Float[Array, 'b h w c']:
    size = tuple(self.kernel_size)
    strides = (self.strides,) * 2 if isinstance(self.strides, int) else tuple(self.strides)
    pads = (
      lax.padtype_to_pads(x.shape[1:3], size, strides, self.padding)
      if isinstance(self.padding, str)
      else self.padding
    )
    positions = tuple(
      (n + sum(p) - k) // s + 1 for n, p, k, s in zip(x.shape[1:3], pads, size, strides)
    )
    if min(positions) < 1:
      raise ValueError(
        f'an image of {x.shape[1]}x{x.shape[2]} pixels is too small for a kernel of '
        f'{size[0]}x{size[1]}'
      )
    inputs = x.shape[-1] * math.prod(size)
    # The positions are batch axes: of a position's inputs alone its variance is made.
    initial = nn.initializers.lecun_normal(in_axis=-2, out_axis=-1, batch_axis=(0, 1))
    kernel = self.param('kernel', initial, (*positions, inputs, self.features))
    bias = (
      self.param('bias', nn.initializers.zeros_init(), (*positions, self.features))
      if self.use_bias
      else None
    )
    x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
    x = jnp.pad(x, ((0, 0), *pads, (0, 0))).transpose(1, 2, 3, 0)
    (h, w), (dh, dw) = positions, strides
    taps = [
      x[i : i + (h - 1) * dh + 1 : dh, j : j + (w - 1) * dw + 1 : dw]
      for i in range(size[0])
      for j in range(size[1])
    ]
    patches = jnp.stack(taps, axis=3).reshape(h, w, inputs, -1)
    y = jnp.einsum('hwkb,hwkc->hwcb', patches, kernel).transpose(3, 0, 1, 2)
    return y if bias is None else y + bias


class MinibatchDiscrimination(nn.Module):
  """How close each shower is to the others of its batch, `[b, f]` to `[b, kernels]` (Salimans et
  al. 2016, section 3.2).

  o(x_i)_k = sum over j != i of exp(-|M_ik - M_jk|_1), M = x T: n - 1 in a batch of n identical
  showers, 0 where all are far apart. (The paper's sum includes j = i, a constant 1.) To join it
  with the features is the caller's part. T starts small enough for showers whose features have unit
  variance to see each other.
  """

  kernels: int = 10
  dims: int = 10

  @nn.compact
  def __call__(self, x: Float[Array, 'b f']) -> Float[Array, 'b k']:
    initial = nn.initializers.variance_scaling(
      1 / self.dims, 'fan_in', 'normal', in_axis=0, out_axis=2, batch_axis=1
    )
    tensor = self.param('tensor', initial, (x.shape[-1], self.kernels, self.dims))
    m = jnp.einsum('bf,fkd->kbd', x.astype(jnp.float32), tensor)
    closeness = jnp.exp(-jnp.abs(m[:, :, None] - m[:, None]).sum(-1))
    # Without the diagonal: a shower is always like itself.
    return (closeness * (1 - jnp.eye(len(x)))).sum(-1).T


class AttentionBetweenLayers(nn.Module):
  """Mixes an earlier layer's image into the image of the next, both of as many channels, one as
  published (CaloGAN, 1705.02355, its public code).

  The earlier image is resized to the next one's grid; a 3x3 layer on both gives two logits a cell;
  their softmax weighs the two images. Locally connected, or with `convolutional` one kernel for all
  cells (Conditional CaloGAN, section 6.1). The weight of the earlier image starts near 0.12, by its
  bias of -2: the public code has -10 (a weight of 5e-5), where no short training gets away from.
  """

  convolutional: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, image: Float[Array, 'b h w c'], earlier: Float[Array, 'b g u c']
  ) -> Float[Array, 'b h w c']:
    earlier = resize(earlier, image.shape[1:3])
    both = jnp.concatenate([image, earlier], axis=-1)
    layer = (Conv if self.convolutional else LocallyConnected)(
      2, (3, 3), padding='SAME', dtype=self.dtype
    )
    logits = layer(both).astype(jnp.float32) + jnp.array([0.0, -2.0])
    weights = jax.nn.softmax(logits, axis=-1).astype(both.dtype)
    return image * weights[..., :1] + earlier * weights[..., 1:]


def resize(x: Float[Array, 'b g u c'], shape: tuple[int, ...]) -> Float[Array, 'b h w c']:
  """The images averaged over the cells of another grid that spans the same area: a cell is the mean
  of what it covers.
  """
  rows, columns = (_overlaps(n, m) for n, m in zip(x.shape[1:3], shape))
  return jnp.einsum('hg,wu,bguc->bhwc', rows.astype(x.dtype), columns.astype(x.dtype), x)


def _overlaps(n: int, m: int) -> np.ndarray:
  """`[m, n]`: the fraction of each of m equal intervals that lies in each of n equal intervals,
  over the same range.
  """
  ends, starts = np.arange(1, m + 1)[:, None] / m, np.arange(m)[:, None] / m
  inside = np.minimum(ends, np.arange(1, n + 1) / n) - np.maximum(starts, np.arange(n) / n)
  return m * np.maximum(inside, 0)


def blur(x: Float[Array, 'b h w c'], size: tuple[int, ...]) -> Float[Array, 'b h w c']:
  """The images convolved with a fixed kernel of 1 / (n m) on n x m pixels, 0 outside them
  (Conditional CaloGAN, section 6.1).

  An even window reaches one pixel further towards higher indices. Nothing in it is trained.
  """
  if size == (1, 1):
    return x
  pads = lax.padtype_to_pads(x.shape[1:3], size, (1, 1), 'SAME')
  x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
  shifted = lambda x, axis, n: jnp.asarray(
    sum(lax.slice_in_dim(x, i, i + x.shape[axis] - n + 1, axis=axis) for i in range(n))
  )
  return shifted(shifted(x, 1, size[0]), 2, size[1]) / math.prod(size)


def occupancy(x: Float[Array, 'b v']) -> Float[Array, ' b']:
  """Fraction of cells above zero: eq. 4 of the Conditional CaloGAN. It has no gradient."""
  return (x > 0).mean(-1)


def soft_sparsity(
  x: Float[Array, 'b v'], alpha: float = 6.0, beta: float = 1.2
) -> Float[Array, ' b']:
  """Mean over the cells of softsign(|x|^alpha + |x|^(1/beta)): an occupancy with a gradient
  (Conditional CaloGAN, section 5).

  This is the authors' code. The paper prints (eq. 5) s / (s + 1) with s = |x|^alpha + |x|^-beta,
  which is NaN at 0, tends to 1 as x -> 0 against its own eq. 6, and is nowhere under 0.61: it
  cannot tell a lit cell from a dark one. The code's form is 0 at 0 and tends to 1 for large x; its
  limit of large alpha and beta is 1/2 for 0 < x < 1, so eq. 6 holds for neither.

  |x|^(1/beta) has an infinite slope at 0, where most cells of a shower are. Under |x| = 1e-3 it is
  replaced by the chord through 0, of slope 1000^(1 - 1/beta) = 3.2, which moves the value by less
  than 3e-4. At 0 itself the derivative is that slope, the one from the right, and not the 0 that
  |x| would give: otherwise no dark cell could be told to light up. Cells over 100, where the value
  is 1 to all digits, count as 100, so that nothing overflows.
  """
  x = x.astype(jnp.float32)
  knee = 1e-3
  # Not abs: its derivative at 0 is 0, see above.
  size = jnp.minimum(jnp.where(x < 0, -x, x), 100.0)
  # The inner where keeps the power away from 0: a gradient of both branches is taken, and the
  # power's there is infinite.
  root = jnp.where(
    size < knee, size * knee ** (1 / beta - 1), jnp.where(size < knee, knee, size) ** (1 / beta)
  )
  return jax.nn.soft_sign(size**alpha + root).mean(-1)
