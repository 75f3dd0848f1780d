"""Jobs on a batch system, Slurm or HTCondor: dask-jobqueue asks it for workers, which run the jobs
one after the other.

What a worker is given (queue, account, time, memory) stands where dask-jobqueue looks for it, in
`~/.config/dask/jobqueue.yaml` or the site's file. The nodes share a disk and the Python environment
with the machine of the sweep.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from calojax.commands.jobs import local
from calojax.commands.jobs.task import LOST
from calojax.exit_codes import INTERRUPTED

SUBMIT = {'slurm': 'sbatch', 'htcondor': 'condor_submit'}
EXTRA = 'pip install "calojax[cluster]"'
LOGS = 'workers'
USUAL = {'cores': 1, 'memory': '4GiB', 'disk': '4GiB'}  # of a worker, where no file says it
BEFORE = 120  # seconds before its time is over in which a worker lets its job save
LOUD = ('distributed', 'tornado.application', 'asyncio')  # of what the runner tells in a line
SETTINGS = {
  'distributed.scheduler.allowed-failures': 0,  # the runner counts them
  'distributed.deploy.lost-worker-timeout': '5s',
}


def check(name: str) -> None:
  """Raises ValueError if the batch system or the library is not there."""
  if importlib.util.find_spec('dask_jobqueue') is None:
    raise ValueError(f'--engine={name} needs dask-jobqueue: {EXTRA}')
  if shutil.which(SUBMIT[name]) is None:
    raise ValueError(f'--engine={name}: there is no {SUBMIT[name]} on PATH')


class Batch:
  """Workers of a batch system.

  Args:
    name: `slurm` or `htcondor`.
    folder: of the jobs, on the shared disk; the workers' own logs go below it.
    workers: how many.

  Raises:
    ValueError: the batch system or the library is not there, or the first worker is refused.
  """

  def __init__(self, name: str, folder: pathlib.Path, workers: int):
    check(name)
    import dask.config  # pyright: ignore[reportMissingImports]
    from distributed import Client  # pyright: ignore[reportMissingImports]

    from calojax.commands.jobs import worker

    dask.config.set(SETTINGS)
    for logger in LOUD:
      logging.getLogger(logger).setLevel(logging.CRITICAL)
    self._worker = worker
    self._name, self._workers = name, workers
    logs = folder.absolute() / LOGS
    logs.mkdir(exist_ok=True)
    self._cluster = _cluster(name, str(logs), dask.config)
    self._client = Client(self._cluster, set_as_default=False)
    wall = dask.config.get(f'jobqueue.{name}.walltime', None)
    self._client.register_plugin(worker.Children(lifetime(wall)))
    self._futures: dict[str, Any] = {}
    self._asked = 0

  def start(self, name: str, words: Sequence[str], log: pathlib.Path) -> None:
    """Gives a job to the next free worker, and has workers asked for as long as there are jobs."""
    # Never less: dask would take away a worker whether it has a job or not.
    self._asked = max(self._asked, min(len(self._futures) + 1, self._workers))
    self._scale()
    command, file = (*local.COMMAND, *words), str(log.absolute())
    self._futures[name] = self._client.submit(
      self._worker.execute, name, command, file, os.getcwd(), pure=False
    )

  def _scale(self) -> None:
    """Has as many workers as were asked for; what was lost is asked for again.

    Raises:
      ValueError: the batch system refuses.
    """

    async def asked() -> None:
      await self._cluster
      for job in [*self._cluster.workers.values()]:
        await job  # raises what the batch system said, if it has not been started

    self._cluster.scale(jobs=self._asked)
    try:
      self._cluster.sync(asked)
    except RuntimeError as error:
      said = str(error).partition('stderr:')[2] or str(error)
      raise ValueError(f'{SUBMIT[self._name]} refuses a worker: {said.strip()}') from None

  def ended(self) -> Mapping[str, int]:
    """Exit codes by name; a job whose worker was lost counts as killed."""
    codes = {name: _code(future) for name, future in self._futures.items() if future.done()}
    for name in codes:
      del self._futures[name]
    if self._futures and len(self._cluster.workers) < self._asked:
      self._scale()
    return codes

  def end(self, name: str) -> None:
    """Sends SIGTERM to the job, wherever it runs."""
    self._client.run(self._worker.end, name, on_error='ignore')

  def close(self) -> Mapping[str, int]:
    """Sends SIGTERM to all, waits, and gives the workers back."""
    try:
      if self._futures:
        self._client.run(self._worker.end_all, on_error='ignore')
      left = self._futures
      found = {name: _code(f) if f.done() else INTERRUPTED for name, f in left.items()}
      self._futures = {}
      return found
    finally:
      self._client.close()
      with contextlib.suppress(AssertionError):  # of a worker that was refused
        self._cluster.close()


def _cluster(name: str, logs: str, settings: Any) -> Any:
  """The cluster of the batch system, with no worker yet."""
  from dask_jobqueue.htcondor import HTCondorCluster  # pyright: ignore[reportMissingImports]
  from dask_jobqueue.slurm import SLURMCluster  # pyright: ignore[reportMissingImports]

  room = f'jobqueue.{name}'
  told = {key: settings.get(f'{room}.{key}', None) for key in ('cores', 'memory', 'disk')}
  given = {key: value for key, value in USUAL.items() if told[key] is None}
  if name == 'slurm':
    given.pop('disk', None)
  kind = {'slurm': SLURMCluster, 'htcondor': HTCondorCluster}[name]
  return kind(
    **given,
    processes=1,
    nanny=False,
    log_directory=logs,
    scheduler_options={'dashboard': False, **settings.get(f'{room}.scheduler-options', {})},
    worker_extra_args=[*settings.get(f'{room}.worker-extra-args', []), '--nthreads', '1'],
    **_secured(logs),
  )


def lifetime(wall: str | None) -> int | None:
  """Seconds after which a worker is to end, of its time as Slurm writes it: minutes, `MM:SS`,
  `HH:MM:SS`, `D-HH`, `D-HH:MM` or `D-HH:MM:SS`.

  >>> lifetime('1-02'), lifetime('12:00:00'), lifetime('60')
  (93480, 43080, 3480)

  Raises:
    ValueError: another text.
  """
  if not wall:
    return None
  days, dash, rest = str(wall).rpartition('-')
  try:
    parts = [int(part) for part in rest.split(':')]
    units = (3600, 60, 1) if dash or len(parts) == 3 else (60, 1)
    seconds = 86400 * int(days or 0) + sum(n * unit for n, unit in zip(parts, units, strict=False))
  except ValueError:
    raise ValueError(f'walltime of a worker is {wall!r}, expected as 12:00:00') from None
  return max(seconds - BEFORE, seconds // 2)


def _secured(folder: str) -> dict[str, Any]:
  """Certificates of this sweep's own, so that nobody else on the network gives its workers jobs."""
  return {'security': True, 'protocol': 'tls://', 'shared_temp_directory': folder}


def _code(future: Any) -> int:
  """The exit code of a job that has ended."""
  return future.result() if future.status == 'finished' else LOST
