"""Showers as the metrics see them: the conditions and observables of all, the cells of as many as
memory should hold.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax import data
from calojax.evaluation.features import compared, observe
from calojax.evaluation.sets import Progress
from calojax.geometry import Geometry
from calojax.observables import total_width
from calojax.showers import Condition, Shower, at, concatenate, even, joined, take

# Of a set in memory, 0.16 GB: 44,000 showers of 900 cells, 2,560 of 25^3, whose PRD takes minutes.
CELLS = 40_000_000
SHARE = 1 / 24  # of a memory that is given, for the cells of a set: metrics hold several copies
STEP = 4096  # showers read at a time


class Sample(NamedTuple):
  """A set of n showers.

  Attributes:
    condition: of all.
    columns: `[n, m]` float64, the observables of `features.compared` side by side, of all.
    showers: `[s, v]`, those whose cells are kept: all, or an even choice at random.
    kept: `[s]` their numbers, ascending.
  """

  condition: Condition
  columns: np.ndarray
  showers: Shower
  kept: np.ndarray


def most_cells(memory_gib: float) -> int:
  """How many cells of a set an evaluation keeps that may use so much memory."""
  return min(CELLS, int(SHARE * memory_gib * 2**30 / 4))


def sample(showers: Shower, geometry: Geometry, cells: int | None = None) -> Sample:
  """The sample of showers that are in memory; with `cells`, the cells of an even choice of them are
  kept, at most so many.
  """
  count = len(showers.energies)
  kept = _even(count, geometry, cells or showers.energies.size)
  return Sample(
    showers.condition,
    observe(compared(geometry), showers, geometry),
    showers if len(kept) == count else take(showers, kept),
    kept,
  )


def gathered(
  pieces: Iterable[Shower], count: int, geometry: Geometry, cells: int = CELLS
) -> Sample:
  """The same sample of `count` showers that come in pieces, of which no more are in memory than
  those whose cells are kept.
  """
  return _gathered(pieces, geometry, _even(count, geometry, cells))


def _even(count: int, geometry: Geometry, cells: int) -> np.ndarray:
  return even(count, max(1, cells // geometry.cells))


def _gathered(pieces: Iterable[Shower], geometry: Geometry, kept: np.ndarray) -> Sample:
  """The sample of pieces with the cells of the showers of these ascending numbers."""
  parts, read = [], 0
  for piece in pieces:
    part = sample(piece, geometry)
    first, last = np.searchsorted(kept, [read, read + len(part.columns)])
    numbers = kept[first:last]
    parts.append(part._replace(showers=take(part.showers, numbers - read), kept=numbers))
    read += len(part.columns)
  return Sample(
    joined(part.condition for part in parts),
    np.concatenate([part.columns for part in parts]),
    concatenate([part.showers for part in parts]),
    kept,
  )


def observed(sample: Sample, names: Sequence[str], geometry: Geometry) -> np.ndarray:
  """The named observables of all showers side by side, `[n, k]`."""
  every = compared(geometry)
  ends = np.cumsum([0] + [total_width(name, geometry) for name in every])
  return np.concatenate(
    [sample.columns[:, slice(*ends[every.index(name) :][:2])] for name in names], axis=1
  )


def select(sample: Sample, index: np.ndarray) -> Sample:
  """The showers of these numbers, in the order of the sample."""
  index = np.sort(index)
  # Of a large file the cells of few showers are in memory: some of those selected have none.
  inside = np.isin(sample.kept, index)
  return Sample(
    at(sample.condition, index),
    sample.columns[index],
    take(sample.showers, inside),
    np.searchsorted(index, sample.kept[inside]),
  )


def read_sample(
  path: str | os.PathLike,
  seed: int = 0,
  geometry: Geometry | None = None,
  cells: int = CELLS,
  progress: Progress | None = None,
  conventions: data.Conventions = data.USUAL,
) -> tuple[Sample, Geometry, dict[str, Any]]:
  """The sample, geometry and origin (path, showers, sha256, provenance) of a file of showers in any
  known layout, or of an embedded set.

  An HDF5 file is streamed: never more than `cells` cells and `STEP` showers more are in memory.

  Args:
    path: of the file, or the name of an embedded set.
    seed: of the choice of showers whose cells are kept, where not all can be.
    geometry: in place of the file's.
    cells: of the kept showers together.
    progress: called with (stage, showers read, showers).
    conventions: units and axes of the file; `data.UNASKED` of a generator's, which may be any.

  Raises:
    ValueError: the file cannot be read or holds something that is no shower; it names the file and
      the value.
  """
  if not (os.path.isfile(path) and h5py.is_hdf5(path)):
    found = data.load(path, geometry, conventions)
    whole = sample(found.showers, found.geometry)
  else:
    pieces = data.pieces(path, STEP, geometry, conventions)
    whole, found = _streamed(path, pieces, cells, seed, progress)
  return whole, found.geometry, _origin(path, len(whole.columns), found.provenance)


def _streamed(
  path: str | os.PathLike,
  pieces: Iterator[data.Dataset],
  cells: int,
  seed: int,
  progress: Progress | None,
) -> tuple[Sample, data.Dataset]:
  """The sample of an HDF5 file, and its first piece, which has geometry and provenance."""
  count, read = data.extent(path)[0], 0
  first = next(pieces)
  # Evenly at random and not the first ones: a file may be in order of the energy.
  order = np.random.default_rng(seed).permutation(count)
  kept = np.sort(order[: max(1, cells // first.geometry.cells)])

  def told() -> Iterator[Shower]:
    nonlocal read
    for piece in itertools.chain([first], pieces):
      yield piece.showers
      read += len(piece.showers.energies)
      if progress:
        progress(f'reading {os.path.basename(path)}', read, count)

  return _gathered(told(), first.geometry, kept), first


def _origin(path: str | os.PathLike, count: int, provenance: dict[str, Any]) -> dict[str, Any]:
  """Where showers come from, for the report."""
  origin = {'path': os.fspath(path), 'showers': count, 'provenance': provenance}
  if not os.path.isfile(path):
    return origin  # an embedded set
  with open(path, 'rb') as file:
    return origin | {'sha256': hashlib.file_digest(file, 'sha256').hexdigest()}
