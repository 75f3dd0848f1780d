"""The command `calojax simulate` as `python -m calojax.simulate`."""

from __future__ import annotations

from calojax import interruption

if __name__ == '__main__':
  interruption.listen()  # before anything that takes time to import

import sys

from calojax.commands import door


def command_line(argv: list[str]) -> int:
  """Runs the command and returns its exit code."""
  return door.run('simulate', argv[1:])


if __name__ == '__main__':
  interruption.leave(command_line(sys.argv))
