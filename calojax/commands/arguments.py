"""The words of a command line become values, checked against the table of flags."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from absl import flags

from calojax.commands.flags import Option
from calojax.commands.options import COMMANDS
from calojax.config import shipped
from calojax.registry import find, near


class Asked(NamedTuple):
  """What a user asks for.

  Attributes:
    command: a key of `COMMANDS`.
    values: absl's `FlagValues` of its flags.
    door: what stands before the name of a command, as `calojax `.
  """

  command: str
  values: Any
  door: str

  def __str__(self) -> str:
    return f'{self.door}{self.command}'


def parsed(command: str, arguments: list[str], door: str = 'calojax ') -> Asked:
  """What the words behind the name of a command ask for.

  Raises:
    ValueError: no such command or flag, the near one is named; a flag of another command; a word
      too many.
    Exception: whatever the user's config file or a value of it raises.
  """
  table = find(COMMANDS, command, 'command')
  given, words = divided(command, arguments, door)
  subject = f'--{table.subject}='
  if words and table.subject and not any(flag.startswith(subject) for flag in given):
    given.insert(0, subject + words.pop(0))
  if words:
    raise ValueError(f'unexpected argument {words[0]!r}: flags are written --name=value')
  given.sort(key=lambda flag: not flag.startswith('--config='))  # before its values, wherever
  argv = shipped.resolved(['calojax', *map(_names, given)])
  values = _values(table.options, argv)
  try:
    values(argv)
  except (KeyError, AttributeError):
    _check_keys(table.options, argv)
    raise
  return Asked(command, values, door)


def _names(word: str) -> str:
  """A flag of the config whose value is names, `a,b`, as the library wants them: `('a','b')`."""
  found = re.fullmatch(r'--config\.([\w.]+)=([\w/]+(?:, *[\w/]+)+)', word)
  if not found:
    return word
  from calojax.config.rules import NAMES, RULES  # here: half of the commands have no config

  if RULES.get(found[1]) is not NAMES:
    return word
  return f'--config.{found[1]}={tuple(name.strip() for name in found[2].split(","))}'


def _values(options: tuple[Option, ...], argv: list[str]) -> flags.FlagValues:
  """These flags, not yet read."""
  values = flags.FlagValues()
  for option in options:
    _define(option, values, argv)
  return values


def _check_keys(options: tuple[Option, ...], argv: list[str]) -> None:
  """Raises ValueError, which names the near key, if the config has no such value."""
  alone = [word for word in argv if not re.match(r'--(no)?config\.', word)]
  values = _values(options, alone)
  values(alone)
  keys = [re.sub(r'^--(no)?config\.|=.*', '', word, flags=re.DOTALL) for word in argv]
  shipped.check_keys(values.config, [key for key, word in zip(keys, argv) if word not in alone])


def divided(command: str, arguments: list[str], door: str) -> tuple[list[str], list[str]]:
  """The flags, each as one word `--name=value` or a switch `--name`, and the bare words.

  Raises:
    ValueError: the command has no such flag, or the value of one is missing.
  """
  options = {option.name: option for option in COMMANDS[command].options}
  given: list[str] = []
  words: list[str] = []
  waiting = ''  # a flag whose value is the next word
  for word in arguments:
    inner = waiting.startswith('--config.') and word.startswith('--')  # a switch of the config
    if waiting and not inner:
      given, waiting = [*given, f'{waiting}={word}'], ''
    elif word.startswith('-') and word.strip('-'):
      given, waiting = [*given, waiting] if waiting else given, ''
      flag = f'--{word.lstrip("-")}'
      switch = _switch(options, flag, command, door)
      given, waiting = ([*given, flag], '') if switch or '=' in flag else (given, flag)
    else:
      words.append(word)
  if waiting and not waiting.startswith('--config.'):
    raise ValueError(f'{waiting} has no value, expected {waiting}=VALUE')
  return [*given, waiting] if waiting else given, words


def _switch(options: dict[str, Option], flag: str, command: str, door: str) -> bool:
  """Whether a flag of the command needs no value.

  Raises:
    ValueError: it has no such flag.
  """
  name = flag[2:].partition('=')[0]
  for known, is_no in ((name, False), (name.removeprefix('no'), True)):
    head = known.partition('.')[0]
    if known in options and (not is_no or options[known].kind == 'boolean'):
      return options[known].kind == 'boolean'
    if head in options and options[head].kind == 'config' and head != known:
      return is_no and head != name.partition('.')[0]
  others = [other for other, table in COMMANDS.items() if _has(table.options, name)]
  if others:
    meant = ' or '.join(door + other for other in others)
    raise ValueError(f'{flag} with {door}{command}, expected {meant}')
  hint = near(name, options, 'its flags are', '--')
  raise ValueError(f'no flag --{name} of {door}{command}; {hint}')


def _has(options: tuple[Option, ...], name: str) -> bool:
  """Whether these have a flag of that name, or a config that it is a value of."""
  return any(option.name in (name, name.partition('.')[0]) for option in options)


def _define(option: Option, values: flags.FlagValues, argv: list[str]) -> None:
  """Makes it a flag of these values; a config reads its changed values from `argv`."""
  if option.kind == 'config':
    from ml_collections import config_flags  # here: half of the commands have none

    config_flags.DEFINE_config_file(
      option.name, None, option.help, values, lock_config=True, sys_argv=argv
    )
    return
  define = {
    'string': flags.DEFINE_string,
    'integer': flags.DEFINE_integer,
    'float': flags.DEFINE_float,
    'boolean': flags.DEFINE_boolean,
    'list': flags.DEFINE_list,
  }[option.kind]
  define(option.name, option.default, option.help, flag_values=values)
