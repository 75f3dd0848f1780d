"""The data of a run: read, divided into training, validation and test showers."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import h5py

from calojax import data
from calojax.data import batches
from calojax.data.symmetries import all_images
from calojax.geometry import Geometry
from calojax.showers import Shower, take

# Showers of a streamed file that are held in memory, for each of train, validation and test; fewer
# where they would take more than this share of `data.memory_gib`. A final evaluation holds the test
# showers, as many generated ones twice, and their features.
HELD_OUT, SHARE = 10_000, 1 / 8
COPIES = 2  # of a file that is read whole: all of it, and its parts


class Parts(NamedTuple):
  """The data of a run.

  Attributes:
    train: training showers; of a streamed file only the first, `HELD_OUT` at most.
    validation, test: held-out showers.
    chunks: the chunks to train on of a file larger than memory, else None.
    geometry, provenance: of the data.
  """

  train: Shower
  validation: Shower
  test: Shower
  chunks: Any | None
  geometry: Geometry
  provenance: dict[str, Any]


def load_parts(config: Any) -> Parts:
  """The data of a config, divided by its seed; a file that does not fit twice into
  `data.memory_gib` is left on disk.

  Raises:
    ValueError: data that cannot be read or are not valid.
  """
  source, fractions, geometry = config.data.source, tuple(config.data.split), binning(config)
  conventions, limit = conventions_of(config), config.data.memory_gib
  if held := _held(source, geometry, conventions, limit):
    if config.data.symmetries:
      raise ValueError(
        f'data.symmetries is set, but {source} is larger than data.memory_gib and streamed: '
        'expected one or the other'
      )
    data.examine(source, geometry, conventions)
    chunks = data.split_chunks(source, config.seed, fractions)
    first = data.read(source, 0, 1, geometry, conventions)
    parts = {name: _head(source, chunks[name], held, geometry, conventions) for name in chunks}
    return Parts(
      **parts, chunks=chunks['train'], geometry=first.geometry, provenance=first.provenance
    )
  loaded = data.load(source, geometry, conventions)
  rows = data.split(len(loaded.showers.energies), config.seed, fractions)
  parts = {name: take(loaded.showers, rows[name]) for name in rows}
  if config.data.symmetries:  # of the training showers alone, which come first, before their images
    parts['train'] = all_images(parts['train'], loaded.geometry)
  return Parts(**parts, chunks=None, geometry=loaded.geometry, provenance=loaded.provenance)


def window(limit: float) -> int:
  """Bytes of a window of shuffling of streamed showers. Five are in memory at a time; the usual one
  as long as `data.memory_gib` is 2.
  """
  return min(batches.WINDOW, int(limit * 2**30 / 16))


def same_order(config: Any, limit: float) -> bool:
  """Whether the showers of a config come in the same order with another `data.memory_gib`."""
  source, geometry, conventions = config.data.source, binning(config), conventions_of(config)
  held = [_held(source, geometry, conventions, gib) for gib in (limit, config.data.memory_gib)]
  windows = {window(gib) for gib in (limit, config.data.memory_gib)}
  return held[0] == held[1] and (not held[0] or len(windows) == 1)


def conventions_of(config: Any) -> data.Conventions:
  """What the config says of the file's units, axes and negative cells."""
  return data.Conventions(config.data.units, config.data.axes, config.data.negative)


def binning(config: Any) -> Geometry | None:
  """The geometry that `data.binning` asks for, or None: the data know their own.

  Raises:
    ValueError: it is not PATH:PARTICLE of a binning.xml.
  """
  text = config.data.binning
  path, separator, particle = text.rpartition(':')
  if text and not separator:
    raise ValueError(
      f'data.binning is {text!r}, expected PATH:PARTICLE, such as binning.xml:photon'
    )
  return data.geometry_from_xml(path, particle) if text else None


def _held(
  source: str, geometry: Geometry | None, conventions: data.Conventions, limit: float
) -> int:
  """How many showers of each part of a streamed file are held in memory; 0 for a file that fits
  twice into `limit` GiB, and for what is no HDF5 file: it is not streamed.
  """
  if not os.path.isfile(source) or not h5py.is_hdf5(source):
    return 0
  cells = data.read(source, 0, 1, geometry, conventions).geometry.cells
  if COPIES * data.extent(source)[0] * 4 * cells / 2**30 <= limit:
    return 0
  return max(1, int(min(HELD_OUT, SHARE * limit * 2**30 / (4 * cells))))


def _head(
  path: str,
  chunks: Any,
  held: int,
  geometry: Geometry | None,
  conventions: data.Conventions,
) -> Shower:
  """The first `held` showers of these chunks, and what else their last chunk has."""
  size = data.extent(path)[1]
  return data.read_chunks(path, chunks[: max(1, -(-held // size))], geometry, conventions)
