"""The Geant4 showers inside the package, in a sparse form: exact, and two thirds of the size of the
canonical file.

`occupancy` (n, v / 8) are the bits of the cells with energy, `values` the energies of those cells
one after the other, MeV; `energy`, `position`, `direction` are those of the canonical file. Made by
`experiments/data/`.
"""

from __future__ import annotations

import json
import pathlib

import h5py
import numpy as np

from calojax.data import particles
from calojax.data.reader import Dataset, numbers, opened
from calojax.files import named, written_aside
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower, check

SAMPLE = pathlib.Path(__file__).parent / 'sample'


def lhcb_ecal() -> Dataset:
  """20,000 electrons of 1 to 100 GeV (1/E) in the LHCb ECAL."""
  return read(SAMPLE / 'lhcb_ecal.h5')


def calogan() -> Dataset:
  """5,350 positrons of 1 to 100 GeV (uniform), up to 20 degrees inclined, in three layers of lead
  and liquid argon.
  """
  return read(SAMPLE / 'calogan.h5')


def clic() -> Dataset:
  """900 perpendicular electrons of 2 to 500 GeV (1/E) in 25 layers of tungsten and silicon."""
  return read(SAMPLE / 'clic.h5')


def read(path: str | pathlib.Path) -> Dataset:
  """The showers of a sparse file.

  Raises:
    ValueError: a file that is missing or broken.
  """
  with opened(path) as file:
    keys = ('occupancy', 'values', *Condition._fields)
    arrays = {key: numbers(file, key) for key in keys}
  with named(path):
    geometry = Geometry.from_json(str(file.attributes.get('geometry')))
    provenance = json.loads(str(file.attributes.get('provenance')))
    lit = np.unpackbits(arrays['occupancy'], axis=1, count=geometry.cells).astype(bool)
    energies = np.zeros(lit.shape, np.float32)
    energies[lit] = arrays['values']
    condition = particles.kept(arrays, len(energies))
  return Dataset(check(Shower(energies, condition), geometry, str(path)), geometry, provenance)


def write(path: str | pathlib.Path, dataset: Dataset) -> None:
  """Writes a sparse file."""
  (energies, condition), geometry, provenance = dataset
  lit = energies > 0
  arrays = {'occupancy': np.packbits(lit, axis=1), 'values': energies[lit], **condition._asdict()}
  with written_aside(path) as part, h5py.File(part, 'w') as file:
    file.attrs.update(
      format='calojax sparse', geometry=geometry.to_json(), provenance=json.dumps(provenance)
    )
    for key, array in arrays.items():
      file.create_dataset(
        key, data=array, chunks=array.shape, compression='gzip', compression_opts=9, shuffle=True
      )
