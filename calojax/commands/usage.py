"""The help of the commands, and the completion of a shell, from the table of flags."""

from __future__ import annotations

import textwrap

from calojax.commands.flags import Option
from calojax.commands.options import COMMANDS

WIDTH = 96
OVERVIEW = """\
Generative fast simulation of electromagnetic calorimeters: train, judge, ship.

  calojax COMMAND [WORD] [--flag=value ...]
  calojax COMMAND --help
  calojax --version
  calojax --completion=bash|zsh|fish

{commands}

Energies in files are in MeV, lengths in mm, angles in degrees on the command line. The same words
stand behind `python -m calojax.main --mode=COMMAND`, whose usual command is train.
Exit codes: 0 done; 2 bad input, one line says what; 3 the training diverged, the last good
checkpoint is kept; 75 interrupted by SIGTERM or SIGINT, what was done is kept where it can be, run
the command again; 1 an error that nobody thought of, one line.
"""


def overview() -> str:
  """All commands, a line each."""
  lines = [f'  {name:<10}{command.summary}' for name, command in COMMANDS.items()]
  return OVERVIEW.format(commands='\n'.join(lines))


def of_command(name: str) -> str:
  """A command: what it does, examples, flags."""
  command = COMMANDS[name]
  word = next((f' [{o.value}]' for o in command.options if o.name == command.subject), '')
  examples = '\n'.join(f'  {example}' for example in command.examples)
  flags = '\n'.join(map(_flag, command.options))
  return f'calojax {name}{word} [--flag=value ...]\n\n{command.summary}\n\n{examples}\n\n{flags}\n'


def _flag(option: Option) -> str:
  """A flag with its help."""
  head = f'  --{option.name}: ' if not option.value else f'  --{option.name}={option.value}: '
  default = '' if option.default in (None, '', [], False) else f' (default: {option.default})'
  return textwrap.fill(head + option.help + default, WIDTH, subsequent_indent=' ' * 6)
