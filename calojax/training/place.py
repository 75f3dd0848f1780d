"""Which process of a training this one is: as the flags say, or the cluster."""

from __future__ import annotations

import os
from typing import NamedTuple


class Place(NamedTuple):
  """A process among those of one training.

  Attributes:
    coordinator: HOST:PORT of the first process.
    processes: how many there are.
    process: which this one is, from 0.
    devices: of the machine, by number, that are this process's; None for all.
  """

  coordinator: str
  processes: int
  process: int
  devices: tuple[int, ...] | None = None


def place_of(
  coordinator: str | None = None, processes: int | None = None, process: int | None = None
) -> Place | None:
  """The place of this process, what is not said as Slurm or Open MPI have it; None if it is alone.

  Raises:
    ValueError: not all is known, or it does not go together.
  """
  if processes == 1 and coordinator is None and not process:
    return None  # whatever the cluster says
  found = _detected()
  if found is None and (coordinator, processes, process) == (None, None, None):
    return None
  asked = {'coordinator': coordinator, 'processes': processes, 'process': process}
  known = {} if found is None else found._asdict()
  values = {name: known.get(name) if value is None else value for name, value in asked.items()}
  if missing := [f'--{name}' for name, value in values.items() if value is None]:
    given = [f'--{name}={value}' for name, value in asked.items() if value is not None]
    raise ValueError(
      f'{" ".join(given)} without {" and ".join(missing)}: expected all three where neither Slurm '
      'nor Open MPI has started the processes'
    )
  place = Place(**values, devices=known.get('devices'))  # pyright: ignore[reportArgumentType]
  if place.processes < 1:
    raise ValueError(f'--processes={place.processes}, expected 1 or more')
  if not 0 <= place.process < place.processes:
    raise ValueError(
      f'--process={place.process} of --processes={place.processes}, expected 0 to '
      f'{place.processes - 1}'
    )
  divided(place.coordinator)
  return place if place.processes > 1 else None


def divided(address: str) -> tuple[str, int]:
  """Host and port of HOST:PORT.

  Raises:
    ValueError: it is none.
  """
  host, _, port = address.rpartition(':')
  if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
    raise ValueError(f'--coordinator={address}, expected HOST:PORT of process 0, as node1:12345')
  return host.strip('[]'), int(port)


def _detected() -> Place | None:
  """What JAX sees of a cluster's environment, where that has started more than one process."""
  from jax._src import clusters  # what `jax.distributed.initialize` asks; it does not tell

  address, processes, process, devices = clusters.ClusterEnv.auto_detect_unset_distributed_params(
    None, None, None, _said(), None, None
  )
  if address is None or processes is None or process is None or processes == 1:
    return None
  return Place(address, processes, process, None if devices is None else tuple(devices))


def _said() -> tuple[int, ...] | None:
  """The devices that JAX_LOCAL_DEVICE_IDS names, as JAX reads it."""
  numbers = os.environ.get('JAX_LOCAL_DEVICE_IDS')
  return tuple(int(number) for number in numbers.split(',')) if numbers else None
