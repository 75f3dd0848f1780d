"""CaloGAN (Paganini et al., 1705.02355) and Conditional CaloGAN (de Oliveira et al. 2017) for
calorimeters of several layers.

The sizes are those of the authors' public code. `conditional` makes the second system of the first.
"""

from __future__ import annotations

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.models.convolutions import Conv
from calojax.models.hearing import film, heard
from calojax.models.hurdle import HEADS
from calojax.models.layers import (
  AttentionBetweenLayers,
  LocallyConnected,
  MinibatchDiscrimination,
  blur,
  occupancy,
  soft_sparsity,
  sparse_relu,
)

SLOPE = 0.3  # of every leaky ReLU: the default of the library the authors used


class Generator(nn.Module):
  """Noise and condition -> showers in network space (>= 0), one stream of layers for each
  calorimeter layer.

  Noise times condition[:, 0], a measure of the energy -> Dense to (r + 2) x (c + 2) x 36 -> 2x2
  convolution, leaky ReLU, batch norm -> two locally connected 2x2 layers, without padding ->
  attention from the layer before -> ReLU (exact zeros). With grids 96x3, 12x12 and 6x12 and 1024
  noise variables: 29,726,280 parameters; as the conditional system with six conditions: 29,626,945.

  Attributes:
    grids: cells along x and y of each layer, front to back; all layers span the same area.
    channels: of the dense layer's image, the convolution and the first locally connected layer.
    conditional: all conditions join the scaled noise, and kernels are shared between positions,
      also those of the attention.
    attention: from layer to layer.
    blur: window of a fixed blur of each layer, (1, 1) for none; empty for none at all. The paper
      says "specific detector layers", not which.
    framed: for hurdle cells, see `models.framed`: `[b, v, HEADS]`, which attention and blur mix as
      they do cells; noise that nothing scales, and no norm of the batch.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, int, int] = (36, 16, 6)
  conditional: bool = False
  attention: bool = True
  blur: tuple[tuple[int, int], ...] = ()
  framed: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool) -> Array:
    _check(self.grids)
    if self.blur and len(self.blur) != len(self.grids):
      raise ValueError(
        f'blur is {self.blur}, expected a window for each of the {len(self.grids)} layers '
        f'{self.grids}'
      )
    z, condition = z.astype(self.dtype), condition.astype(self.dtype)
    z = jnp.concatenate([z, condition], axis=1) if self.framed else z * condition[:, :1]
    image, cells, heads = None, [], HEADS if self.framed else 1
    for i, grid in enumerate(self.grids):
      stream = self._stream(z, condition, grid, train)
      if self.blur:
        stream = blur(stream, tuple(self.blur[i]))
      if image is None or not self.attention:
        image = stream
      else:
        image = AttentionBetweenLayers(self.conditional, self.dtype)(stream, image)
      cells.append(image.reshape(z.shape[0], -1, heads))
    drawn = jnp.concatenate(cells, axis=1).astype(jnp.float32)
    return drawn if self.framed else sparse_relu(drawn[..., 0])

  def _stream(self, z: Array, condition: Array, grid: tuple[int, int], train: bool) -> Array:
    """One layer's image `[b, r, c, 1]`, or of the heads of hurdle cells, before attention and
    ReLU.
    """
    # The two layers without padding at the end take a pixel each along both axes.
    start = (grid[0] + 2, grid[1] + 2, self.channels[0])
    x = nn.Dense(math.prod(start), dtype=self.dtype)(z)
    if self.conditional and not self.framed:
      # In effect one dense layer on both, but with weights of their own size: six conditions would
      # drown in 1024 noise variables.
      x = x + nn.Dense(math.prod(start), use_bias=False, dtype=self.dtype)(condition)
    x = Conv(self.channels[1], (2, 2), dtype=self.dtype)(x.reshape(-1, *start))
    x = jax.nn.leaky_relu(x, SLOPE)
    x = x if self.framed else _batch_norm(x, train, self.dtype)
    local = functools.partial(
      Conv if self.conditional else LocallyConnected, padding='VALID', dtype=self.dtype
    )
    x = jax.nn.leaky_relu(local(self.channels[2], (2, 2))(x), SLOPE)
    heads = HEADS if self.framed else 1
    return local(heads, (2, 2), use_bias=self.conditional)(x)


class Discriminator(nn.Module):
  """Showers and condition -> `{'score': [b]}` and, with targets, `'targets': [b, targets]`: a
  regressor of the attributes.

  For each layer a 2x2 convolution and three locally connected layers, the closeness of these
  features to the other showers of the batch, the layer's occupancy and its closeness; then all
  columns of `condition` (conditions, layer energies, ...) and their closeness; one hidden layer;
  the score. With grids 96x3, 12x12 and 6x12 and six columns (energy, layer energies, total energy,
  energy error): 2,861,237 parameters; as the conditional system with 11 columns and 5 targets:
  445,374.

  Differences from the authors' code:
  - closeness is the tanh of the mean over the other showers, not of their sum: the sum's tanh is 1
    to all digits once some nine showers are alike, and for the occupancies of any fair batch that
    is a constant without gradient;
  - a hidden layer before the score: read linearly, features cannot be weighed against conditions;
  - the predicted attributes join the features, as in the other networks here;
  - no batch norm, which a gradient penalty forbids.

  Attributes:
    grids: cells along x and y of each layer, front to back.
    channels: of the convolution and the three locally connected layers.
    targets: how many attributes the regressor predicts; 0 for none.
    hidden: width of the hidden layer, and of the regressor's.
    conditional: kernels are shared between positions, and the occupancy is the soft one, with a
      gradient.
    minibatch: whether closeness to the other showers of the batch is among the features.
    sparsity: whether the layers' occupancies are.
    hearing: of a layer between what is told of the particle and the scales and shifts of the
      channels; 0 for none.
    framed: of standardised cells beside summaries that have the occupancies: none of its own, and
      nothing of the batch's other showers, which a penalty of each shower forbids.
  """

  grids: tuple[tuple[int, int], ...]
  channels: tuple[int, int, int, int] = (64, 16, 8, 8)
  targets: int = 0
  hidden: int = 64
  conditional: bool = False
  minibatch: bool = True
  sparsity: bool = True
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
    layers = _split(x, self.grids)
    particle = heard(told, self.hearing, SLOPE)
    trunk = [self._features(image, particle) for image in layers]
    condition = condition.astype(self.dtype)
    measure = soft_sparsity if self.conditional else occupancy
    counted = layers if self.sparsity and not self.framed else []
    lit = [measure(image.reshape(x.shape[0], -1))[:, None] for image in counted]
    features = [*trunk, *lit, condition]
    if self.minibatch and not self.framed:
      features += [_closeness(feature, self.dtype) for feature in features]
    dense = functools.partial(nn.Dense, dtype=self.dtype)
    heads = {}
    if self.targets:
      # From the cells alone: the condition would tell the answer.
      seen = jnp.concatenate(trunk, axis=-1)
      features.append(dense(self.targets)(jax.nn.leaky_relu(dense(self.hidden)(seen), SLOPE)))
      heads['targets'] = features[-1].astype(jnp.float32)
    joined = jnp.concatenate([f.astype(self.dtype) for f in features], axis=-1)
    score = dense(1)(jax.nn.leaky_relu(dense(self.hidden)(joined), SLOPE))
    return {'score': score[:, 0].astype(jnp.float32), **heads}

  def _features(self, image: Array, particle: Array | None) -> Array:
    """Features `[b, f]` of one layer."""
    first, *channels = self.channels
    x = Conv(first, (2, 2), dtype=self.dtype)(image.astype(self.dtype))
    x = jax.nn.leaky_relu(film(x, particle), SLOPE)
    local = functools.partial(
      Conv if self.conditional else LocallyConnected, padding=((1, 1), (1, 1)), dtype=self.dtype
    )
    for width, size, strides in zip(channels, ((3, 3), (2, 2), (2, 2)), ((2, 1), (1, 1), (2, 1))):
      x = jax.nn.leaky_relu(film(local(width, size, strides)(x), particle), SLOPE)
    return x.reshape(x.shape[0], -1)


def _closeness(x: Array, dtype: jnp.dtype) -> Array:
  """How close each shower is to the others of its batch, on ten scales, from 0 to tanh(1)."""
  return jnp.tanh(MinibatchDiscrimination()(x) / max(len(x) - 1, 1)).astype(dtype)


def _batch_norm(x: Array, train: bool, dtype: jnp.dtype) -> Array:
  # Keras's epsilon, as in the authors' code; flax has 1e-5.
  return nn.BatchNorm(use_running_average=not train, momentum=0.99, epsilon=1e-3, dtype=dtype)(x)


def _check(grids: tuple[tuple[int, int], ...]) -> None:
  if not grids or any(len(grid) != 2 or min(grid) < 1 for grid in grids):
    raise ValueError(f'grids are {grids}, expected the cells along x and y of one layer or more')


def _split(x: Array, grids: tuple[tuple[int, int], ...]) -> list[Array]:
  """The layers' images `[b, r, c, 1]` of flat showers `[b, v]`."""
  _check(grids)
  ends = np.cumsum([0] + [math.prod(grid) for grid in grids])
  if x.shape[-1] != ends[-1]:
    raise ValueError(
      f'showers of {x.shape[-1]} cells do not fit the grids {grids} of {ends[-1]} cells'
    )
  return [x[:, a:b].reshape(x.shape[0], *grid, 1) for a, b, grid in zip(ends, ends[1:], grids)]
