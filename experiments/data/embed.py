"""Makes an embedded set of showers from files of the stand-alone simulation and of
`calojax simulate`.

python experiments/data/embed.py lhcb_ecal.h5 --output=calojax/data/sample/lhcb_ecal.h5
python experiments/data/embed.py calogan.h5 calogan_202.h5 \
  --output=calojax/data/sample/calogan.h5
python experiments/data/embed.py clic.h5 --output=calojax/data/sample/clic.h5
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from calojax import data
from calojax.data import embedded
from calojax.data.reader import Dataset
from calojax.showers import concatenate

# What of a further file's origin is kept beside that of the first.
KEPT = ('seed', 'events', 'gun', 'geant4', 'physics', 'calojax', 'commit')


def joined(sets: list[Dataset]) -> Dataset:
  """The showers of all, one after the other, in the calorimeter of the first.

  Raises:
    ValueError: one of them is of another calorimeter.
  """
  first, *further = sets
  for found in further:
    if found.geometry != first.geometry:
      raise ValueError(f'showers of {found.geometry.name}, expected {first.geometry.name} as first')
  showers = concatenate([found.showers for found in sets])
  provenance: dict[str, Any] = first.provenance | {'events': len(showers.energies)}
  if further:
    provenance['beside'] = [
      {key: found.provenance[key] for key in KEPT if key in found.provenance}
      | {'fingerprint': data.fingerprint(found.showers)}
      for found in further
    ]
  return Dataset(showers, first.geometry, provenance)


def main() -> None:
  """Writes the set and says how large it is."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('sources', nargs='+', help='HDF5 files in any layout that calojax reads')
  parser.add_argument('--output', required=True)
  given = parser.parse_args()
  dataset = joined([data.read(source) for source in given.sources])
  embedded.write(given.output, dataset)
  print(
    f'{len(dataset.showers.energies)} showers in {dataset.geometry.name}, '
    f'{os.path.getsize(given.output) / 1e6:.2f} MB'
  )


if __name__ == '__main__':
  main()
