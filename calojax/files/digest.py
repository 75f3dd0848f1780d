"""Digests: whether the files of a folder are still what was written, bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable

from calojax.files.aside import write_text

MANIFEST = 'sha256.json'


def write_digests(folder: str | os.PathLike, names: Iterable[str] | None = None) -> None:
  """Writes `sha256.json`, the SHA-256 of these files of a folder by name, by default of all below
  it.
  """
  folder = os.fspath(folder)
  found = {name: _sha256(os.path.join(folder, name)) for name in names or _files(folder)}
  write_text(os.path.join(folder, MANIFEST), json.dumps(found, indent=1, sort_keys=True) + '\n')


def damage(folder: str | os.PathLike, names: Iterable[str] | None = None) -> str | None:
  """What differs from the digests of a folder, in words; None if nothing does, or if there are no
  digests, as in what version 0.1.0 wrote.

  Args:
    folder: with or without digests.
    names: the files to look at, by default all that there are digests of.
  """
  folder = os.fspath(folder)
  path = os.path.join(folder, MANIFEST)
  try:
    with open(path, encoding='utf-8') as file:
      stated = json.load(file)
    wanted = [name for name in stated if names is None or name in set(names)]
    for name in wanted:
      if _sha256(os.path.join(folder, name)) != stated[name]:
        return f'{os.path.join(folder, name)} is not what was written (sha256 of {MANIFEST})'
  except FileNotFoundError as error:
    return None if error.filename == path else f'{error.filename} is missing'
  except (OSError, ValueError, TypeError, RecursionError) as error:
    return f'{path} is damaged: {error}'
  return None


def check_digests(folder: str | os.PathLike, *names: str) -> None:
  """Raises ValueError unless these files are what was written."""
  found = damage(folder, names)
  if found:
    raise ValueError(
      f'{found}: it was damaged or changed; if the change was meant, remove '
      f'{os.path.join(os.fspath(folder), MANIFEST)}'
    )


def _files(folder: str) -> list[str]:
  """Relative names of all files below a folder but the digests themselves."""
  return sorted(
    os.path.relpath(os.path.join(root, name), folder)
    for root, _, names in os.walk(folder)
    for name in names
    if name != MANIFEST
  )


def _sha256(path: str) -> str:
  """SHA-256 of a file, in hexadecimal digits."""
  with open(path, 'rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
