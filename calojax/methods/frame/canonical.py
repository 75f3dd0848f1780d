"""The canonical frame: every shower is rolled until its trajectory crosses the middle of the grid,
and turned into one part of the cells' symmetry; a generator learns one place in place of all.

A move leaves the values as they are: a product with a matrix of ones and zeros. What is rolled over
the edge of the grid is lost, as it is in a calorimeter that ends there; nothing comes round at the
other side. Cells around the axis (polar layers) are neither rolled nor turned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from calojax.geometry import Geometry, Layer
from calojax.methods.frame.crossing import crossings, inclination
from calojax.showers import Array, Condition


class Placement(NamedTuple):
  """How a shower lies in the calorimeter.

  Attributes:
    shift: `[b, l, 2]`, cells from the middle of each layer to the cell (or corner, where the number
      of cells is even) that the trajectory crosses next to.
    flip: `[b, 2]`, whether x and y are reversed.
    exchange: `[b]`, whether x and y are exchanged after that.
    offset: `[b, l, 2]`, from that middle to the crossing in the canonical frame, in cells.
    slope: `[b, 2]`, dx/dz and dy/dz in the canonical frame.
  """

  shift: Array
  flip: Array
  exchange: Array
  offset: Array
  slope: Array


def symmetries(geometry: Geometry) -> int:
  """How many images a shower has under the symmetry of the cells: 8 of square cells and grids
  centred on the axis, 4 of other rectangular ones so centred, else 1.
  """
  layers = [layer for layer in geometry.layers if isinstance(layer, Layer)]
  if len(layers) < len(geometry.layers) or any(tuple(layer.centre) != (0, 0) for layer in layers):
    return 1
  square = all(
    layer.shape[0] == layer.shape[1] and layer.pitch[0] == layer.pitch[1] for layer in layers
  )
  return 8 if square else 4


def place(planes: Float[Array, 'l 2'], condition: Condition, geometry: Geometry) -> Placement:
  """How showers of these particles lie; see `crossing` on the planes.

  The crossing of the first layer decides which of the images is the canonical one: behind its
  middle along both axes, and farther along x than along y.
  """
  points = crossings(planes, condition)
  cells = [
    (points[:, i] - jnp.asarray(layer.centre)) / jnp.asarray(layer.pitch)
    if isinstance(layer, Layer)
    else jnp.zeros_like(points[:, i])
    for i, layer in enumerate(geometry.layers)
  ]
  offset = jnp.stack(cells, axis=1)
  shift = jnp.floor(offset + 0.5)
  offset, slope = offset - shift, inclination(condition)
  images = symmetries(geometry)
  flip = offset[:, 0] < 0 if images > 1 else jnp.zeros(slope.shape, bool)
  sign = jnp.where(flip, -1.0, 1.0)
  offset, slope = offset * sign[:, None], slope * sign
  exchange = offset[:, 0, 1] > offset[:, 0, 0] if images == 8 else jnp.zeros(slope.shape[:1], bool)
  offset = jnp.where(exchange[:, None, None], _swapped(offset), offset)
  slope = jnp.where(exchange[:, None], _swapped(slope), slope)
  return Placement(shift, flip, exchange, offset, slope)


def canonical(
  energies: Float[Array, 'b v'], placement: Placement, geometry: Geometry
) -> Float[Array, 'b v']:
  """Showers in the canonical frame; cells of it that the calorimeter does not have are 0."""

  def moved(image: Array, x: Array, y: Array) -> Array:
    image = _product('bij,bjl->bil', _product('bki,bkj->bij', x, image), y)
    return _exchanged(image, placement.exchange)

  return _each_grid(moved, energies, placement, geometry)


def restored(
  energies: Float[Array, 'b v'], placement: Placement, geometry: Geometry
) -> Float[Array, 'b v']:
  """Showers back in the calorimeter: the inverse of `canonical`."""

  def moved(image: Array, x: Array, y: Array) -> Array:
    image = _exchanged(image, placement.exchange)
    return _product('bij,blj->bil', _product('bki,bij->bkj', x, image), y)

  return _each_grid(moved, energies, placement, geometry)


def _each_grid(
  moved: Callable[[Array, Array, Array], Array],
  energies: Float[Array, 'b v'],
  placement: Placement,
  geometry: Geometry,
) -> Float[Array, 'b v']:
  """The showers with each layer's image `[b, n, m]` moved, given the moves along x and y; layers
  around the axis stay.
  """
  images = []
  for number, image in enumerate(geometry.split(energies)):
    if isinstance(geometry.layers[number], Layer):
      image = moved(image, *_moves(placement, number, image.shape[1:]))
    images.append(image.reshape(energies.shape[0], -1))
  return jnp.concatenate(images, axis=1)


def observed(placement: Placement, geometry: Geometry) -> Bool[Array, 'b v']:
  """Which cells of the canonical frame the calorimeter has."""
  ones = jnp.ones((placement.exchange.shape[0], geometry.cells))
  return canonical(ones, placement, geometry) > 0.5


def _moves(placement: Placement, layer: int, shape: tuple[int, ...]) -> tuple[Array, Array]:
  """`[b, n, n]` along x and along y: 1 where the calorimeter's cell i is the frame's cell j."""
  matrices = []
  for axis, n in enumerate(shape):
    places = jnp.arange(n, dtype=jnp.float32)
    flip, shift = placement.flip[:, axis, None], placement.shift[:, layer, axis, None]
    target = jnp.where(flip, n - 1 - places, places) + shift
    matrices.append((places[:, None] == target[:, None, :]).astype(jnp.float32))
  return matrices[0], matrices[1]


def _swapped(pairs: Float[Array, '... 2']) -> Array:
  """Y and x; written so that ONNX has it, which does not read backwards."""
  return jnp.stack([pairs[..., 1], pairs[..., 0]], axis=-1)


def _exchanged(image: Float[Array, 'b n m'], exchange: Array) -> Array:
  """The images with x and y exchanged where that is asked for; only square ones are asked."""
  if image.shape[1] != image.shape[2]:
    return image
  return jnp.where(exchange[:, None, None], jnp.swapaxes(image, 1, 2), image)


def _product(equation: str, *arrays: Array) -> Array:
  # An accelerator would round the factors to fewer bits, and a move has to leave them as they are.
  return jnp.einsum(equation, *arrays, precision=jax.lax.Precision.HIGHEST)
