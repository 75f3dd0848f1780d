"""A job, what tells a runner of jobs, and what starts them."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

LOST = -1000  # the code of a job whose worker was lost: killed, or its node failed


class Task(NamedTuple):
  """A process to run to its end, as often as it takes.

  Attributes:
    name: its own, and that of its log.
    words: of `python -m calojax.main`, but for the last; the same whenever it is started.
    place: the last, the flag that says where its result goes.
  """

  name: str
  words: Sequence[str]
  place: str


class Feed(Protocol):
  """What a runner asks for jobs and tells of them."""

  def next(self) -> Task | None:
    """The next job to start, None if there is none."""
    ...

  def hopeless(self, task: Task) -> bool:
    """Whether a job that runs is to be ended for good."""
    ...

  def note(self, task: Task, code: int, again: bool) -> None:
    """Keeps how a job ended, and whether it is to go on."""
    ...

  def told(self) -> str:
    """How far the jobs are, as `3 of 6 jobs`."""
    ...


class Engine(Protocol):
  """Where the processes of jobs run."""

  def start(self, name: str, words: Sequence[str], log: pathlib.Path) -> None:
    """Starts `python -m calojax.main WORDS`, what it prints goes behind the end of the log."""
    ...

  def ended(self) -> Mapping[str, int]:
    """Exit codes of those that have ended since the last call; of one that was killed minus the
    signal's number, or LOST.
    """
    ...

  def end(self, name: str) -> None:
    """Asks one to save and to end."""
    ...

  def close(self) -> Mapping[str, int]:
    """Asks all to save and to end, waits for them and gives their codes."""
    ...
