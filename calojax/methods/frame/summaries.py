"""Numbers that a discriminator is shown beside the cells: they cost a dense network many units to
find.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from calojax.geometry import Geometry, Layer
from calojax.methods.frame.standard import Standard, from_shares, to_shares
from calojax.showers import Array

SHARES = np.logspace(-5, -1, 12)  # of the layer's energy: thresholds of the occupancies
SOFTNESS = 0.3  # width of a threshold over its value in network space
RINGS = (3.0, 9.0)  # borders in cells, of a calorimeter of one layer
FINE = 6  # layers, up to which each has its moments


def summaries(x: Float[Array, 'b v'], standard: Standard, geometry: Geometry) -> Array:
  """Soft occupancies in rings, and moments along and across the inclination, `[b, n]`.

  Args:
    x: cells in network space.
    standard: how the showers lie.
    geometry: of the cells.
  """
  thresholds = from_shares(jnp.asarray(SHARES, jnp.float32))
  lit = jnp.clip((x[..., None] - thresholds) / (SOFTNESS * thresholds) + 0.5, 0, 1)
  counts = jnp.einsum('bvk,vr->brk', lit, jnp.asarray(_rings(geometry), jnp.float32))
  columns = [jnp.log1p(counts).reshape(len(x), -1)]
  if len(geometry.layers) <= FINE:
    images = geometry.split(to_shares(x))
    for number, image in enumerate(images):
      columns.append(_moments(image.reshape(len(x), -1), number, standard, geometry))
  return jnp.concatenate(columns, axis=1)


def _moments(
  energies: Float[Array, 'b v'], number: int, standard: Standard, geometry: Geometry
) -> Float[Array, 'b 8']:
  """Mean, logarithm of the variance, asymmetry and third moment of a layer along both axes, in
  cells.
  """
  layer, slope = geometry.layers[number], standard.placement.slope
  share = energies / (energies.sum(-1, keepdims=True) + 1e-6)
  pitch = np.asarray(layer.pitch if isinstance(layer, Layer) else (layer.edges[1],) * 2)
  centre = np.asarray(layer.centre if isinstance(layer, Layer) else (0.0, 0.0))
  cells = jnp.asarray((layer.positions()[:, :2] - centre) / pitch.min(), jnp.float32)
  crossing = standard.placement.offset[:, number] * jnp.asarray(pitch / pitch.min(), jnp.float32)
  dx, dy = (cells[:, i] - crossing[:, i, None] for i in (0, 1))
  length = jnp.sqrt(jnp.square(slope).sum(1) + 1e-12)[:, None]
  cosine, sine = slope[:, :1] / length, slope[:, 1:] / length
  columns = []
  for w in (cosine * dx + sine * dy, cosine * dy - sine * dx):
    mean = (share * w).sum(-1)
    variance = (share * jnp.square(w)).sum(-1) - jnp.square(mean)
    third = (share * jnp.abs(w) ** 3).sum(-1)
    # Finite slopes of the logarithm and of the root where a shower is dark.
    columns += [mean, jnp.log(jnp.maximum(variance, 0) + 0.01), (share * jnp.sign(w)).sum(-1)]
    columns.append((third + 1e-3) ** (1 / 3))
  return jnp.stack(columns, axis=1)


def _rings(geometry: Geometry) -> np.ndarray:
  """`[v, r]`, 1 where a cell belongs to a ring: three about the crossing in a single layer, else
  each layer is one.
  """
  (layer, *others) = geometry.layers
  if others or not isinstance(layer, Layer):
    counts = [layer.cells for layer in geometry.layers]
    return np.repeat(np.eye(len(counts)), counts, axis=0)
  x, y = ((layer.positions()[:, :2] - layer.centre) / layer.pitch).T
  ring = np.digitize(np.hypot(x, y), RINGS)
  return np.eye(len(RINGS) + 1)[ring]
