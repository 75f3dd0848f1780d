"""The networks of the papers in the canonical frame: a generator that ends in hurdle cells, and a
discriminator of standardised cells that is shown summaries beside them.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.models import DISCRIMINATORS, GENERATORS, dense, vae
from calojax.models.hurdle import HEADS, Hurdle, Scales, hurdle
from calojax.registry import find

DECODERS = {'vae': vae.Decoder}  # beside the generators


class Decoder(nn.Module):
  """Latent variables `[b, z]` and what is told of the particle `[b, m]` -> hurdle cells `[b, v]`.

  The generator's outputs and a bias of every cell's own: in this frame every shower lies at the
  same place, so a cell is not like its neighbours, and a convolution treats them alike.

  Attributes:
    network: a generator with `framed` set.
    cells: v.
  """

  network: nn.Module
  cells: int

  @nn.compact
  def __call__(
    self, z: Float[Array, 'b z'], told: Float[Array, 'b m'], scales: Scales, train: bool
  ) -> Hurdle:
    """The cells, about what they hold in the training showers."""
    bias = self.param('cells', nn.initializers.zeros, (self.cells, HEADS))
    logit, centre, below, above = jnp.moveaxis(self.network(z, told, train) + bias, -1, 0)
    return hurdle(logit, centre, (below, above), scales)


class Critic(nn.Module):
  """Standardised cells `[b, v]`, summaries `[b, n]` and what is told `[b, m]` -> `{'score': [b]}`,
  and `'targets'` where the discriminator has a regressor. The summaries join where the condition
  does.

  Attributes:
    network: a discriminator that can be told of the particle.
  """

  network: nn.Module

  @nn.compact
  def __call__(
    self, x: Float[Array, 'b v'], shown: Float[Array, 'b n'], told: Float[Array, 'b m'], train: bool
  ) -> dict[str, Array]:
    """The scores, higher for real showers."""
    return self.network(x, jnp.concatenate([shown, told], axis=1), train, told)


def decoder(settings: dict[str, Any], geometry: Geometry, dtype: str) -> nn.Module:
  """The decoder of a config's `generator`: its name, and the network's fields.

  Raises:
    ValueError: a name that no registry knows, a network that has no form for the frame, or a dense
      one in another arithmetic than float32.
  """
  name, fields = _told(settings, dtype)
  if name == 'dense':
    return dense.Decoder(geometry.cells, **fields)
  network = DECODERS.get(name) or find(GENERATORS, name, 'generator')
  _expect_framed(network, name, 'generator')
  return Decoder(network(geometry.grids, framed=True, **fields), geometry.cells)


def critic(settings: dict[str, Any], geometry: Geometry, dtype: str, targets: int = 0) -> nn.Module:
  """The critic of a config's `discriminator`, with a regressor of so many targets.

  Raises:
    ValueError: as `decoder`.
  """
  name, fields = _told(settings, dtype)
  if name == 'dense':
    return dense.Critic(targets=targets, **fields)
  network = find(DISCRIMINATORS, name, 'discriminator')
  _expect_framed(network, name, 'discriminator')
  return Critic(network(geometry.grids, framed=True, targets=targets, **fields))


def _told(settings: dict[str, Any], dtype: str) -> tuple[str, dict[str, Any]]:
  """The name of a network and its fields, the arithmetic among them, which dense ones have not."""
  fields = {name: value for name, value in settings.items() if name != 'name'}
  if settings['name'] != 'dense':
    return settings['name'], fields | {'dtype': jnp.dtype(dtype)}
  if dtype != 'float32':
    raise ValueError(f'dtype is {dtype!r}, expected float32 with dense networks')
  return 'dense', fields


def _expect_framed(network: Any, name: str, kind: str) -> None:
  """Raises ValueError unless a network has a form for the frame."""
  if 'framed' not in getattr(network, '__dataclass_fields__', ()):
    raise ValueError(
      f'{kind}.name is {name!r}, which has no form for the canonical frame, expected dense or a '
      "network with a field 'framed'"
    )
