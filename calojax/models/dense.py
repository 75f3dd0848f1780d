"""Dense networks of showers in a frame where every shower lies at the same place: there is no
translation for convolutions to share weights over.
"""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.hearing import film
from calojax.models.hurdle import Hurdle, Scales, hurdle

SLOPE = 0.2  # of the leaky ReLUs below 0
SMALL = nn.initializers.variance_scaling(0.3, 'fan_in', 'normal')  # for outputs that start near 0


class Decoder(nn.Module):
  """Latent variables `[b, z]` and what is told of the particle `[b, m]` -> hurdle cells `[b, v]`.

  Residual blocks without a norm of the batch. The middle of a cell comes from the whole width, the
  rest of its distribution from a narrower layer: with 900 cells, 64 latent variables, 6 numbers
  told, 1.0 million parameters at the default widths.

  Attributes:
    cells: v.
    width: of the hidden layers.
    narrow: of the layer before logits and slopes.
    blocks: residual blocks.
  """

  cells: int
  width: int = 384
  narrow: int = 128
  blocks: int = 2

  @nn.compact
  def __call__(
    self,
    z: Float[Array, 'b z'],
    told: Float[Array, 'b m'],
    scales: Scales,
    train: bool,
  ) -> Hurdle:
    """The cells, about what they hold in the training showers; nothing is learnt but parameters."""
    del train
    h = leaky(nn.Dense(self.width)(jnp.concatenate([z, told], axis=1)))
    for _ in range(self.blocks):
      y = leaky(nn.Dense(self.width)(h))
      h = h + nn.Dense(self.width, kernel_init=nn.initializers.zeros)(y)
    h = leaky(jnp.concatenate([h, told], axis=1))
    centre = nn.Dense(self.cells, kernel_init=SMALL)(h)
    few = jnp.concatenate([leaky(nn.Dense(self.narrow)(h)), told], axis=1)
    logit, below, above = jnp.split(nn.Dense(3 * self.cells, kernel_init=SMALL)(few), 3, axis=1)
    return hurdle(logit, centre, (below, above), scales)


class Encoder(nn.Module):
  """Standardised cells `[b, v]` and what is told -> mean and log variance `[b, latent]` of the
  latent variables that would have made the shower; only the warm start needs it.
  """

  latent: int
  width: int = 384

  @nn.compact
  def __call__(self, x: Float[Array, 'b v'], told: Float[Array, 'b m']) -> tuple[Array, Array]:
    """The latent variables' distribution."""
    h = leaky(nn.Dense(self.width)(jnp.concatenate([x, told], axis=1)))
    h = leaky(nn.Dense(self.width)(h))
    mean, log_variance = jnp.split(nn.Dense(2 * self.latent)(h), 2, axis=1)
    return mean, jnp.clip(log_variance - 1, -12, 4)  # a start gone wrong stays a number


class Critic(nn.Module):
  """Standardised cells `[b, v]`, summaries `[b, n]` and what is told -> `{'score': [b]}`, higher
  for real showers.

  What is told scales and shifts the units of every layer (FiLM, Perez et al. 2018): concatenated to
  the input alone, it was hardly heard.

  Attributes:
    width: of the hidden layers.
    hearing: of the layer between what is told and the scales.
    targets: none: this network has no regressor.

  Raises:
    ValueError: a regressor is asked for.
  """

  width: int = 384
  hearing: int = 64
  targets: int = 0

  @nn.compact
  def __call__(
    self, x: Float[Array, 'b v'], shown: Float[Array, 'b n'], told: Float[Array, 'b m'], train: bool
  ) -> dict[str, Array]:
    """The scores `[b]`; nothing is learnt but parameters."""
    del train
    if self.targets:
      raise ValueError('the dense discriminator has no regressor, expected weights of 0 for it')
    heard = leaky(nn.Dense(self.hearing)(told))

    def modulated(h: Array) -> Array:
      return leaky(film(h, heard))

    h = nn.Dense(self.width)(jnp.concatenate([x, shown], axis=1))
    h = modulated(h + nn.Dense(self.width)(modulated(h)))
    return {'score': nn.Dense(1)(modulated(nn.Dense(self.width // 2)(h)))[:, 0]}


def leaky(x: Array) -> Array:
  """The leaky ReLU; as a selection it takes ten times as long in ONNX Runtime."""
  return jnp.maximum(x, SLOPE * x)
