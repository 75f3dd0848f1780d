"""Nearest neighbours by a balanced k-d tree, in plain array operations: it compiles, and exports
with a program that holds it.

The tree is implicit. Its points are sorted into 2^K buckets of a few points each, halved K times at
the median of the widest axis; node i has the children 2 i and 2 i + 1, the root is 1, and the
leaves 2^K ... 2^(K+1) - 1 are the buckets. What is kept of a node is the box around its points, and
a query passes by every box that is farther than the best point so far. A query needs no stack: the
bits of a leaf's number are its path, and which siblings along it are still to be looked at is K
flags (Bentley 1975; Friedman, Bentley and Finkel 1977).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

BUCKET = 8  # points a leaf at most
# Where empty slots lie: finite itself, but the squared distance to it overflows to infinity.
FAR = np.finfo(np.float32).max


class Tree(NamedTuple):
  """A k-d tree with 2^K leaves of p slots.

  Attributes:
    points: `[2^K, p, d]`, `FAR` where a slot is empty.
    rows: `[2^K, p]`, the points' rows in the array that the tree was built from; -1 where a slot is
      empty.
    low, high: `[2^(K+1), d]`, the corners of the nodes' boxes, `FAR` and `-FAR` of a node without
      points.
  """

  points: Array
  rows: Array
  low: Array
  high: Array


class Found(NamedTuple):
  """Nearest points.

  Attributes:
    rows: `[b]`, -1 in a tree without points.
    distances: `[b]`, Euclidean.
    points: `[b]`, how many points (empty slots too) were compared.
  """

  rows: Array
  distances: Array
  points: Array


def build(points: Float[Array, 'n d']) -> Tree:
  """The tree of these points; a point that is not finite is an empty slot and is never found.

  Raises:
    ValueError: not a matrix of at least one point.
  """
  if points.ndim != 2 or 0 in points.shape:
    raise ValueError(f'points of shape {points.shape}, expected [n, d] with at least one point')
  count, dimension = points.shape
  # Of the number of slots alone: a compiled tree has its shape before it has its points.
  depth = max(0, math.ceil(math.log2(count / BUCKET)))
  size = -(-count // 2**depth)
  filled = jnp.isfinite(points).all(-1)
  points = jnp.where(filled[:, None], points.astype(jnp.float32), FAR)
  rows = jnp.where(filled, jnp.arange(count), -1)
  missing = size * 2**depth - count
  points = jnp.pad(points, ((0, missing), (0, 0)), constant_values=FAR)[None]
  rows = jnp.pad(rows, (0, missing), constant_values=-1)[None]
  for _ in range(depth):
    points, rows = _halve(points, rows)
  return Tree(points, rows, *_boxes(points))


def nearest(tree: Tree, queries: Float[Array, 'b d']) -> Int[Array, ' b']:
  """The row of the point nearest to each query, one of them if several are; -1 in a tree without
  points.
  """
  return search(tree, queries).rows


def search(tree: Tree, queries: Float[Array, 'b d']) -> Found:
  """The point nearest to each query and what it took to find it.

  Raises:
    ValueError: queries of another dimension than the tree's.
  """
  dimension = tree.points.shape[-1]
  if queries.ndim != 2 or queries.shape[-1] != dimension:
    raise ValueError(f'queries of shape {queries.shape}, expected [b, {dimension}]')
  return jax.vmap(lambda query: _search(tree, query))(queries.astype(jnp.float32))


def _extent(points: Float[Array, 'l m d']) -> tuple[Array, Array]:
  """Lowest and highest coordinates `[l, d]` of each node's points, `FAR` and `-FAR` without
  points.
  """
  return points.min(1), jnp.where(points < FAR, points, -FAR).max(1)


def _halve(points: Float[Array, 'l m d'], rows: Int[Array, 'l m']) -> tuple[Array, Array]:
  """The points of each node in two halves `[2 l, m / 2, d]`, split at the median of the axis along
  which they spread most.
  """
  low, high = _extent(points)
  axis = jnp.argmax(high / 2 - low / 2, axis=-1)  # halves, because FAR - -FAR is no number
  order = jnp.argsort(jnp.take_along_axis(points, axis[:, None, None], axis=2)[..., 0], axis=1)
  points, rows = (
    jnp.take_along_axis(points, order[..., None], axis=1),
    jnp.take_along_axis(rows, order, axis=1),
  )
  shape = (2 * points.shape[0], points.shape[1] // 2)
  return points.reshape(*shape, -1), rows.reshape(shape)


def _boxes(points: Float[Array, 'l p d']) -> tuple[Array, Array]:
  """Corners `[2 l, d]` of all nodes' boxes, from the leaves up; node 0 does not exist and has the
  root's.
  """
  levels = [_extent(points)]
  while len(levels[-1][0]) > 1:
    low, high = (corner.reshape(-1, 2, corner.shape[-1]) for corner in levels[-1])
    levels.append((low.min(1), high.max(1)))
  low, high = zip(*reversed(levels + [levels[-1]]))
  return jnp.concatenate(low), jnp.concatenate(high)


class _Walk(NamedTuple):
  """A query between two leaves.

  Attributes:
    leaf: the one to look at next, 0 if none is left.
    unseen: `[K]`, at every height whether the sibling of the leaf's ancestor there is still to be
      looked at (0: the leaf's own).
    found: the best so far.
  """

  leaf: Array
  unseen: Array
  found: Found


def _search(tree: Tree, query: Float[Array, ' d']) -> Found:
  leaves, size = tree.rows.shape
  depth = leaves.bit_length() - 1
  heights = jnp.arange(depth)

  def to_box(node: Array) -> Array:
    """Squared distance of the query to a node's box, infinite for one without points."""
    beyond = jnp.maximum(jnp.maximum(tree.low[node] - query, query - tree.high[node]), 0.0)
    return jnp.square(beyond).sum(-1)

  def descend(node: Array, height: Array, unseen: Array) -> tuple[Array, Array]:
    """The leaf below a node at `height` on the way of the nearer boxes; the siblings passed by are
    unseen.
    """
    step = lambda i, node: jnp.where(
      i < height, 2 * node + (to_box(2 * node + 1) < to_box(2 * node)), node
    )
    return jax.lax.fori_loop(0, depth, step, node), unseen | (heights < height)

  def look(walk: _Walk) -> _Walk:
    """The walk after the leaf that it is at; it goes to the sibling next above."""
    slots = jnp.square(tree.points[walk.leaf - leaves] - query).sum(-1)
    slot = jnp.argmin(slots)
    nearer = slots[slot] < walk.found.distances
    best = jnp.where(nearer, slots[slot], walk.found.distances)
    row = jnp.where(nearer, tree.rows[walk.leaf - leaves, slot], walk.found.rows)
    siblings = (walk.leaf >> heights) ^ 1
    # < and not <=: among equally near points any will do.
    unseen = walk.unseen & (to_box(siblings) < best)  # a box that is too far now stays so
    height = jnp.argmax(unseen) if depth else jnp.asarray(0)
    left = unseen.any()
    leaf, unseen = descend((walk.leaf >> height) ^ 1, height, unseen & (heights != height))
    return _Walk(jnp.where(left, leaf, 0), unseen, Found(row, best, walk.found.points + size))

  leaf, unseen = descend(jnp.asarray(1), jnp.asarray(depth), jnp.zeros(depth, bool))
  nothing = Found(
    jnp.asarray(-1, tree.rows.dtype), jnp.asarray(jnp.inf, jnp.float32), jnp.asarray(0)
  )
  found = jax.lax.while_loop(lambda walk: walk.leaf > 0, look, _Walk(leaf, unseen, nothing)).found
  return found._replace(distances=jnp.sqrt(found.distances))
