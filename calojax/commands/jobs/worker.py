"""What a worker of a batch system runs: jobs as its children, which save when it is ended."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

from distributed import Reschedule  # pyright: ignore[reportMissingImports]
from distributed.diagnostics.plugin import WorkerPlugin  # pyright: ignore[reportMissingImports]

from calojax.commands.jobs.local import started

TELL = 1.0  # seconds in which a worker sends the last exit codes; else a job is just given anew
_running: dict[str, subprocess.Popen] = {}
_closing = threading.Event()


class Children(WorkerPlugin):
  """Has a worker's jobs save, and tells of them, before the worker ends: at SIGTERM, when its time
  is over, or when the sweep has gone.

  Args:
    lifetime: seconds from now to the end of the worker, None where nothing ends it.
  """

  def __init__(self, lifetime: float | None):
    self._lifetime = lifetime

  def setup(self, worker: Any) -> None:
    """Is called in the worker, whose own answer to SIGTERM would lose the jobs' exit codes."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, self._end, worker)
    if self._lifetime is not None:
      loop.call_later(self._lifetime, self._end, worker)

  def _end(self, worker: Any) -> None:
    self._ending = asyncio.ensure_future(_ended(worker))

  async def teardown(self, worker: Any) -> None:
    """Waits until the jobs have saved."""
    await asyncio.to_thread(end_all)


async def _ended(worker: Any) -> None:
  """Ends a worker's jobs and, when their exit codes have been told, the worker."""
  await asyncio.to_thread(end_all)
  await asyncio.sleep(TELL)
  await worker.close_gracefully()


def execute(name: str, command: Sequence[str], log: str, place: str) -> int:
  """The exit code of a command, run to its end in a folder.

  Raises:
    Reschedule: this worker is to end, another one runs it.
  """
  if _closing.is_set():
    time.sleep(TELL / 4)
    raise Reschedule
  os.chdir(place)
  _running[name] = started(command, pathlib.Path(log))
  try:
    return _running[name].wait()
  finally:
    del _running[name]


def end(name: str) -> None:
  """Sends SIGTERM to a job, if it runs here."""
  if process := _running.get(name):
    process.terminate()


def end_all() -> None:
  """Sends SIGTERM to all jobs and waits for them; no other begins."""
  _closing.set()
  for process in [*_running.values()]:
    process.terminate()
  for process in [*_running.values()]:
    process.wait()
