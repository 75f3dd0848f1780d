"""The order in which a shower's numbers are drawn one after the other: the share that each ring of
cells has of its layer, from the outside in, then the cells of the core one by one, then all others
in four passes.

The numbers of a pass are drawn at once, each given all earlier ones. Of what a number is a share,
the cell's ring or the ring's layer, a ledger says how much is left; so the sums come out right
although nobody draws them.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from calojax.geometry import Geometry, Layer

BORDERS = (1.0, 2.2, 3.3, 4.4, 6.0, 8.0, 11.0, 15.0)  # between rings, in cells from the middle
NEAR = 12  # cells about a cell that are looked at
CORE = 4  # rings whose cells are drawn one by one
# Where trajectories cross, in cells from the middle: behind it along both axes, farther along x.
CROSSING = (0.3, 0.15)


class Order(NamedTuple):
  """The numbers, rings before cells, each with its pass.

  Attributes:
    ring: `[v]`, number of each cell's ring, counted through the layers.
    layer: `[r]`, number of each ring's layer.
    small: `[s]`, the numbers that are drawn a few at a time: rings, and cells of the core.
    steps: `[p, m]`, their passes, as places in `small`; s where a pass has fewer than m.
    halo: the passes of all other numbers.
    parents: `[r + v]`, each number's line of the ledger, which has one for each of the l layers,
      then for each ring.
    moves: `[r + v, l + r]`, what a share drawn changes in the ledger.
    last: `[r + v]`, whether it is drawn alone and last of what shares its line: it takes all
      that is left.
    near: `[v, NEAR]`, the cells nearest to each in its layer, the nearest first.
    place: `[v, 4]`, where each lies: x and y in tens of cells, the logarithm of their distance from
      the middle, the depth as a share of all layers.
  """

  ring: np.ndarray
  layer: np.ndarray
  small: np.ndarray
  steps: np.ndarray
  halo: tuple[np.ndarray, ...]
  parents: np.ndarray
  moves: np.ndarray
  last: np.ndarray
  near: np.ndarray
  place: np.ndarray

  @property
  def passes(self) -> list[np.ndarray]:
    """The numbers of every pass."""
    return [self.small[step[step < len(self.small)]] for step in self.steps] + list(self.halo)


def order(geometry: Geometry) -> Order:
  """The order for these cells."""
  ring, layer, border = _rings(geometry)
  rings, layers = len(layer), len(geometry.layers)
  # The inner rings last: what is left for them is what the core holds.
  by_layer = [np.flatnonzero(layer == k)[::-1, None] for k in range(layers)]
  core = [rings + _one_by_one(geometry, border == k) for k in range(CORE)]
  few = [list(numbers) for numbers in itertools.chain(*by_layer)]
  few += [[n for n in numbers if n >= 0] for numbers in itertools.chain(*core)]
  small = np.concatenate(few).astype(int)
  place = np.full(rings + len(ring), len(small))
  place[small] = np.arange(len(small))
  steps = np.full((len(few), max(map(len, few))), len(small))
  for step, numbers in zip(steps, few):
    step[: len(numbers)] = place[numbers]
  halo = [rings + cells for cells in _parities(geometry, border >= CORE) if len(cells)]
  parents = np.concatenate([layer, layers + ring])
  moves = -np.eye(layers + rings, dtype=np.float32)[parents]
  moves[np.arange(rings), layers + np.arange(rings)] = 1  # of a ring: what its cells divide
  last = np.zeros(len(parents), bool)
  # The last place of each line among the small numbers; no line is shared with the halo.
  _, places = np.unique(parents[small][::-1], return_index=True)
  last[small[::-1][places]] = True
  return Order(
    ring, layer, small, steps, tuple(halo), parents, moves, last, *_surroundings(geometry)
  )


def _rings(geometry: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """`ring` and `layer` of an `Order`, and for each cell how many borders lie inside of it."""
  ring, layer, border = [], [], []
  for number, places in enumerate(_places(geometry)):
    inside = np.digitize(np.hypot(places[:, 0], places[:, 1]), BORDERS)
    found, index = np.unique(inside, return_inverse=True)
    ring.append(len(layer) + index)
    layer += [number] * len(found)
    border.append(inside)
  return np.concatenate(ring), np.asarray(layer), np.concatenate(border)


def _one_by_one(geometry: Geometry, chosen: np.ndarray) -> np.ndarray:
  """The chosen cells `[steps, l]`, of every layer one a step, the one at the crossing last; layers
  with fewer cells begin later, and have a number far below 0 until then.
  """
  columns, first = [], 0
  for places in _places(geometry):
    cells = np.flatnonzero(chosen[first : first + len(places)])
    x, y = places[cells].T
    far = np.argsort(-np.hypot(x - CROSSING[0], y - CROSSING[1]), kind='stable')
    columns.append(first + cells[far])
    first += len(places)
  table = np.full((max(map(len, columns)), len(columns)), np.iinfo(int).min // 2)
  for k, column in enumerate(columns):
    table[len(table) - len(column) :, k] = column
  return table


def _parities(geometry: Geometry, outside: np.ndarray) -> list[np.ndarray]:
  """The cells outside the core in four groups, in each of which no two are neighbours."""
  kinds = []
  for layer in geometry.layers:
    i, j = np.divmod(np.arange(layer.cells), layer.shape[1])
    # Diagonal neighbours follow each other: after two groups half of every surrounding is there.
    kinds.append(np.array([[0, 2], [3, 1]])[i % 2, j % 2])
  kind = np.concatenate(kinds)
  return [np.flatnonzero(outside & (kind == k)) for k in range(4)]


def _surroundings(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
  """`near` and `place` of an `Order`."""
  near, place, first = [], [], 0
  for number, places in enumerate(_places(geometry)):
    _, index = KDTree(places).query(places, min(NEAR + 1, len(places)))
    # A small layer has fewer: the farthest of them once more.
    index = np.pad(index.reshape(len(places), -1), ((0, 0), (0, NEAR)), mode='edge')
    near.append(first + index[:, 1 : NEAR + 1])
    depth = np.full(len(places), number / len(geometry.layers))
    place.append(np.c_[places / 10, np.log(np.hypot(*places.T) + 0.5), depth])
    first += len(places)
  return np.concatenate(near), np.concatenate(place).astype(np.float32)


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
