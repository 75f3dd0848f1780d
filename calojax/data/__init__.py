"""Showers by name or from files, and how they are divided."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import h5py
import numpy as np

from calojax import showers
from calojax.data import embedded, incident
from calojax.data.binning import geometry_from_xml, write_xml
from calojax.data.conventions import Conventions, flagged
from calojax.data.endings import check_output, writer
from calojax.data.layouts import LAYOUTS
from calojax.data.reader import (
  UNASKED,
  USUAL,
  Dataset,
  examine,
  extent,
  read,
  read_chunks,
  streamed,
  whole,
)
from calojax.data.writer import Writer
from calojax.geometry import Geometry
from calojax.registry import find
from calojax.showers import Condition, Shower

__all__ = [
  'DATASETS',
  'LAYOUTS',
  'UNASKED',
  'USUAL',
  'Conventions',
  'Dataset',
  'Writer',
  'check_output',
  'conditions',
  'examine',
  'extent',
  'fingerprint',
  'flagged',
  'geometry_from_xml',
  'load',
  'pieces',
  'read',
  'read_chunks',
  'split',
  'split_chunks',
  'write_xml',
  'writer',
]

Fractions = tuple[float, float, float]
PARTS: tuple[str, ...] = ('train', 'validation', 'test')
FRACTIONS = (0.70, 0.05, 0.25)  # of these
DATASETS = {'lhcb_ecal': embedded.lhcb_ecal, 'calogan': embedded.calogan, 'clic': embedded.clic}

# Keeps the split's random stream apart from those of the batches, which share its seed.
_SPLIT = 19120274


def load(
  source: str | os.PathLike, geometry: Geometry | None = None, conventions: Conventions = USUAL
) -> Dataset:
  """The embedded data set of that name, or the content of that file, read with `geometry` in place
  of the file's and found plausible.

  Raises:
    ValueError: neither a known name nor a readable file of valid showers, a geometry or conventions
      for an embedded set, or units and axes that the physics shows to be wrong.
  """
  name = os.fspath(source)
  if name in DATASETS:
    if geometry:
      raise ValueError(
        f'geometry {geometry.name!r} for the embedded set {name!r}, expected none: it has its own'
      )
    if conventions.stated():
      raise ValueError(
        f'{conventions.stated()} for the embedded set {name!r}, expected none: its are known'
      )
    return DATASETS[name]()
  if not os.path.exists(name):
    find(DATASETS, name, 'file of showers and no embedded set')  # it is not there: this raises
  return whole(source, geometry, conventions)


def pieces(
  source: str | os.PathLike,
  size: int = 4096,
  geometry: Geometry | None = None,
  conventions: Conventions = USUAL,
) -> Iterator[Dataset]:
  """What `load` gives, at most `size` showers at a time; of an HDF5 file no more than one piece
  need be in memory.

  Raises:
    ValueError: as `load`, but where it is found: a broken shower only when its piece is reached.
  """
  if os.path.isfile(source) and h5py.is_hdf5(source):
    yield from streamed(source, size, geometry, conventions)
  else:
    # npz cannot be read in part, and the embedded sets are made to be held in memory.
    loaded = load(source, geometry, conventions)
    for part in showers.pieces(loaded.showers, size):
      yield loaded._replace(showers=part)


def conditions(
  source: str | os.PathLike,
  size: int = 4096,
  geometry: Geometry | None = None,
  conventions: Conventions = USUAL,
) -> Condition:
  """The particles of the showers of a file or an embedded set, read in pieces, or of a file of
  particles alone, see `incident`.
  """
  if os.path.isfile(source) and not incident.has_showers(source):
    return incident.read(source, conventions.units)
  parts = pieces(source, size, geometry, conventions)
  return showers.joined(part.showers.condition for part in parts)


def split(count: int, seed: int, fractions: Fractions = FRACTIONS) -> dict[str, np.ndarray]:
  """Disjoint sorted indices `train`, `validation` and `test` that together are 0 to count - 1.

  Raises:
    ValueError: fractions that are not three positive numbers of sum 1, or a part without a shower.
  """
  if len(fractions) != 3 or not min(fractions) > 0 or abs(sum(fractions) - 1) > 1e-6:
    raise ValueError(f'fractions {fractions}, expected three positive numbers of sum 1')
  ends = np.rint(np.cumsum(fractions) * count).astype(int)
  order = np.random.default_rng((_SPLIT, seed)).permutation(count)
  parts: dict[str, np.ndarray] = dict(zip(PARTS, map(np.sort, np.split(order, ends[:2]))))
  for name, part in parts.items():
    if not len(part):
      raise ValueError(
        f'{count} showers or chunks are too few for fractions {fractions}: the {name} part is empty'
      )
  return parts


def split_chunks(
  path: str | os.PathLike, seed: int, fractions: Fractions = FRACTIONS
) -> dict[str, np.ndarray]:
  """`split` of an HDF5 file's chunks, for data that are streamed: chunk numbers instead of shower
  numbers.

  Chunk i holds the showers from i * size to (i + 1) * size - 1, where `size` is the second value of
  `extent(path)`.
  """
  count, size = extent(path)
  return split(-(-count // size), seed, fractions)


def fingerprint(sample: Shower) -> str:
  """16 hexadecimal digits of the SHA-256 of the showers' content (as float32) and shapes."""
  digest = hashlib.sha256()
  for array in (sample.energies, *sample.condition):
    digest.update(str(array.shape).encode())
    digest.update(showers.single(array).data)
  return digest.hexdigest()[:16]
