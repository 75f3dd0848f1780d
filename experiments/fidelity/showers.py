"""The showers that the fidelity experiments train and choose on: the embedded set's training part
beside files of `calojax.simulate`, given by name; the embedded test part is for choosing.
"""

from __future__ import annotations

import glob
import os

from calojax import data
from calojax.geometry import Geometry
from calojax.showers import Shower, concatenate, take


def training(embedded: str, files: list[str]) -> tuple[Shower, Geometry]:
  """The training showers. A folder stands for the finished chunks in it of a simulation that still
  runs; FILE:COUNT for the first so many showers of a file.
  """
  dataset = data.load(embedded)
  rows = data.split(len(dataset.showers.energies), 0)
  parts = [take(dataset.showers, rows['train'])]
  for name in files:
    path, _, count = name.partition(':')
    paths = sorted(glob.glob(os.path.join(path, '*.h5'))) if os.path.isdir(path) else [path]
    stop = int(count) if count else None
    parts += [take(data.read(path).showers, slice(stop)) for path in paths]
  return concatenate(parts), dataset.geometry


def choosing(embedded: str) -> Shower:
  """The showers that settings are chosen on: the embedded test part."""
  dataset = data.load(embedded)
  rows = data.split(len(dataset.showers.energies), 0)
  return take(dataset.showers, rows['test'])
