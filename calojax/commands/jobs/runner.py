"""The one runner: it starts jobs, some at a time, lets those that were interrupted go on, and ends
all when it is interrupted itself.
"""

from __future__ import annotations

import pathlib
import signal
import time
from collections import deque

from calojax import interruption
from calojax.commands.jobs.task import LOST, Engine, Feed, Task
from calojax.commands.outcome import say
from calojax.exit_codes import DONE, INTERRUPTED
from calojax.files import check_room
from calojax.interruption import Interrupted

LOOK = 0.2  # seconds between two looks at the jobs
KILLS = 5  # of one job, after which it counts as failed: by want of memory, say


class Runner:
  """Runs what a feed gives.

  Args:
    feed: of the jobs.
    engine: where they run; it is closed at the end.
    folder: of their logs.
    workers: jobs at a time.
  """

  def __init__(self, feed: Feed, engine: Engine, folder: pathlib.Path, workers: int):
    self._feed, self._engine, self._folder, self._workers = feed, engine, folder, workers
    self._running: dict[str, tuple[Task, float]] = {}
    self._again: deque[Task] = deque()
    self._ending: set[str] = set()
    self._kills: dict[str, int] = {}

  def run(self) -> None:
    """Runs until there is no job any more.

    Raises:
      Interrupted: SIGTERM or SIGINT; the jobs have saved.
      OSError, ValueError: the disk is full; what was done is kept.
    """
    try:
      while self._filled():
        self._check()
        time.sleep(LOOK)
        for name, code in self._engine.ended().items():
          self._settle(name, code)
        for name, (task, _) in self._running.items():
          if name not in self._ending and self._feed.hopeless(task):
            self._ending.add(name)
            self._engine.end(name)
    finally:
      self._stop()

  def _filled(self) -> bool:
    """Starts as many jobs as there is room for; whether there is one."""
    while len(self._running) < self._workers:
      task = self._again.popleft() if self._again else self._feed.next()
      if task is None:
        break
      check_room(self._folder, 0, 'the log of a job')
      log = self._folder / f'{task.name}.log'
      self._engine.start(task.name, [*task.words, task.place], log)
      self._running[task.name] = task, time.monotonic()
    return bool(self._running)

  def _settle(self, name: str, code: int) -> None:
    """Tells how a job ended; it goes on if it was interrupted, or killed, but not each time."""
    task, start = self._running.pop(name)
    self._kills[name] = self._kills.get(name, 0) + (code < 0)
    stopped = code == INTERRUPTED or code < 0
    again = stopped and self._kills[name] < KILLS and name not in self._ending
    self._feed.note(task, code, again)
    if again:
      self._again.append(task)
    if code == DONE:
      seconds = time.monotonic() - start
      print(f'[{self._feed.told()}] {name} done, {seconds:.0f} s', flush=True)
    elif stopped and name not in self._ending:
      killed = 'lost with its worker' if code == LOST else f'killed by signal {-code}'
      say(f'{name} was {killed if code < 0 else "interrupted"}')
    elif not stopped:
      log = self._folder / f'{name}.log'
      say(f'{name} failed with exit code {code}, {log}: {_last_line(log)}')

  def _check(self) -> None:
    """Raises Interrupted if a signal has come, once the jobs have saved."""
    number = interruption.received()
    if number is not None:
      self._stop()
      raise Interrupted(
        f'{signal.Signals(number).name} received, {self._feed.told()} are done and the others saved'
      )

  def _stop(self) -> None:
    """Ends the jobs that run, which save."""
    for name, code in self._engine.close().items():
      self._settle(name, code)


def _last_line(log: pathlib.Path) -> str:
  """What a log says last."""
  try:
    lines = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
  except OSError:  # another machine has written it: it may be late, or its disk full
    lines = []
  return (lines or ['nothing was said'])[-1].rpartition('\r')[2].removeprefix('calojax: ')
