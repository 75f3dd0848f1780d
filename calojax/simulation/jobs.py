"""Processes that simulate: each has its own Geant4 and is handed one chunk after the other."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pathlib
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from calojax import interruption
from calojax.simulation import chunks, gun
from calojax.simulation.chunks import Plan

TELL = 0.5  # seconds between two messages of a job
PRINT = 10.0  # seconds between two lines of progress
LOOK = 0.2  # seconds between two looks for signals


def run(
  plan: Plan,
  numbers: list[int],
  jobs: int,
  environment: dict[str, str],
  tell: Callable[[int], Any],
  logs: pathlib.Path | None = None,
) -> None:
  """Simulates chunks.

  Args:
    plan: of the simulation.
    numbers: of chunks that are not there.
    jobs: processes.
    environment: variables under which Geant4 runs.
    tell: called with the number of events done so far.
    logs: the folder of the processes' logs; by default that of the chunks.

  Raises:
    ValueError: what Geant4 refuses; a job that ended before its time. Finished chunks are kept.
  """
  waiting, finished = list(reversed(numbers)), 0
  where = plan.folder if logs is None else logs
  with started(plan, min(jobs, len(numbers)), environment, where) as workers:
    for connection in workers:
      _hand(connection, waiting.pop())
    current = dict.fromkeys(workers, 0)  # events done of the chunk in hand
    while current:
      interruption.check()
      ready: Any = wait(list(current), LOOK)  # of connections alone; its type has sockets too
      for connection in ready:
        kind, value = _received(connection, workers[connection])
        if kind == 'failed':
          raise ValueError(value)
        current[connection] = value
        if kind == 'done':
          finished += current.pop(connection)
          if waiting:
            _hand(connection, waiting.pop())
            current[connection] = 0
        tell(finished + sum(current.values()))


@contextlib.contextmanager
def started(
  plan: Plan, jobs: int, environment: dict[str, str], logs: pathlib.Path
) -> Iterator[dict[Connection, str]]:
  """Running processes: the parent's end of the pipe to each and the name of its log. They are ended
  in any case.
  """
  context, workers, processes = multiprocessing.get_context('spawn'), {}, []
  # Ctrl-C goes to all processes: only the parent is to answer. Children keep the mask; what comes
  # meanwhile is not lost but waits.
  before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
  try:
    for number in range(jobs):
      ours, theirs = context.Pipe()
      log = str(logs / f'job_{number}.log')
      process = context.Process(target=work, args=(plan, theirs, log, environment), daemon=True)
      process.start()
      theirs.close()
      processes.append(process)
      workers[ours] = log
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    yield workers
  finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for process in processes:
      process.terminate()
    for process in processes:
      process.join()


def _hand(connection: Connection, number: int) -> None:
  """Gives a job its next chunk; if it has ended, the next message from it says why."""
  with contextlib.suppress(OSError):
    connection.send(number)


def _received(connection: Connection, log: str) -> tuple[str, Any]:
  """A job's message, or what its log says of its end."""
  try:
    return connection.recv()
  except (EOFError, ConnectionResetError):
    return 'failed', f'a simulation job ended: {reason(log)}'


def reason(log: str) -> str:
  """One line on why Geant4 gave up: the text of its exception, or the last line of the log."""
  with open(log, errors='replace') as file:
    text = file.read()
  found = re.search(r'G4Exception : (\S+).*?issued by : (.*?)\n(.*?)\*\*\*', text, re.DOTALL)
  words = found and f'Geant4 {found[1]} in {found[2]}: {found[3]}'
  return ' '.join(
    (words or (text.strip().splitlines() or ['killed, perhaps for want of memory'])[-1]).split()
  )


def work(plan: Plan, connection: Connection, log: str, environment: dict[str, str]) -> None:
  """A job: simulates and writes the chunks whose numbers it receives, until the pipe closes. Does
  not return.
  """
  _end_with_parent()
  silence(log)
  os.environ.update(environment)
  from calojax.simulation import geant4  # imports the binding, which reads the environment

  try:
    session = geant4.prepare(plan.calorimeter, plan.gun.particle, plan.physics, plan.cut)
    while True:
      number = connection.recv()
      start, stop = plan.extent(number)
      particles = gun.draw(plan.gun, plan.seed, start, stop)
      events = geant4.simulate(session, particles, plan.seed, start, _counter(connection))
      account = {'geant4': geant4.version(), 'cpu': events.cpu, 'python': events.python}
      chunks.write(plan, number, particles, events.energies, account)
      connection.send(('done', stop - start))
  except (ValueError, OSError) as error:
    with contextlib.suppress(OSError):
      connection.send(('failed', str(error)))
  except EOFError:  # the parent has gone
    pass
  os._exit(0)


def _end_with_parent() -> None:
  """Has this process end when its parent does, also one that was killed and could tell nobody."""
  parent = multiprocessing.parent_process()
  assert parent is not None, 'a job is started by a simulation'

  def watch() -> None:
    parent.join()
    os._exit(0)

  threading.Thread(target=watch, name='parent', daemon=True).start()


def silence(log: str) -> None:
  """Sends Geant4's chatter nowhere and its errors to the log."""
  for stream, path in ((1, os.devnull), (2, log)):
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(file, stream)
    os.close(file)


def _counter(connection: Connection) -> Callable[[], None]:
  """A function to call after each event of a chunk: it sends their number, not too often."""
  count, last = 0, time.monotonic()

  def tell() -> None:
    nonlocal count, last
    count += 1
    if time.monotonic() - last > TELL:
      last = time.monotonic()
      # An exception would have to pass through Geant4; the chunk's last message raises it.
      with contextlib.suppress(OSError):
        connection.send(('events', count))

  return tell


def progress(total: int, stream: Any = sys.stderr) -> Callable[[int], None]:
  """A function that prints the events done of `total`, their rate and the time left, at most every
  `PRINT` seconds.
  """
  start, last, before = time.monotonic(), -math.inf, 0

  def tell(done: int) -> None:
    """Prints how far it is, if it is time to."""
    nonlocal last, before
    now = time.monotonic()
    if done > before and (now - last > PRINT or done == total):
      last, before, rate = now, done, done / (now - start)
      hours, minutes = divmod(int((total - done) / rate / 60), 60)
      print(
        f'calojax: {done}/{total} showers, {rate:.3g}/s, {hours} h {minutes:02} min left',
        file=stream,
        flush=True,
      )

  return tell
