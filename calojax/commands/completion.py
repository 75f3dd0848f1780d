"""Completion of commands and flags for bash, zsh and fish."""

from __future__ import annotations

from calojax import zoo
from calojax.commands.flags import Option
from calojax.commands.options import COMMANDS
from calojax.config import shipped
from calojax.registry import find

HEADS = '--help --version --completion='


def script(shell: str) -> str:
  """What the shell is to read, as by `eval "$(calojax --completion=bash)"` in its start-up file.

  Raises:
    ValueError: another shell.
  """
  return find({'bash': bash, 'zsh': zsh, 'fish': fish}, shell, 'shell')()


def bash() -> str:
  """For bash: words by command, files otherwise."""
  words = {
    name: ' '.join([*_names(command.subject), *map(_word, command.options), '--help'])
    for name, command in COMMANDS.items()
  }
  cases = '\n'.join(f'    {name}) words="{text}" ;;' for name, text in words.items())
  return f"""\
_calojax() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) words="{' '.join(COMMANDS)} {HEADS}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ ${{#COMPREPLY[@]}} -eq 1 && "${{COMPREPLY[0]}}" == *= ]]; then compopt -o nospace; fi
}}
complete -o default -F _calojax calojax"""


def zsh() -> str:
  """For zsh, by its own emulation of bash's completion."""
  return f'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n{bash()}'


def fish() -> str:
  """For fish, with the help beside each word."""
  lines = ["complete -c calojax -n __fish_use_subcommand -l version -d 'Print the version'"]
  for name, command in COMMANDS.items():
    lines.append(
      f"complete -c calojax -n __fish_use_subcommand -a {name} -d '{_quoted(command.summary)}'"
    )
    seen = f"complete -c calojax -n '__fish_seen_subcommand_from {name}'"
    lines += [f"{seen} -a '{' '.join(_names(command.subject))}'"] * bool(_names(command.subject))
    lines += [
      f'{seen} -l {option.name} '
      f"{'' if option.kind == 'boolean' else '-r '}-d '{_quoted(option.help)}'"
      for option in command.options
    ]
  return '\n'.join(lines)


def _names(subject: str) -> list[str]:
  """Names of the package that a command's bare word can be."""
  known = {
    'config': lambda: list(shipped.files()),
    'model': zoo.names,
    'source': zoo.names,
    'kind': lambda: ['systems', 'detectors', 'models', 'data', 'plug-ins'],
  }
  return known[subject]() if subject in known else []


def _word(option: Option) -> str:
  """The flag, with `=` where a value follows."""
  return f'--{option.name}' + ('' if option.kind == 'boolean' else '=')


def _quoted(text: str) -> str:
  """The first sentence, inside fish's single quotes."""
  first = text.split('. ')[0].rstrip('.')
  return first.replace('\\', '\\\\').replace("'", "\\'")
