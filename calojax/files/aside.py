"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator


@contextlib.contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[str]:
  """The name to write to, `path` with `.part`; renamed to `path` at the end, removed if there is an
  exception.
  """
  part = f'{os.fspath(path)}.part'
  try:
    yield part
    os.replace(part, path)
  finally:
    with contextlib.suppress(OSError):  # which would hide why there is nothing to remove
      os.remove(part)


@contextlib.contextmanager
def named(path: str | os.PathLike) -> Iterator[None]:
  """Puts the file's name before the message of a ValueError."""
  try:
    yield
  except ValueError as error:
    raise ValueError(f'{os.fspath(path)}: {error}') from None


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes a text file in UTF-8, aside and renamed."""
  with written_aside(path) as part, open(part, 'w', encoding='utf-8') as file:
    file.write(text)


@contextlib.contextmanager
def folder_aside(path: str | os.PathLike) -> Iterator[str]:
  """The folder to write to, `path` with `.part`; it takes the place of `path` at the end, and is
  removed if there is an exception.
  """
  path = os.fspath(path).rstrip(os.sep)
  part, old = f'{path}.part', f'{path}.old'
  shutil.rmtree(part, ignore_errors=True)
  os.makedirs(part)
  try:
    yield part
    shutil.rmtree(old, ignore_errors=True)
    if os.path.exists(path):
      os.replace(path, old)  # a folder that is not empty cannot be replaced in one step
    os.replace(part, path)
    shutil.rmtree(old, ignore_errors=True)
  finally:
    shutil.rmtree(part, ignore_errors=True)
