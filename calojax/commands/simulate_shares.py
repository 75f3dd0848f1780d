"""A simulation whose chunks are made by jobs, each a share, on machines that share a disk."""

from __future__ import annotations

from collections.abc import Callable

from calojax.commands import jobs
from calojax.commands.arguments import Asked, repeated
from calojax.commands.jobs import Task
from calojax.exit_codes import DONE
from calojax.simulation import chunks
from calojax.simulation import jobs as processes
from calojax.simulation.chunks import Plan

SHARES = 4  # of each worker, so that the last ones end together


def shares(asked: Asked, wanted: Plan) -> None:
  """Has jobs make the chunks of a simulation that has begun here.

  Raises:
    ValueError: a job has failed.
  """
  values = asked.values
  size = max(1, -(-wanted.count // (SHARES * values.workers)))
  starts = range(0, wanted.count, size)
  parts = {f'share_{low:06d}': range(low, min(low + size, wanted.count)) for low in starts}
  words = repeated(asked, ('output', 'workers', 'engine'))
  tasks = [
    Task(name, [*words, f'--chunks={part.start}:{part.stop - 1}'], f'--output={wanted.output}')
    for name, part in parts.items()
  ]
  there = lambda task: not chunks.missing(wanted, parts[task.name])
  codes = jobs.run(tasks, wanted.folder, there, values.engine, values.workers, 'shares')
  failed = [name for name, code in codes.items() if code != DONE]
  if failed:
    log = wanted.folder / f'{failed[0]}.log'
    raise ValueError(f'{len(failed)} of {len(tasks)} shares failed, the first says why in {log}')


def share(wanted: Plan, text: str, count: int, environment: dict[str, str]) -> Callable[[], int]:
  """A function that makes the chunks `LOW:HIGH` of a simulation that has begun elsewhere, and
  returns the exit code.

  Args:
    wanted: the simulation.
    text: the first and the last chunk.
    count: of processes.
    environment: variables under which Geant4 runs.

  Raises:
    ValueError: there are no such chunks.
  """
  some = extent(text, wanted.count)

  def work() -> int:
    with chunks.shared(wanted, some) as (numbers, logs):
      if numbers:
        events = sum(stop - start for start, stop in map(wanted.extent, numbers))
        processes.run(wanted, numbers, count, environment, processes.progress(events), logs)
    return DONE

  return work


def extent(text: str, count: int) -> range:
  """The chunks `LOW:HIGH`, both of them among `count`.

  >>> extent('0:9', 16)
  range(0, 10)

  Raises:
    ValueError: another text.
  """
  low, colon, high = text.partition(':')
  if colon and low.isdecimal() and high.isdecimal() and int(low) <= int(high) < count:
    return range(int(low), int(high) + 1)
  raise ValueError(f'--chunks is {text!r}, expected LOW:HIGH from 0 to {count - 1}, as 0:9')
