"""How a command ends: one line and a documented exit code, whatever happened."""

from __future__ import annotations

import contextlib
import re
import select
import sys
import warnings
from collections.abc import Callable

from calojax import interruption
from calojax.exit_codes import BAD_INPUT, INTERRUPTED, UNEXPECTED, UNREAD
from calojax.interruption import Interrupted

STANDARD_OUTPUT = 1
QUOTES = '\'"'
LENGTH = 1000  # characters of a line at most: some libraries tell sixty lines


def outcome(work: Callable[[], int], debug: bool = False) -> int:
  """The exit code of a command's work; an error becomes one line on standard error, with `debug` it
  is raised.
  """
  warnings.formatwarning = lambda message, *_, **__: f'calojax: warning: {line(message)}\n'
  try:
    return work()
  except Exception as error:
    if isinstance(error, BrokenPipeError) and _unread():
      return UNREAD
    if debug and not isinstance(error, Interrupted):
      raise
    return refuse(error)


def _unread() -> bool:
  """Whether nobody reads what is printed, as behind `| head`."""
  pipe = select.poll()
  pipe.register(STANDARD_OUTPUT, 0)  # an error is told unasked
  return bool(pipe.poll(0))


def refuse(error: Exception) -> int:
  """Prints an error as one line and returns its exit code."""
  code, words = told(error)
  say(words)
  return code


def told(error: Exception) -> tuple[int, str]:
  """The exit code of an error and the line that says it."""
  if isinstance(error, Interrupted):
    return INTERRUPTED, f'{error}; {interruption.AGAIN}'
  if isinstance(error, ModuleNotFoundError) and not (error.name or '').startswith('calojax'):
    words = f'this needs {error.name}, which is not installed: pip install "calojax[train]"'
  elif isinstance(error, MemoryError) or 'RESOURCE_EXHAUSTED: Out of memory' in str(error):
    words = f'not enough memory, a smaller train.batch or data.memory_gib needs less: {line(error)}'
  elif isinstance(error, (ValueError, OSError)):
    words = line(error)
  else:
    return UNEXPECTED, f'unexpected {type(error).__name__}: {line(error)} (--debug shows where)'
  return BAD_INPUT, words


def line(error: object) -> str:
  """What an error says, as one line of bounded length."""
  text = error.args[0] if isinstance(error, KeyError) and error.args else error
  words = ' '.join(str(text).split()) or type(error).__name__
  words = re.sub(r"invalid literal for int\(\) with base 10: '(.*)'$", _whole, words)
  if isinstance(error, KeyError) and ' ' not in words:  # the library says the bare name, quoted
    words = f'no key {words.strip(QUOTES)!r}, expected one that the config has'
  return words if len(words) <= LENGTH else f'{words[:LENGTH]} ...'


def _whole(match: re.Match[str]) -> str:
  """What was expected where a text is no whole number."""
  try:
    number = float(match[1])
  except ValueError:
    number = 0.5
  return 'expected a whole number' + (f', as {int(number)}' if number.is_integer() else '')


def say(words: str) -> None:
  """Prints a line on standard error, if there is one."""
  with contextlib.suppress(
    OSError
  ):  # nobody reads, or the log's disk is full: the code still tells
    print(f'calojax: {words}', file=sys.stderr, flush=True)
