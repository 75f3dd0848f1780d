"""The engine that runs jobs as processes of this machine."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence

COMMAND = (sys.executable, '-m', 'calojax.main')
# A job is one process: it is not to take the place of the sweep, or of its worker, for its own.
LAUNCHERS = ('SLURM_', 'OMPI_', 'PMI_', 'PMIX_')
# Becomes the command that it is given, which is killed (prctl, PR_SET_PDEATHSIG) when what started
# it ends, however it ends: whoever starts the job again finds its folder free.
TIED = """
import ctypes, os, sys
getattr(ctypes.CDLL(None), 'prctl', lambda *args: None)(1, 9)
os.execv(sys.argv[1], sys.argv[1:])
"""


def started(command: Sequence[str], log: pathlib.Path) -> subprocess.Popen:
  """A process tied to this thread, what it prints goes behind the end of the log."""
  others = {key: value for key, value in os.environ.items() if not key.startswith(LAUNCHERS)}
  with open(log, 'ab') as file:
    return subprocess.Popen(
      [sys.executable, '-c', TIED, *command],
      env=others,
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
