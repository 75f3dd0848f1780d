"""What came of a fault."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

Seed = tuple[int, int]  # of the campaign, and how many faults of the kind came before


class Outcome(NamedTuple):
  """A word of the campaign's list and, for a failure, which fault it was."""

  word: str
  detail: str = ''


def of_process(process: subprocess.CompletedProcess | None, detail: str, good: str) -> Outcome:
  """The outcome of a command that has ended: `good` if its exit code is 0, and 'hang' for None."""
  if process is None:
    return Outcome('hang', detail)
  said = f'{detail}: code {process.returncode}: {process.stderr.strip()[-300:]}'
  if 'Traceback (most recent call last)' in process.stderr or process.returncode == 1:
    return Outcome('traceback', said)
  if process.returncode < 0:
    return Outcome('crash', said)
  if process.returncode == 0:
    return Outcome(good, detail)
  lines = [line for line in process.stderr.splitlines() if line.startswith('calojax: ')]
  told = [line for line in lines if not line.startswith('calojax: warning: ')]
  return Outcome('refused' if len(told) == 1 else 'traceback', said)
