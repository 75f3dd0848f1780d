"""The command `calojax`."""

from __future__ import annotations

import sys
from typing import NoReturn

from calojax import interruption


def main() -> NoReturn:
  """Runs the words of the command line and ends the process with the exit code."""
  interruption.listen()  # before anything that takes time to import
  from calojax.commands import door

  interruption.leave(door.console(sys.argv[1:]))


if __name__ == '__main__':
  main()
