"""The order in which a shower's numbers are drawn one after the other: the share that each ring of
cells has of its layer, from the outside in, then the cells of the core a few at a time, then all
others in four passes.

The numbers of a pass are drawn at once, each given all earlier ones: they lie apart from each
other. Of what a number is a share, the cell's ring or the ring's layer, a ledger says how much is
left; so the sums come out right although nobody draws them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calojax.geometry import Geometry, Layer

BORDERS = (1.0, 2.2, 3.3, 4.4, 6.0, 8.0, 11.0, 15.0)  # between rings, in cells from the middle
CORE = 4  # rings whose cells are drawn a few at a time
GROUPS = 4  # passes of a ring of the core
# Where trajectories cross, in cells from the middle: behind it along both axes, farther along x.
CROSSING = (0.3, 0.15)


class Pass(NamedTuple):
  """Numbers that are drawn at once.

  Attributes:
    members: `[m]`, their places: the r rings first, then the v cells.
    parents: `[m]`, their lines of the ledger, which has one for each of the l layers, then for each
      ring.
    moves: `[m, l + r]`, what a share drawn changes in the ledger.
  """

  members: np.ndarray
  parents: np.ndarray
  moves: np.ndarray


class Order(NamedTuple):
  """The passes, and the rings.

  Attributes:
    passes: in the order of drawing.
    ring: `[v]`, number of each cell's ring, counted through the layers.
    layer: `[r]`, number of each ring's layer.
  """

  passes: tuple[Pass, ...]
  ring: np.ndarray
  layer: np.ndarray


def order(geometry: Geometry) -> Order:
  """The order for these cells."""
  border, ring, layer = [], [], []
  for number, places in enumerate(_places(geometry)):
    found, index = np.unique(
      np.digitize(np.hypot(places[:, 0], places[:, 1]), BORDERS), return_inverse=True
    )
    border.append(found[index])
    ring.append(len(layer) + index)
    layer += [number] * len(found)
  whole = Order((), np.concatenate(ring), np.asarray(layer))
  borders = np.concatenate(border)
  core = [_group(geometry, borders, k) for k in range(CORE)]
  last = _parities(geometry, borders >= CORE)
  # The inner rings last: what is left for them is what the core holds.
  rings = [np.array([r]) for k in range(len(_places(geometry))) for r in _outside_in(whole, k)]
  cells = [len(layer) + members for group in core for members in group]
  cells += [len(layer) + members for members in last]
  return whole._replace(passes=tuple(_pass(whole, m) for m in (*rings, *cells) if len(m)))


def _pass(order: Order, members: np.ndarray) -> Pass:
  """The pass that draws these numbers."""
  layers, rings = order.layer.max() + 1, len(order.layer)
  inside = np.concatenate([order.layer, layers + order.ring])  # line of each number's parent
  parents = inside[members]
  moves = -np.eye(layers + rings, dtype=np.float32)[parents]
  drawn = members < rings  # a ring's share is what its cells will divide
  moves[drawn, layers + members[drawn]] += 1
  return Pass(members, parents, moves)


def _outside_in(order: Order, layer: int) -> np.ndarray:
  """The rings of a layer, the outermost first."""
  return np.flatnonzero(order.layer == layer)[::-1]


def _group(geometry: Geometry, border: np.ndarray, k: int) -> list[np.ndarray]:
  """The cells of the k-th ring of all layers in groups whose cells lie apart: every fourth around
  the ring; of the innermost ring one cell a layer at a time, that at the crossing last.
  """
  layers, first = [], 0
  for places in _places(geometry):
    cells = np.flatnonzero(border[first : first + len(places)] == k)
    x, y = places[cells].T
    if k == 0:
      far = np.argsort(-np.hypot(x - CROSSING[0], y - CROSSING[1]), kind='stable')
      parts = np.split(first + cells[far], len(cells)) if len(cells) else []
    else:
      around = first + cells[np.argsort(np.arctan2(y, x), kind='stable')]
      parts = [around[i::GROUPS] for i in range(GROUPS)]
    layers.append(parts)
    first += len(places)
  # The last ones of all layers fall together.
  longest = max(map(len, layers))
  padded = [[np.empty(0, int)] * (longest - len(parts)) + parts for parts in layers]
  return [np.concatenate(parts) for parts in zip(*padded)]


def _parities(geometry: Geometry, outside: np.ndarray) -> list[np.ndarray]:
  """The cells outside the core in four groups, in each of which no two are neighbours."""
  kinds = []
  for layer in geometry.layers:
    i, j = np.divmod(np.arange(layer.cells), layer.shape[1])
    # Diagonal neighbours follow each other: after two groups half of every surrounding is there.
    kinds.append(np.array([[0, 2], [3, 1]])[i % 2, j % 2])
  kind = np.concatenate(kinds)
  return [np.flatnonzero(outside & (kind == k)) for k in range(4)]


def _places(geometry: Geometry) -> list[np.ndarray]:
  """Where each layer's cells `[cells, 2]` lie about its middle, in cells; of a layer around the
  axis the number of the radial bin counts as the distance.
  """
  places = []
  for layer in geometry.layers:
    if isinstance(layer, Layer):
      places.append((layer.positions()[:, :2] - layer.centre) / layer.pitch)
    else:
      radius = np.arange(layer.cells) % layer.shape[1]
      angle = 2 * np.pi * (np.arange(layer.cells) // layer.shape[1]) / layer.shape[0]
      places.append(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
  return places
