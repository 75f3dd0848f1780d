"""How arrays lie on devices: one mesh axis, `data`; batches are split over it, the state is on
every device.
"""

from __future__ import annotations

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


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
