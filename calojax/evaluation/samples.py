"""Showers as the metrics see them: the conditions and observables of all, the cells of as many as
memory should hold.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np

from calojax import data
from calojax.evaluation.features import compared, observe
from calojax.evaluation.sets import Progress
from calojax.geometry import Geometry
from calojax.observables import total_width
from calojax.showers import Condition, Shower, at, concatenate, joined, take

# Of a file in memory, 0.16 GB: 44,000 showers of 900 cells, 2,560 of 25^3, whose PRD takes minutes.
CELLS = 40_000_000
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


def sample(showers: Shower, geometry: Geometry) -> Sample:
  """The sample of showers that are in memory."""
  return Sample(
    showers.condition,
    observe(compared(geometry), showers, geometry),
    showers,
    np.arange(len(showers.energies)),
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
  """The sample of an HDF5 file, and its last piece, which has geometry and provenance."""
  count = data.extent(path)[0]
  # Evenly at random and not the first ones: a file may be in order of the energy.
  order = np.random.default_rng(seed).permutation(count)
  parts, read = [], 0
  for piece in pieces:
    part = sample(piece.showers, piece.geometry)
    chosen = order[: max(1, cells // piece.geometry.cells)] - read
    inside = np.sort(chosen[(chosen >= 0) & (chosen < len(part.columns))])
    parts.append(part._replace(showers=take(part.showers, inside), kept=inside + read))
    read += len(part.columns)
    if progress:
      progress(f'reading {os.path.basename(path)}', read, count)
  whole = Sample(
    joined(part.condition for part in parts),
    np.concatenate([part.columns for part in parts]),
    concatenate([part.showers for part in parts]),
    np.concatenate([part.kept for part in parts]),
  )
  return whole, piece


def _origin(path: str | os.PathLike, count: int, provenance: dict[str, Any]) -> dict[str, Any]:
  """Where showers come from, for the report."""
  origin = {'path': os.fspath(path), 'showers': count, 'provenance': provenance}
  if not os.path.isfile(path):
    return origin  # an embedded set
  with open(path, 'rb') as file:
    return origin | {'sha256': hashlib.file_digest(file, 'sha256').hexdigest()}
