"""Trained generators that come with the package, one folder each, as `--mode=export` writes
them.
"""

from __future__ import annotations

import pathlib

from calojax.registry import near

ROOT = pathlib.Path(__file__).parent


def names() -> list[str]:
  """Names of the generators, in alphabetical order."""
  return sorted(path.parent.name for path in ROOT.glob('*/model.json'))


def find(model: str) -> str:
  """The folder of a model: the name of a folder on disk, or of a generator of the package.

  Raises:
    ValueError: neither.
  """
  # The folder first: a model of the user's is not hidden by one of the package with its name.
  if pathlib.Path(model).is_dir():
    return model
  if model not in names():
    hint = near(model, names(), 'of the package there are')
    raise ValueError(
      f'model {model!r} is neither one of the package nor the folder of an exported one or of a '
      f'run; {hint}'
    )
  return str(ROOT / model)
