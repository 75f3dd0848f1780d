"""Makes an embedded set of showers from a file of the stand-alone simulation.

python experiments/data/embed.py lhcb_ecal.h5 calojax/data/sample/lhcb_ecal.h5
python experiments/data/embed.py calogan.h5 calojax/data/sample/calogan.h5
python experiments/data/embed.py clic.h5 calojax/data/sample/clic.h5
"""

from __future__ import annotations

import argparse
import os

from calojax import data
from calojax.data import embedded


def main() -> None:
  parser = argparse.ArgumentParser(description='Makes an embedded set of showers.')
  parser.add_argument('source', help='HDF5 file in any layout that calojax reads')
  parser.add_argument('output')
  args = parser.parse_args()
  dataset = data.read(args.source)
  embedded.write(args.output, dataset)
  showers, geometry = dataset.showers, dataset.geometry
  print(
    f'{len(showers.energies)} showers in {geometry.name}, '
    f'{os.path.getsize(args.output) / 1e6:.2f} MB'
  )


if __name__ == '__main__':
  main()
