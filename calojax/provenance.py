"""Where a figure comes from: code, machine."""

from __future__ import annotations

import functools
import os
import pathlib
import platform
import subprocess
from typing import Any

from calojax import __version__


@functools.cache
def origin() -> dict[str, Any]:
  """Version and commit of the code, and the machine; the commit is None outside a checkout, with
  '+' for uncommitted changes.
  """
  return {
    'calojax': __version__,
    'commit': commit(),
    'machine': f'{processor()}, {os.cpu_count()} cores',
    'python': platform.python_version(),
  }


def commit() -> str | None:
  """Short hash of the checkout that the package runs from."""
  folder = pathlib.Path(__file__).parent

  def git(*arguments: str) -> str:
    return subprocess.run(
      ['git', '-C', str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()

  try:
    if not git('ls-files', __file__):  # installed inside somebody else's repository
      return None
    # Data and runs lie untracked in a checkout and do not change the code.
    return git('rev-parse', '--short', 'HEAD') + (
      '+' if git('status', '--porcelain', '--untracked-files=no') else ''
    )
  except (OSError, subprocess.CalledProcessError):
    return None


def processor() -> str:
  """The processor's name."""
  # On Linux `platform.processor()` is empty or just the architecture; macOS has no /proc.
  try:
    with open('/proc/cpuinfo') as file:
      return next(line.split(':', 1)[1].strip() for line in file if line.startswith('model name'))
  except (OSError, StopIteration):
    return platform.processor() or platform.machine()
