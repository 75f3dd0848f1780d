"""How a network hears of the particle: what it is told scales and shifts its channels."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.models.layers import gain


def heard(told: Float[Array, 'b t'] | None, width: int, slope: float) -> Array | None:
  """The hidden layer `[b, width]` between what is told of the particle and every `film`, with the
  slope of its leaky ReLU; inside a compact module. None where nothing is told, or the width is 0.
  """
  if told is None or not width:
    return None
  return jax.nn.leaky_relu(nn.Dense(width, name='hearing')(told), slope)


def film(x: Array, heard: Array | None, name: str | None = None, still: bool = False) -> Array:
  """Scales and shifts x channel by channel by what is heard `[b, h]` of the particle (FiLM, Perez
  et al. 2018); inside a compact module. x itself where nothing is, and, if `still`, at the start: a
  generator whose channels a particle scales at random does not find back within a warm start.
  """
  if heard is None:
    return x
  begun = nn.initializers.zeros if still else gain(1)
  both = nn.Dense(2 * x.shape[-1], kernel_init=begun, name=name)(heard)
  scale, shift = jnp.split(both, 2, axis=1)
  shape = (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
  return x * (1 + scale.reshape(shape)) + shift.reshape(shape)
