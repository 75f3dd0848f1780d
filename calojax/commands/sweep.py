"""`calojax sweep`: many trainings to their ends, and one table.

The folder holds a workdir for each job, `NAME-seedN`, its log beside it, `jobs.json` (which jobs
have ended, and how) and the table, `table.md` and `table.json`. The same command goes on.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

from calojax.commands import jobs, sweep_plan, sweep_table
from calojax.commands.jobs import Task
from calojax.commands.sweep_plan import Job
from calojax.exit_codes import DONE


def sweeping(
  file: str, folder: str | None = None, workers: int = 1, engine: str = jobs.LOCAL
) -> Callable[[], int]:
  """Runs the jobs of a sweep's file to their ends, checked first: a function that does it and
  returns the exit code, 0 or that of the first job that failed.

  Args:
    file: as `sweep_plan` describes it.
    folder: of the sweep; by default `runs/NAME` of the file.
    workers: jobs at a time.
    engine: where they run, of `jobs.ENGINES`.

  Raises:
    ValueError: the file does not do, or another sweep is at work in the folder.
  """
  plan = sweep_plan.read(file)
  jobs.check(engine, workers)
  path = pathlib.Path(folder or os.path.join('runs', pathlib.Path(file).stem))
  tasks = {job.name: task(job, path) for job in plan.jobs}
  known = {job.name: job for job in plan.jobs}
  claim = jobs.claimed(path, 'sweep')

  def work() -> int:
    """Runs the jobs and writes their table."""
    with claim:
      codes = jobs.run(
        list(tasks.values()),
        path,
        lambda task: bool(sweep_table.summary_of(path, known[task.name])),
        engine,
        workers,
      )
      print(sweep_table.write(path, plan, codes), flush=True)
    return next((code for code in codes.values() if code != DONE), DONE)

  return work


def task(job: Job, folder: pathlib.Path) -> Task:
  """The process of a job."""
  return Task(job.name, job.arguments(), f'--workdir={folder / job.name}')
