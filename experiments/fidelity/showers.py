"""The showers that the fidelity experiments train and choose on: the embedded set's training part
beside files of `calojax.simulate`, given by name; the embedded test part is for choosing.

  python experiments/fidelity/showers.py lhcb_ecal --files lhcb_ecal_101.h5 \
    lhcb_ecal_wide_104.h5 --output=lhcb_ecal_training.h5

writes them into one file, for `--config.data.source`.
"""

from __future__ import annotations

import argparse
import glob
import os

from calojax import data
from calojax.geometry import Geometry
from calojax.showers import Shower, concatenate, pieces, take


def training(embedded: str, files: list[str]) -> tuple[Shower, Geometry]:
  """The training showers. A folder stands for the finished chunks in it of a simulation that still
  runs; FILE:COUNT for the first so many showers of a file.
  """
  dataset = data.load(embedded)
  rows = data.split(len(dataset.showers.energies), 0)
  parts = [take(dataset.showers, rows['train'])]
  return concatenate([*parts, *map(training_file, files)]), dataset.geometry


def training_file(name: str) -> Shower:
  """The showers of one name, see `training`."""
  path, _, count = name.partition(':')
  paths = sorted(glob.glob(os.path.join(path, '*.h5'))) if os.path.isdir(path) else [path]
  stop = int(count) if count else None
  return concatenate([take(data.load(path).showers, slice(stop)) for path in paths])


def choosing(embedded: str) -> Shower:
  """The showers that settings are chosen on: the embedded test part."""
  dataset = data.load(embedded)
  rows = data.split(len(dataset.showers.energies), 0)
  return take(dataset.showers, rows['test'])


def main() -> None:
  """Writes the training showers into one file."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('embedded', help='name of the embedded showers')
  parser.add_argument('--files', nargs='*', default=[])
  parser.add_argument('--output', required=True)
  given = parser.parse_args()
  showers, geometry = training(given.embedded, given.files)
  origin = {
    'embedded': f'{given.embedded}: training part of seed 0',
    'files': {
      os.path.basename(path): data.fingerprint(training_file(path)) for path in given.files
    },
  }
  with data.Writer(given.output, geometry, origin) as writer:
    for piece in pieces(showers, 1024):
      writer.append(piece)
  print(f'{given.output}: {len(showers.energies)} showers, {data.fingerprint(showers)}')


if __name__ == '__main__':
  main()
