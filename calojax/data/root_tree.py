"""The branches of a tree of a ROOT file as arrays, read when they are asked for, and written; needs
uproot.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

EXTRA = 'ROOT files need uproot: pip install "calojax[uproot]", or convert the tree to HDF5'
TREE, ATTRIBUTES = 'showers', 'calojax'  # the second is a text beside the tree: JSON


class Branch:
  """A branch `[n, ...]` of one shape a row."""

  def __init__(self, branch: Any):
    self._branch = branch
    self.shape: tuple[int, ...] = (int(branch.num_entries),)

  def __len__(self) -> int:
    return self.shape[0]

  def __getitem__(self, rows: slice) -> np.ndarray:
    start, stop, _ = rows.indices(len(self))
    array = self._branch.array(entry_start=start, entry_stop=max(start, stop), library='np')
    if array.dtype.kind == 'O':  # vectors: of one length, or refused by numpy
      array = np.stack([np.asarray(row) for row in array]) if len(array) else np.empty(0)
    return array


class Tree(Mapping[str, Branch]):
  """The branches of a tree by name."""

  def __init__(self, tree: Any):
    self._tree = tree
    self._names = [name for name in tree.keys(recursive=False)]

  def __getitem__(self, name: str) -> Branch:
    if name not in self._names:
      raise KeyError(name)
    return Branch(self._tree[name])

  def __iter__(self) -> Iterator[str]:
    return iter(self._names)

  def __len__(self) -> int:
    return len(self._names)


def contents(path: str | os.PathLike) -> tuple[Tree, dict[str, Any]]:
  """The branches of the one tree of the file, and the attributes that calojax has written.

  Raises:
    ValueError: uproot is not installed, or there is not one tree.
  """
  try:
    import uproot  # pyright: ignore[reportMissingImports]  # an extra
  except ModuleNotFoundError:
    raise ValueError(EXTRA) from None
  file: Any = uproot.open(os.fspath(path))  # a file by its type; a path of a tree would be that
  kinds = {name.split(';')[0]: kind for name, kind in file.classnames().items()}
  trees = [name for name, kind in kinds.items() if kind in ('TTree', 'ROOT::RNTuple')]
  if len(trees) != 1:
    raise ValueError(f'trees {trees}, expected one')
  told = json.loads(str(file[ATTRIBUTES])) if kinds.get(ATTRIBUTES) == 'TObjString' else {}
  return Tree(file[trees[0]]), told


@contextlib.contextmanager
def written(
  path: str, attributes: dict[str, Any]
) -> Iterator[Callable[[Mapping[str, np.ndarray]], None]]:
  """Makes a file of one tree, `showers`: a function that is handed rows of its branches.

  Raises:
    ValueError: uproot is not installed.
  """
  try:
    import uproot  # pyright: ignore[reportMissingImports]  # an extra
  except ModuleNotFoundError:
    raise ValueError(EXTRA) from None
  with uproot.recreate(path) as file:
    file[ATTRIBUTES] = json.dumps(attributes)
    folder: Any = file  # its trees have no type before they are there

    def add(arrays: Mapping[str, np.ndarray]) -> None:
      if TREE not in folder:
        folder.mktree(TREE, {key: np.dtype((a.dtype, a.shape[1:])) for key, a in arrays.items()})
      folder[TREE].extend(dict(arrays))

    yield add
