"""What a worker of a batch system runs: jobs as its children, which save when it is ended."""

from __future__ import annotations

import asyncio
import os
import pathlib
import subprocess
import threading
from collections.abc import Sequence
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin  # pyright: ignore[reportMissingImports]

from calojax.commands.jobs.local import started
from calojax.exit_codes import INTERRUPTED

_running: dict[str, subprocess.Popen] = {}
_closing = threading.Event()


class Children(WorkerPlugin):
  """Ends a worker's jobs before the worker ends: by SIGTERM, or because its time is over."""

  async def teardown(self, worker: Any) -> None:
    """Waits until the jobs have saved."""
    await asyncio.to_thread(end_all)


def execute(name: str, command: Sequence[str], log: str, place: str) -> int:
  """The exit code of a command, run to its end in a folder; interrupted at once where the worker is
  to end.
  """
  if _closing.is_set():
    return INTERRUPTED
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
