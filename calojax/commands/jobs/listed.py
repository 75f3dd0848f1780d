"""A list of jobs that is known from the beginning, and the record of how each has ended."""

from __future__ import annotations

import json
import pathlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from calojax.commands.jobs.engines import LOCAL, engine
from calojax.commands.jobs.runner import Runner
from calojax.commands.jobs.task import Task
from calojax.exit_codes import DONE, UNEXPECTED
from calojax.files import write_text

RECORD = 'jobs.json'


class Listed:
  """The jobs of a list in a folder, some of which may have ended before.

  Args:
    tasks: in order, each with a name of its own.
    folder: of the record.
    there: whether the result of a job is there.
    noun: what they are called.
  """

  def __init__(
    self,
    tasks: Sequence[Task],
    folder: pathlib.Path,
    there: Callable[[Task], bool],
    noun: str = 'jobs',
  ):
    self._tasks, self._path, self._there, self._noun = tasks, folder / RECORD, there, noun
    self._record = recorded(self._path)
    self._waiting = deque(task for task in tasks if not self._done(task))
    self.codes = {task.name: DONE for task in tasks}
    done = len(tasks) - len(self._waiting)
    if done:
      print(f'{done} of {len(tasks)} {noun} were done before', flush=True)

  @property
  def waits(self) -> bool:
    """Whether a job is still to be done."""
    return bool(self._waiting)

  def next(self) -> Task | None:
    """The next job of the list."""
    return self._waiting.popleft() if self._waiting else None

  def hopeless(self, task: Task) -> bool:
    """False: each is wanted."""
    return False

  def note(self, task: Task, code: int, again: bool) -> None:
    """Keeps how a job ended."""
    if not again:
      self.codes[task.name] = code if code >= 0 else UNEXPECTED
    self._record[task.name] = {'words': list(task.words), 'code': code}
    write_text(self._path, json.dumps(self._record, indent=1) + '\n')

  def told(self) -> str:
    """How many are done."""
    return f'{sum(map(self._done, self._tasks))} of {len(self._tasks)} {self._noun}'

  def _done(self, task: Task) -> bool:
    """Whether a process has seen the same job done, and its result is there."""
    entry = self._record.get(task.name, {})
    same = entry.get('words') == list(task.words)
    return same and entry.get('code') == DONE and self._there(task)


def run(
  tasks: Sequence[Task],
  folder: pathlib.Path,
  there: Callable[[Task], bool],
  where: str = LOCAL,
  workers: int = 1,
  noun: str = 'jobs',
) -> dict[str, int]:
  """The exit code of every job of a list, after all have ended.

  Args:
    tasks: in order, each with a name of its own.
    folder: of their logs and of the record, which is there.
    there: whether the result of a job is there.
    where: of `ENGINES`.
    workers: jobs at a time.
    noun: what they are called.

  Raises:
    ValueError: the record is damaged, or there is no such engine.
    Interrupted: SIGTERM or SIGINT; the jobs have saved.
  """
  feed = Listed(tasks, folder, there, noun)
  started = engine(where if feed.waits else LOCAL, folder, workers)
  Runner(feed, started, folder, workers).run()
  return feed.codes


def recorded(path: pathlib.Path) -> dict[str, dict[str, Any]]:
  """How the jobs of a folder have ended so far.

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
