"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
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
    with contextlib.suppress(FileNotFoundError):
      os.remove(part)


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes a text file in UTF-8, aside and renamed."""
  with written_aside(path) as part, open(part, 'w', encoding='utf-8') as file:
    file.write(text)
