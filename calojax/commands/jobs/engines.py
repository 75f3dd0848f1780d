"""The engines by name."""

from __future__ import annotations

import pathlib

from calojax.commands.jobs.local import Local
from calojax.commands.jobs.task import Engine
from calojax.registry import find

LOCAL = 'local'
ENGINES = (LOCAL, 'slurm', 'htcondor')


def check(name: str, workers: int) -> None:
  """Raises ValueError if there is no such engine, no worker, or the batch system or its library is
  not there.
  """
  find(dict.fromkeys(ENGINES), name, 'engine')
  if workers < 1:
    raise ValueError(f'--workers={workers}, expected at least 1')
  if name != LOCAL:
    from calojax.commands.jobs import batch

    batch.check(name)


def engine(name: str, folder: pathlib.Path, workers: int) -> Engine:
  """The engine of this name.

  Args:
    name: of `ENGINES`.
    folder: of the jobs; a batch system's own logs go below it.
    workers: jobs at a time.

  Raises:
    ValueError: as `check`, or the batch system refuses.
  """
  check(name, workers)
  if name == LOCAL:
    return Local()
  from calojax.commands.jobs.batch import Batch

  return Batch(name, folder, workers)
