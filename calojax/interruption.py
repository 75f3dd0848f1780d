"""SIGTERM and SIGINT: noted when they come, looked at where it is safe to stop.

Nothing is raised from a handler: an exception there dies inside whatever callback runs just then (a
collection of garbage, a line of a library), and the signal is lost. A thread is told of a signal at
once, also while the main thread is inside a compiler or waits for a disk; until the first file is
begun it ends the process itself, and so does a second signal at any time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from calojax.exit_codes import BAD_INPUT, DONE, INTERRUPTED, UNREAD

AGAIN = 'run the same command again'
PATIENCE = 10.0  # seconds that interrupted work may take to its end, if it can be made again
ECHO = 2.0  # seconds: `timeout` and batch systems send SIGTERM to a process and to its group
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# The handler and the thread are both told of each signal, and either can be told late.
_handled: list[int] = []
_watched: list[int] = []
_leaving = threading.Lock()


class Interrupted(Exception):
  """SIGTERM or SIGINT came, and the work has stopped where it can go on; its message says where."""


class _Stage:
  """How far the process is: what a signal is to do."""

  making = False  # files
  first = 0.0  # signal, when
  patience: float | None = None  # seconds for an orderly end; None: as long as it takes


def listen() -> None:
  """From now on SIGTERM and SIGINT are noted. A door calls it before it imports what takes time."""
  reader, writer = os.pipe()
  os.set_blocking(writer, False)
  signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
  for number in _SIGNALS:
    signal.signal(number, lambda number, frame: _note(_handled, number))
  threading.Thread(target=_watch, args=(reader,), name='signals', daemon=True).start()


def begin(patience: float | None) -> None:
  """From now on files are made: a first signal is noted for `check` and `received`.

  Args:
    patience: seconds after which the process ends in any case, for work that is written whole or
      not at all; None where what was done is to be saved first.
  """
  _Stage.making, _Stage.patience = True, patience
  if number := received():
    _hurry(number)


def received() -> int | None:
  """The first signal that came, or None."""
  return next(iter(_watched or _handled), None)


def check() -> None:
  """Raises Interrupted if a signal has come."""
  if number := received():
    raise Interrupted(f'{signal.Signals(number).name} received')


def progress(show: Callable[..., Any] | None) -> Callable[..., None]:
  """A function that is told how far some work is and hands it on to `show`; it ends the work if a
  signal has come.
  """

  def tell(*arguments: Any) -> None:
    check()
    if show:
      show(*arguments)

  return tell


def leave(code: int) -> NoReturn:
  """Ends the process with this code at once: a signal that comes while an interpreter clears its
  modules away is lost or makes a core dump. If all was done when a signal came, its sender hears of
  it all the same: a job that is queued again finds that.
  """
  for stream in (sys.stdout, sys.stderr):
    try:
      stream.flush()
    except BrokenPipeError:
      code = code or UNREAD
    except (OSError, ValueError) as error:  # the disk is full
      code = code or BAD_INPUT
      _tell(f'what was printed is lost: {error}')
  # From here on a signal comes to a process that has ended, as it would a moment later.
  signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
  if code == DONE and (number := received() or next(iter(signal.sigpending() & {*_SIGNALS}), 0)):
    code, name = INTERRUPTED, signal.Signals(number).name
    end(code, f'{name} received when all was done; {AGAIN} to see so')
  os._exit(code)


def end(code: int, words: str) -> None:
  """Says why and ends the process; nothing if another thread is doing so."""
  if _leaving.acquire(blocking=False):
    _tell(words)
    os._exit(code)


def _watch(reader: int) -> NoReturn:
  """Notes the numbers of signals as they come."""
  while True:
    for number in os.read(reader, 64):
      if number in _SIGNALS:
        _note(_watched, number)


def _note(seen: list[int], number: int) -> None:
  """Takes note of a signal, or ends the process."""
  if seen and number == signal.SIGTERM and time.monotonic() - _Stage.first < ECHO:
    return
  if not received():
    _Stage.first = time.monotonic()
  seen.append(number)
  name = signal.Signals(number).name
  if not _Stage.making:
    end(INTERRUPTED, f'{name} received before anything was made; {AGAIN}')
  elif len(seen) > 1:
    end(128 + number, f'{name} received again, stopped at once')
  else:
    _hurry(number)


def _hurry(number: int) -> None:
  """Ends the process when its patience is over."""
  if _Stage.patience is not None:
    words = f'{signal.Signals(number).name} received; {AGAIN}'
    timer = threading.Timer(_Stage.patience, end, (INTERRUPTED, words))
    timer.daemon = True
    timer.start()


def _tell(words: str) -> None:
  """Writes a line on standard error, without a buffer."""
  with contextlib.suppress(OSError):
    os.write(2, f'calojax: {words}\n'.encode())
