"""The engines by name, and the one that runs jobs as processes of this machine."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence

from calojax.commands.jobs.task import Engine
from calojax.registry import find

LOCAL = 'local'
ENGINES = (LOCAL, 'slurm', 'htcondor')
COMMAND = (sys.executable, '-m', 'calojax.main')
# Becomes the command that it is given, which is killed (prctl, PR_SET_PDEATHSIG) when what started
# it ends, however it ends: whoever starts the job again finds its folder free.
TIED = """
import ctypes, os, sys
getattr(ctypes.CDLL(None), 'prctl', lambda *args: None)(1, 9)
os.execv(sys.argv[1], sys.argv[1:])
"""


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


def started(command: Sequence[str], log: pathlib.Path) -> subprocess.Popen:
  """A process tied to this thread, what it prints goes behind the end of the log."""
  with open(log, 'ab') as file:
    return subprocess.Popen(
      [sys.executable, '-c', TIED, *command],
      stdout=file,
      stderr=subprocess.STDOUT,
      stdin=subprocess.DEVNULL,
      start_new_session=True,  # Ctrl-C goes to all of a terminal's processes
    )


class Local:
  """Processes of this machine."""

  def __init__(self):
    self._running: dict[str, subprocess.Popen] = {}

  def start(self, name: str, words: Sequence[str], log: pathlib.Path) -> None:
    """Starts a process."""
    self._running[name] = started((*COMMAND, *words), log)

  def ended(self) -> Mapping[str, int]:
    """Exit codes by name."""
    found = {name: process.poll() for name, process in self._running.items()}
    codes = {name: code for name, code in found.items() if code is not None}
    for name in codes:
      del self._running[name]
    return codes

  def end(self, name: str) -> None:
    """Sends SIGTERM."""
    self._running[name].terminate()

  def close(self) -> Mapping[str, int]:
    """Sends SIGTERM to all and waits."""
    for process in self._running.values():
      process.terminate()
    for process in self._running.values():
      process.wait()
    return self.ended()
