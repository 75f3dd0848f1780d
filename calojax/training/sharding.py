"""How arrays lie on devices: one mesh axis, `data`; batches are split over it, the state is on
every device.
"""

from __future__ import annotations

from typing import TypeVar

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

Tree = TypeVar('Tree')


def data_mesh() -> Mesh:
  """A mesh of all devices along `data`, automatic axes (explicit ones refuse reshapes of split
  axes).
  """
  return jax.make_mesh((jax.device_count(),), ('data',), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
  """The sharding of an array that every device holds whole."""
  return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh, axis: int) -> NamedSharding:
  """The sharding of an array whose axis number `axis` is split over the devices."""
  return NamedSharding(mesh, PartitionSpec(*[None] * axis, 'data'))


def placed(tree: Tree, place: NamedSharding) -> Tree:
  """Arrays that every process has, as `place` lays them out: of what is split each hands over its
  share.
  """
  if place.is_fully_addressable:
    return jax.device_put(tree, place)
  return jax.tree.map(
    # Not `device_put`, which sends all of it around to see that it is the same.
    lambda leaf: jax.make_array_from_callback(leaf.shape, place, lambda index: leaf[index]),
    tree,
  )


def local(tree: Tree) -> Tree:
  """Arrays that every device holds whole, as this process's own: for what it does alone."""
  return jax.tree.map(
    lambda leaf: leaf if leaf.is_fully_addressable else leaf.addressable_data(0), tree
  )
