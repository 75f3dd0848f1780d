"""Showers by name or from files, and how they are divided."""

from __future__ import annotations

import difflib
import hashlib
import os

import h5py
import numpy as np

from calojax.data import embedded
from calojax.data.binning import geometry_from_xml, write_xml
from calojax.data.hdf5 import LAYOUTS, Dataset, Writer, extent, read
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower

__all__ = [
  'DATASETS',
  'LAYOUTS',
  'Dataset',
  'Writer',
  'conditions',
  'extent',
  'fingerprint',
  'geometry_from_xml',
  'load',
  'read',
  'split',
  'split_chunks',
  'write_xml',
]

Fractions = tuple[float, float, float]
FRACTIONS = (0.70, 0.05, 0.25)  # train, validation, test
DATASETS = {'lhcb_ecal': embedded.lhcb_ecal, 'calogan': embedded.calogan, 'clic': embedded.clic}

_SPLIT = (
  19120274  # keeps the split's random stream apart from those of the batches, which share its seed
)


def load(source: str | os.PathLike, geometry: Geometry | None = None) -> Dataset:
  """The embedded data set of that name, or the content of that file, read with `geometry` in place
  of the file's.

  Raises:
    ValueError: neither a known name nor a readable file of valid showers, or a geometry for an
      embedded set.
  """
  name = os.fspath(source)
  if name in DATASETS:
    if geometry:
      raise ValueError(
        f'geometry {geometry.name!r} for the embedded set {name!r}, expected none: it has its own'
      )
    return DATASETS[name]()
  if not os.path.exists(name):
    near = difflib.get_close_matches(name, DATASETS, n=1)
    hint = f'; did you mean {near[0]!r}?' if near else ''
    raise ValueError(
      f'data {name!r} is neither a file nor one of the embedded sets: {", ".join(DATASETS)}{hint}'
    )
  return read(source, geometry=geometry)


def conditions(
  source: str | os.PathLike, step: int = 4096, geometry: Geometry | None = None
) -> Condition:
  """The particles of the showers of a file or an embedded set; of an HDF5 file never more than
  `step` showers are in memory.
  """
  if os.path.isfile(source) and h5py.is_hdf5(source):
    count = extent(source)[0]
    parts = [
      read(source, start, start + step, geometry).showers.condition
      for start in range(0, max(count, 1), step)
    ]
    return Condition(*map(np.concatenate, zip(*parts)))
  return load(source, geometry).showers.condition


def split(count: int, seed: int, fractions: Fractions = FRACTIONS) -> dict[str, np.ndarray]:
  """Disjoint sorted indices `train`, `validation` and `test` that together are 0 to count - 1.

  Raises:
    ValueError: fractions that are not three positive numbers of sum 1, or a part without a shower.
  """
  if len(fractions) != 3 or not min(fractions) > 0 or abs(sum(fractions) - 1) > 1e-6:
    raise ValueError(f'fractions {fractions}, expected three positive numbers of sum 1')
  ends = np.rint(np.cumsum(fractions) * count).astype(int)
  order = np.random.default_rng((_SPLIT, seed)).permutation(count)
  parts = dict(zip(('train', 'validation', 'test'), map(np.sort, np.split(order, ends[:2]))))
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


def fingerprint(showers: Shower) -> str:
  """16 hexadecimal digits of the SHA-256 of the showers' content (as float32) and shapes."""
  digest = hashlib.sha256()
  for array in (showers.energies, *showers.condition):
    digest.update(str(array.shape).encode())
    digest.update(np.ascontiguousarray(array, np.float32).data)
  return digest.hexdigest()[:16]
