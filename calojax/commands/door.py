"""From the words of a command line to an exit code: what both doors have in common."""

from __future__ import annotations

from calojax import __version__, interruption
from calojax.commands import usage, work
from calojax.commands.arguments import Asked, parsed
from calojax.commands.options import COMMANDS
from calojax.commands.outcome import line, outcome, refuse
from calojax.config import check
from calojax.exit_codes import DONE

HELP = ('-h', '--help', '-help')
SAVED = ('train', 'simulate', 'sweep')  # an interruption waits until what was done is saved


def console(words: list[str]) -> int:
  """Runs `calojax WORDS` and returns the exit code."""
  if not words:
    return refuse(ValueError(f'no command, expected one of {", ".join(COMMANDS)}; see --help'))
  command, arguments = words[0], words[1:]
  if command in HELP:
    print(usage.overview())
  elif command == '--version':
    print(f'calojax {__version__}')
  elif command.startswith('--completion'):
    return outcome(lambda: completion(command.partition('=')[2] or ''.join(arguments)))
  else:
    return run(command, arguments)
  return DONE


def completion(shell: str) -> int:
  """Prints what makes a shell complete commands and flags."""
  from calojax.commands.completion import script

  print(script(shell))
  return DONE


def run(command: str, arguments: list[str], door: str = 'calojax ') -> int:
  """Runs a command with the words behind its name and returns the exit code."""
  if command in COMMANDS and any(word in HELP for word in arguments):
    print(usage.of_command(command))
    return DONE
  try:
    asked = parsed(command, arguments, door)
    if getattr(asked.values, 'config', None) is not None:
      check(asked.values.config)
  except Exception as error:  # a config file is code of the user's: it can raise anything
    return refuse(ValueError(line(error)))
  return outcome(lambda: done(asked), asked.values.debug)


def done(asked: Asked) -> int:
  """Does what is asked for and returns the exit code.

  Raises:
    ValueError, OSError: bad input.
    Interrupted: SIGTERM or SIGINT.
  """
  ready = work.prepare(asked)
  interruption.begin(None if asked.command in SAVED else interruption.PATIENCE)
  return ready()
