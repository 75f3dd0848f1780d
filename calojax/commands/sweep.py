"""`--mode=sweep`: many trainings to their ends, as processes of this machine, and one table.

The folder holds a workdir for each job, `NAME-seedN`, its log beside it, `sweep.json` (which jobs
have ended, and how) and the table, `table.md` and `table.json`. The same command goes on.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from calojax import interruption
from calojax.commands import sweep_plan, sweep_table
from calojax.commands.outcome import say
from calojax.commands.sweep_plan import Job, Plan
from calojax.exit_codes import DONE, INTERRUPTED, UNEXPECTED
from calojax.files import Lease, named, write_text
from calojax.interruption import Interrupted

LOOK = 0.2  # seconds between two looks at the jobs
KILLS = 5  # of one job, after which it counts as failed: by want of memory, say
RECORD = 'sweep.json'
# Becomes the command that it is given, which is killed (prctl, PR_SET_PDEATHSIG) when the process
# that started it ends, however it ends: the next sweep finds the workdir free.
TIED = """
import ctypes, os, sys
getattr(ctypes.CDLL(None), 'prctl', lambda *args: None)(1, 9)
os.execv(sys.argv[1], sys.argv[1:])
"""
COMMAND = (sys.executable, '-m', 'calojax.main')


def sweeping(file: str, folder: str | None = None, workers: int = 1) -> Callable[[], int]:
  """Runs the jobs of a sweep's file to their ends, checked first: a function that does it and
  returns the exit code, 0 or that of the first job that failed.

  Args:
    file: as `sweep_plan` describes it.
    folder: of the sweep; by default `runs/NAME` of the file.
    workers: jobs at a time.

  Raises:
    ValueError: the file does not do, or another sweep is at work in the folder.
  """
  plan = sweep_plan.read(file)
  if workers < 1:
    raise ValueError(f'--workers={workers}, expected at least 1')
  path = pathlib.Path(folder or os.path.join('runs', pathlib.Path(file).stem))
  if path.exists() and not path.is_dir():
    raise ValueError(f'{path} is a file, expected the folder of a sweep')
  interruption.begin(None)
  path.mkdir(parents=True, exist_ok=True)
  with named(path):
    lease = Lease(path, 'sweep')

  def work() -> int:
    try:
      codes = Sweep(plan, path, workers).run()
      print(sweep_table.write(path, plan, codes), flush=True)
      return next((code for code in codes.values() if code != DONE), DONE)
    finally:
      lease.release()

  return work


class Sweep:
  """The jobs of a plan in a folder, some of which may have ended before."""

  def __init__(self, plan: Plan, folder: pathlib.Path, workers: int):
    self._plan, self._folder, self._workers = plan, folder, workers
    self._record = _recorded(folder / RECORD)
    self._running: dict[subprocess.Popen, tuple[Job, float]] = {}
    self._kills: dict[str, int] = {}

  def run(self) -> dict[str, int]:
    """The exit code of every job.

    Raises:
      Interrupted: SIGTERM or SIGINT; the jobs have saved.
    """
    waiting = deque(job for job in self._plan.jobs if not self._finished(job))
    done = len(self._plan.jobs) - len(waiting)
    if done:
      print(f'{done} of {len(self._plan.jobs)} jobs were done before', flush=True)
    codes = {job.name: DONE for job in self._plan.jobs}
    try:
      while waiting or self._running:
        self._check()
        while waiting and len(self._running) < self._workers:
          self._start(waiting.popleft())
        time.sleep(LOOK)
        for job, code in self._ended():
          if self._again(job, code):
            waiting.append(job)
          else:
            codes[job.name] = code if code >= 0 else UNEXPECTED
    finally:
      self._stop()
    return codes

  def _finished(self, job: Job) -> bool:
    """Whether an earlier process has seen the same job done, and its result is there."""
    entry = self._record.get(job.name, {})
    same = entry.get('arguments') == job.arguments('')
    return same and entry.get('code') == DONE and bool(sweep_table.summary_of(self._folder, job))

  def _start(self, job: Job) -> None:
    """Starts a job, or lets it go on."""
    arguments = job.arguments(str(self._folder / job.name))
    with open(self._folder / f'{job.name}.log', 'ab') as log:
      process = subprocess.Popen(
        [sys.executable, '-c', TIED, *COMMAND, *arguments],
        stdout=log,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to all of a terminal's processes
      )
    self._running[process] = (job, time.monotonic())

  def _ended(self) -> list[tuple[Job, int]]:
    """Jobs that have ended since the last look, with their exit codes."""
    ended = [process for process in self._running if process.poll() is not None]
    found = []
    for process in ended:
      job, start = self._running.pop(process)
      self._note(job, process.returncode, time.monotonic() - start)
      found.append((job, process.returncode))
    return found

  def _again(self, job: Job, code: int) -> bool:
    """Whether a job that ended with this code is to go on: it was interrupted, or killed, but not
    each time.
    """
    self._kills[job.name] = self._kills.get(job.name, 0) + (code < 0)
    return code == INTERRUPTED or (code < 0 and self._kills[job.name] < KILLS)

  def _note(self, job: Job, code: int, seconds: float) -> None:
    """Tells how a job ended, and keeps it."""
    self._record[job.name] = {'arguments': job.arguments(''), 'code': code}
    write_text(self._folder / RECORD, json.dumps(self._record, indent=1) + '\n')
    done = sum(self._finished(job) for job in self._plan.jobs)
    if code == DONE:
      print(f'[{done}/{len(self._plan.jobs)}] {job.name} done, {seconds:.0f} s', flush=True)
    elif code == INTERRUPTED or code < 0:
      why = f'killed by signal {-code}' if code < 0 else 'interrupted'
      say(f'{job.name} was {why}')
    else:
      log = self._folder / f'{job.name}.log'
      say(f'{job.name} failed with exit code {code}, {log}: {_last_line(log)}')

  def _check(self) -> None:
    """Raises Interrupted if a signal has come, once the jobs have saved."""
    number = interruption.received()
    if number is None:
      return
    self._stop()
    done = sum(self._finished(job) for job in self._plan.jobs)
    raise Interrupted(
      f'{signal.Signals(number).name} received, {done} of {len(self._plan.jobs)} jobs are done and '
      'the others saved'
    )

  def _stop(self) -> None:
    """Ends the jobs that run, which save, and waits for them."""
    for process in self._running:
      process.terminate()
    for process in self._running:
      process.wait()
    self._ended()


def _recorded(path: pathlib.Path) -> dict[str, dict[str, Any]]:
  """How the jobs of a sweep have ended so far.

  Raises:
    ValueError: the file is not what was written.
  """
  try:
    found = json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    return {}
  except (ValueError, RecursionError):
    found = None
  if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
    raise ValueError(f'{path} is damaged, expected how each job ended: remove it') from None
  return found


def _last_line(log: pathlib.Path) -> str:
  """What a log says last."""
  lines = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
  return (lines or ['nothing was said'])[-1].rpartition('\r')[2].removeprefix('calojax: ')
