"""How the processes of one training find each other, and learn of each other's end.

The first process listens at the coordinator's address. Each of the others connects, says which it
is and what it runs, and is let in when all have come. From then on the connection carries what
JAX's service in the first process and its client in the other say to each other. Both believe to
talk to their own machine: JAX aborts a process that loses the service, with a page of addresses;
here the end of a connection is the end of a process, known at once, and told in a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from calojax.interruption import Interrupted
from calojax.training.place import Place, divided
from calojax.training.streams import HERE, Ends, connected, free_port, keep_alive, pour, said, tell

LIMIT = 300.0  # seconds that all may take to come, as JAX gives them
_HELLO = 10.0  # seconds that one may take to say who it is, and until the wait is told
GRACE = 1.5  # seconds in which a process that has ended can still be heard of


class Wire:
  """The connections of a process to the others, from now to its end.

  Args:
    place: of this process.
    about: what has to be the same in all, as versions.
    lost: called with the number of a process whose connection has ended, from another thread.
    limit: seconds that all may take to come.

  Attributes:
    address: where JAX's service is to be found, on this machine.

  Raises:
    ValueError: the coordinator does not answer, not all have come, or they do not go together.
    Interrupted: the first process ended while this one waited.
  """

  def __init__(
    self,
    place: Place,
    about: Mapping[str, Any],
    lost: Callable[[int], None],
    limit: float = LIMIT,
  ):
    self._place, self._lost, self._limit = place, lost, limit
    self._about = dict(about)
    self._open: set[int] = set()
    self._tasks: set[asyncio.Task] = set()  # asyncio itself keeps none alive
    self._closed_with: list[asyncio.StreamWriter | asyncio.Server] = []
    self._loop = asyncio.new_event_loop()
    self._thread = threading.Thread(target=self._loop.run_forever, name='wire', daemon=True)
    self._thread.start()
    meeting = self._join() if place.process else self._gather()
    try:
      self.address: str = asyncio.run_coroutine_threadsafe(meeting, self._loop).result()
    except BaseException:
      self.close()
      raise

  def close(self) -> None:
    """Ends the connections, which the end of the process does too."""
    asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
    self._loop.call_soon_threadsafe(self._loop.stop)
    self._thread.join()
    self._loop.close()

  async def _stop(self) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
      task.cancel()
    for end in self._closed_with:
      end.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # the loop closes sockets in its next round

  def wait_for_the_others(self, seconds: float) -> None:
    """Returns once all other processes have ended, or the seconds are over."""
    end = time.monotonic() + seconds
    while self._open and time.monotonic() < end:
      time.sleep(0.05)

  async def _gather(self) -> str:
    """Lets the others in."""
    come: dict[int, Ends] = {}
    complete: asyncio.Future[None] = self._loop.create_future()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
      """Hears who calls; the last to come, or one who may not, ends the wait."""
      self._closed_with.append(writer)
      hello = await said(reader, _HELLO)
      if not isinstance(hello.get('process'), int):  # a stranger: something looks for open ports
        writer.close()
        return
      wrong = self._wrong(hello, come)
      come.setdefault(hello['process'], (reader, writer))
      if complete.done():
        return
      if wrong:
        tell(writer, refused=wrong)
        complete.set_exception(ValueError(wrong))
      elif len(come) == self._place.processes - 1:
        complete.set_result(None)

    port = divided(self._place.coordinator)[1]
    try:
      server = await asyncio.start_server(meet, None, port)
    except OSError as error:
      raise ValueError(
        f'--coordinator={self._place.coordinator}: expected a free port of this machine, '
        f'process 0 cannot listen there: {os.strerror(error.errno or 0)}'
      ) from None
    try:
      await self._patiently(complete, lambda seconds: self._missing(come, seconds))
    except (ValueError, TimeoutError) as error:
      words = str(error) or self._missing(come, self._limit)
      for _, writer in come.values():
        tell(writer, refused=words)
      raise ValueError(words) from None
    finally:
      server.close()
    service = free_port()
    for process, ends in come.items():
      tell(ends[1], refused='')
      self._begin(self._serve(process, ends, service))
    return f'{HERE}:{service}'

  def _wrong(self, hello: dict[str, Any], come: Mapping[int, Any]) -> str:
    """Why a process cannot be let in, or ''."""
    process, processes = hello['process'], hello.get('processes')
    if processes != self._place.processes:
      return (
        f'process {process} was started as one of {processes}, process 0 as one of '
        f'{self._place.processes}: expected the same --processes'
      )
    if process in come or not 0 < process < processes:
      return f'two processes came as --process={process}, expected each number once'
    return differing({0: self._about, process: hello.get('about', {})})

  def _missing(self, come: Mapping[int, Any], seconds: float) -> str:
    """Who is not there after some seconds, in words."""
    missing = [str(i) for i in range(1, self._place.processes) if i not in come]
    few = ', '.join(missing[:8]) + (', ...' if len(missing) > 8 else '')
    here = f'{len(come) + 1} of {self._place.processes} processes are there'
    return f'{here} after {seconds:.0f} s, expected all: --process={few} is missing'

  async def _patiently(self, coming: asyncio.Future[Any], told: Callable[[float], str]) -> None:
    """Waits to the limit; after a while it says for what.

    Raises:
      TimeoutError: the limit is over.
    """
    first = min(_HELLO, self._limit / 2)
    with contextlib.suppress(TimeoutError):
      await asyncio.wait_for(asyncio.shield(coming), first)
      return
    words = f'calojax: {told(first)}; waits for {self._limit - first:.0f} s more'
    print(words, file=sys.stderr, flush=True)
    await asyncio.wait_for(coming, self._limit - first)

  async def _join(self) -> str:
    """Goes to the first process and is let in."""
    place = self._place
    end = self._loop.time() + self._limit
    connecting = self._loop.create_task(connected(*divided(place.coordinator)))
    try:
      await self._patiently(connecting, self._silent)
    except TimeoutError:
      raise ValueError(self._silent(self._limit)) from None
    reader, writer = connecting.result()
    self._closed_with.append(writer)
    tell(writer, process=place.process, processes=place.processes, about=self._about)
    reply = await said(reader, end - self._loop.time() + _HELLO)
    if reply.get('gone'):
      raise Interrupted('process 0 ended before all processes had come')
    if reply.get('refused') != '':
      stranger = f'--coordinator={place.coordinator} answers, but not as process 0 of a training'
      raise ValueError(reply.get('refused', stranger))
    near: asyncio.Future[Ends] = self._loop.create_future()

    def take(*ends: Any) -> None:
      if near.done():  # JAX opens one
        ends[1].close()
      else:
        near.set_result(ends)

    server = await asyncio.start_server(take, HERE, 0)
    self._closed_with.append(server)
    self._begin(self._carry(0, (reader, writer), near))
    return f'{HERE}:{server.sockets[0].getsockname()[1]}'

  def _silent(self, seconds: float) -> str:
    return (
      f'--coordinator={self._place.coordinator} does not answer after {seconds:.0f} s, expected '
      'the address of process 0'
    )

  async def _serve(self, process: int, far: Ends, port: int) -> None:
    """Carries what another process and the service here say, once it is there."""
    await self._carry(process, far, self._loop.create_task(connected(HERE, port)))

  async def _carry(self, process: int, far: Ends, coming: asyncio.Future[Ends]) -> None:
    """Carries bytes between another process and JAX in this one, until the other ends."""
    self._open.add(process)
    keep_alive(far[1])
    near = await coming
    self._closed_with.append(near[1])
    self._begin(pour(near[0], far[1]))
    await pour(far[0], near[1])
    self._open.discard(process)
    await asyncio.sleep(GRACE)  # it may have said why, which is worth more
    self._lost(process)

  def _begin(self, work: Any) -> None:
    task = self._loop.create_task(work)
    self._tasks.add(task)
    task.add_done_callback(self._tasks.discard)


def differing(found: Mapping[int, Mapping[str, Any]]) -> str:
  """The first value that is not the same in all processes, in words, or ''.

  >>> differing({0: {'data': 'a'}, 1: {'data': 'b'}})
  "data is 'a' in process 0, 'b' in process 1: expected the same in all"
  """
  first = found[0]
  for process, values in sorted(found.items()):
    for name in sorted({*first, *values}):
      if first.get(name) != values.get(name):
        return (
          f'{name} is {first.get(name)!r} in process 0, {values.get(name)!r} in process '
          f'{process}: expected the same in all'
        )
  return ''
