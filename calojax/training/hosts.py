"""One training in several processes, on one host or many: which one this is, and what they agree
on.

Every process holds the whole state, reads the data, and works on its share of each batch, so all
make the same steps. The first one alone writes and judges. What only it knows or makes goes through
`of_first`. An end that not all can foresee is announced to the others, who end with it: `together`.
Alone, all of this is nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from calojax import interruption
from calojax.exit_codes import INTERRUPTED
from calojax.training import sharding
from calojax.training.place import Place, divided
from calojax.training.wire import GRACE, Wire, differing

Made = TypeVar('Made')
_DAY = 86_400  # seconds: there is no end by time, as the end of a process is noticed
_PARTING = 5.0  # seconds that the first process stays for the others to have heard it
_END = 'calojax/end'
_numbers = itertools.count()  # all processes meet in the same order


class _Group:
  """The processes of this training."""

  wire: Wire | None = None
  process = 0
  ending = False  # this process knows why it ends


def join(place: Place | None, about: Mapping[str, Any]) -> None:
  """Makes this process one of those of a training; before anything else is asked of JAX.

  Args:
    place: of this process; None or one of one: it is alone.
    about: what has to be the same in all from the first, as versions.

  Raises:
    ValueError: they do not come together.
  """
  if place is None or place.processes == 1:
    return
  _Group.process = place.process
  _Group.wire = Wire(place, about, _lost)
  # JAX's client and service are on this machine, whatever proxy the cluster has.
  os.environ['no_grpc_proxy'] = divided(_Group.wire.address)[0]  # noqa: SIM112
  jax.config.update('jax_check_proxy_envs', False)
  jax.config.update('jax_enable_preemption_service', False)  # it would take SIGTERM for itself
  jax.distributed.initialize(
    _Group.wire.address,
    place.processes,
    place.process,
    place.devices,
    cluster_detection_method='deactivate',
    coordinator_bind_address=_Group.wire.address,
    heartbeat_timeout_seconds=_DAY,
  )
  threading.Thread(target=_listen, name='hosts', daemon=True).start()
  _connect_devices()


def alone() -> bool:
  """Whether there is no other process."""
  return _Group.wire is None


def is_first() -> bool:
  """Whether this process writes and judges."""
  return _Group.process == 0


def of_first(make: Callable[[], Made]) -> Made:
  """What the first process makes, in all of them; JSON."""
  if alone():
    return make()
  key = f'calojax/made/{next(_numbers)}'
  if is_first():
    made = make()
    _client().key_value_set(key, json.dumps(made))
    return made
  return json.loads(_client().blocking_key_value_get(key, _DAY * 1000))


def check_same(values: Mapping[str, Any]) -> None:
  """Raises ValueError in all processes unless these are the same in all; JSON."""
  if alone():
    return
  key = f'calojax/same/{next(_numbers)}'
  _client().key_value_set(f'{key}/{_Group.process}', json.dumps(values))
  _client().wait_at_barrier(key, _DAY * 1000)
  said = {int(name.rpartition('/')[2]): json.loads(text) for name, text in _said(key)}
  if difference := differing(said):
    raise ValueError(difference)


def agreement(mesh: jax.sharding.Mesh) -> Callable[[int], int]:
  """A function that every process calls at the same steps with a number: it gives all the largest
  one of the call before, so that no step waits for it. Alone it gives the number itself.
  """
  if alone():
    return lambda number: number
  largest = jax.jit(jnp.max, out_shardings=sharding.replicated(mesh))
  place, shape = sharding.split(mesh, 0), (mesh.size,)
  waiting: list[Any] = []

  def agreed(number: int) -> int:
    mine = jax.make_array_from_callback(
      shape, place, lambda index: np.full(shape, number, np.int32)[index]
    )
    waiting.append(largest(mine))
    return int(waiting.pop(0)) if len(waiting) > 1 else 0

  return agreed


def part() -> None:
  """Lets the processes go their own ways, once all have come here."""
  if alone():
    return
  _client().wait_at_barrier('calojax/part', _DAY * 1000)
  _Group.ending = True
  _stay()


@contextlib.contextmanager
def together(told: Callable[[Exception], tuple[int, str]]) -> Iterator[None]:
  """What ends one of the processes inside ends all.

  Args:
    told: exit code and line of an error.
  """
  try:
    yield
  except Exception as error:
    if alone() or _Group.ending:
      raise
    # If another has gone, that is why: then this process ends here, with its line.
    time.sleep(2 * GRACE)
    _Group.ending = True
    code, line = told(error)
    _announce(_Group.process, code, f'process {_Group.process}: {line}')
    _stay()
    raise


def _client() -> Any:
  """JAX's client of its own service, which keeps values and barriers by name."""
  from jax._src.distributed import global_state  # as Orbax does: there is no public door

  return global_state.client


def _connect_devices() -> None:
  """Makes a first sum over all devices, at a moment when no process has anything else to do: on
  CPUs JAX waits 30 s for the others then, and a network can take longer to compile.
  """
  mesh = sharding.data_mesh()
  ones = jax.make_array_from_callback(
    (mesh.size,), sharding.split(mesh, 0), lambda index: np.ones(mesh.size, np.int32)[index]
  )
  add = jax.jit(jnp.sum, out_shardings=sharding.replicated(mesh)).lower(ones).compile()
  _client().wait_at_barrier('calojax/connect', _DAY * 1000)
  add(ones).block_until_ready()


def _said(key: str) -> list[tuple[str, str]]:
  return _client().key_value_dir_get(key)


def _stay() -> None:
  """Keeps the first process, without whom the others hear nothing, until they have ended."""
  if _Group.wire is not None and is_first():
    _Group.wire.wait_for_the_others(_PARTING)


def _announce(process: int, code: int, line: str) -> None:
  """Tells all why a process ends; the first to say so is heard."""
  text = json.dumps({'process': process, 'code': code, 'line': line})
  with contextlib.suppress(Exception):  # another was first, or nobody is there
    _client().key_value_set(_END, text)


def _listen() -> None:
  """Ends this process when another one's end is announced."""
  while True:
    with contextlib.suppress(Exception):  # JAX's own kinds, at the end of each day
      end = json.loads(_client().blocking_key_value_get(_END, _DAY * 1000))
      if end['process'] != _Group.process:
        _end(end['code'], end['line'])
      return
    time.sleep(1)


def _lost(process: int) -> None:
  """Ends this process, and through the first one all, when one has gone and did not say why."""
  line = f'process {process} has gone without a word; {interruption.AGAIN}'
  if is_first() and not _Group.ending:
    _announce(process, INTERRUPTED, line)
  threading.Thread(target=_end, args=(INTERRUPTED, line)).start()


def _end(code: int, words: str) -> None:
  """Ends this process, unless it is about to by itself."""
  if not _Group.ending:
    _stay()
    interruption.end(code, words)
