"""Dense networks for any layers: voxels in rings and sectors, one cell wide, 368 to 40,500 of them
(CaloChallenge).
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from calojax.models.layers import Normalised, sparse_relu

Grids = tuple[tuple[int, int], ...]


class Generator(nn.Module):
  """Noise and condition -> voxels of all layers, in network space (>= 0).

  Dense layers with batch norm and LeakyReLU see the shower as a whole; of their output each layer
  gets a code of `rank` numbers, and a dense map from the code to its voxels. The code keeps the
  maps small: 40,500 voxels would take 20.7 million parameters directly from 512 units.

  With 256 latent variables and one condition: 574,960 parameters for the five layers and 368 voxels
  of the photons of the CaloChallenge, 3,989,968 for 45x144 voxels, 8,378,548 for 45x900.

  Attributes:
    grids: shape of each layer.
    widths: of the dense layers.
    rank: numbers that a layer's voxels are made of.
    spectral: spectral normalisation of every weight.
  """

  grids: Grids
  widths: tuple[int, ...] = (256, 512)
  rank: int = 128
  spectral: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, z: Float[Array, 'b z'], condition: Float[Array, 'b m'], train: bool
  ) -> Float[Array, 'b v']:
    dense = lambda width, x: Normalised(nn.Dense(width, dtype=self.dtype), self.spectral)(x, train)
    x = jnp.concatenate([z, condition], axis=-1).astype(self.dtype)
    for width in self.widths:
      x = nn.BatchNorm(use_running_average=not train, momentum=0.99, dtype=self.dtype)(
        dense(width, x)
      )
      x = jax.nn.leaky_relu(x, 0.2)
    codes = jax.nn.leaky_relu(dense(len(self.grids) * self.rank, x), 0.2)
    codes = jnp.split(codes, len(self.grids), axis=-1)
    voxels = [dense(nx * ny, code) for (nx, ny), code in zip(self.grids, codes)]
    return sparse_relu(jnp.concatenate(voxels, axis=-1).astype(jnp.float32))


class Discriminator(nn.Module):
  """Voxels and condition -> `{'score': [b]}`, and with a regressor head `'targets': [b, targets]`.

  Each layer's voxels become a code of `rank` numbers; with every layer's mean voxel and share of
  lit voxels, and with the condition, they go into dense layers. The share counts a voxel as tanh(10
  x), which has a gradient. No batch norm: scores of a gradient penalty are single.

  With one condition: 325,441 parameters for the 368 voxels of the photons of the CaloChallenge,
  2,070,849 for 45x144 voxels, 4,248,129 for 45x900.

  Attributes:
    grids: shape of each layer.
    widths: of the dense layers.
    rank: numbers that a layer's voxels are summed up in.
    targets: how many quantities the regressor head predicts; 0 for none.
    spectral: spectral normalisation of every weight.
  """

  grids: Grids
  widths: tuple[int, ...] = (512, 256)
  rank: int = 64
  targets: int = 0
  spectral: bool = False
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, x: Float[Array, 'b v'], condition: Float[Array, 'b m'], train: bool
  ) -> dict[str, Array]:
    dense = lambda width, x: Normalised(nn.Dense(width, dtype=self.dtype), self.spectral)(x, train)
    activated = lambda width, x: jax.nn.leaky_relu(dense(width, x), 0.2)
    ends = np.cumsum([nx * ny for nx, ny in self.grids])
    layers = jnp.split(x.astype(self.dtype), ends[:-1], axis=-1)
    codes = [activated(self.rank, layer) for layer in layers]
    # Ten times: a voxel of a tenth of the unit counts as lit by three quarters.
    sums = [jnp.stack([layer.mean(-1), jnp.tanh(10 * layer).mean(-1)], axis=-1) for layer in layers]
    features = jnp.concatenate([*codes, *sums, condition.astype(self.dtype)], axis=-1)
    for width in self.widths:
      features = activated(width, features)
    heads: dict[str, Any] = {'score': dense(1, features)[:, 0].astype(jnp.float32)}
    if self.targets:
      heads['targets'] = dense(self.targets, activated(64, features)).astype(jnp.float32)
    return heads
