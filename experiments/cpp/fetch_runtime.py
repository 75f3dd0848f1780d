"""ONNX Runtime for a C++ compiler, from package registries alone: the library of the installed
Python package, the headers of Debian's.

  python experiments/cpp/fetch_runtime.py onnxruntime  # then cmake -DONNXRUNTIME_ROOT=onnxruntime

The interface is the same in all versions since that of the headers, so the two need not be of one
version.
"""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile

URL = (
  'http://deb.debian.org/debian/pool/main/o/onnxruntime/libonnxruntime-dev_1.21.0+dfsg-1_amd64.deb'
)
SHA256 = '14f7d959d5deacbcf1504830d4189f91fc67382b399ed9ae9d3aa9c4050ced08'
LINKED, LOADED = (
  'libonnxruntime.so',
  'libonnxruntime.so.1',
)  # what the linker and what the loader look for
APT = (
  '/usr/lib/apt/apt-helper'  # apt's own download, which needs neither root nor a list of packages
)


def library() -> pathlib.Path:
  """Path of the shared library in the installed Python package `onnxruntime`; ValueError if there
  is none.
  """
  spec = importlib.util.find_spec('onnxruntime')
  origin = spec.origin if spec else None
  found = sorted(pathlib.Path(origin).parent.glob(f'capi/{LINKED}.*')) if origin else []
  if not found:
    raise ValueError('no libonnxruntime.so is installed: pip install onnxruntime')
  return found[0]


def headers(folder: pathlib.Path) -> None:
  """Writes the C and C++ headers to the folder; ValueError if they cannot be had."""
  missing = [name for name in (APT, 'dpkg-deb') if not shutil.which(name)]
  if missing:
    raise ValueError(
      f'{", ".join(missing)} is not there: this needs Debian or Ubuntu; elsewhere use a '
      'release of ONNX Runtime'
    )
  with tempfile.TemporaryDirectory() as aside:
    package = f'{aside}/headers.deb'
    for command in (
      [APT, 'download-file', URL, package, f'SHA256:{SHA256}'],
      ['dpkg-deb', '-x', package, aside],
    ):
      done = subprocess.run(command, capture_output=True, text=True)
      if done.returncode:
        raise ValueError(f'{" ".join(command)} failed: {" ".join(done.stderr.split())}')
    shutil.copytree(f'{aside}/usr/include/onnxruntime', folder, dirs_exist_ok=True)


def fetch(root: pathlib.Path) -> None:
  """Fills the folder as a release of ONNX Runtime is: `include` and `lib`."""
  found = library()
  headers(root / 'include')
  (root / 'lib').mkdir(exist_ok=True)
  shutil.copy(found, root / 'lib' / LOADED)
  (root / 'lib' / LINKED).unlink(missing_ok=True)
  (root / 'lib' / LINKED).symlink_to(LOADED)


if __name__ == '__main__':
  if len(sys.argv) != 2:
    sys.exit('usage: fetch_runtime.py FOLDER')
  try:
    fetch(pathlib.Path(sys.argv[1]))
  except ValueError as error:
    sys.exit(f'fetch_runtime.py: {error}')
