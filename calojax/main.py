"""The commands of `calojax` as `python -m calojax.main --mode=COMMAND`."""

from __future__ import annotations

from calojax import interruption

if __name__ == '__main__':
  interruption.listen()  # before anything that takes time to import

import sys

from calojax.commands import door, usage
from calojax.commands.options import COMMANDS
from calojax.exit_codes import DONE

USUAL = 'train'


def command_line(argv: list[str]) -> int:
  """Runs a command and returns its exit code."""
  mode, arguments = divided(argv[1:])
  if not mode and any(word in door.HELP for word in arguments):
    print(usage.overview(), *map(usage.of_command, COMMANDS), sep='\n')
    return DONE
  return door.run(mode or USUAL, arguments, '--mode=')


def divided(words: list[str]) -> tuple[str, list[str]]:
  """What `--mode` says, or '', and the other words."""
  mode, others, waiting = '', [], False
  for word in words:
    if waiting or word.lstrip('-').startswith('mode='):
      mode, waiting = word.partition('=')[2] if not waiting else word, False
    elif word in ('--mode', '-mode'):
      waiting = True
    else:
      others.append(word)
  return mode, others


if __name__ == '__main__':
  interruption.leave(command_line(sys.argv))
