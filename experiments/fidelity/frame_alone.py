"""What the frame makes without a network, where every generator begins: lit cells and widths of its
showers beside Geant4's, for the embedded test showers' particles in bins of energy.

  OMP_NUM_THREADS=1 PYTHONPATH=. python experiments/fidelity/frame_alone.py clic lhcb_ecal

Adds to experiments/results/frame_alone.json.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from calojax import data
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.methods.frame import spectra, standard
from calojax.methods.frame.standard import Frame
from calojax.models.hurdle import hurdle
from calojax.provenance import origin
from calojax.showers import Condition, take
from calojax.units import GEV

BINS, PIECE = 6, 200


def showers(frame: Frame, condition: Condition, geometry: Geometry, key: Any) -> np.ndarray:
  """Cells `[b, v]` in MeV for outputs of 0 of every network."""
  keys = jax.random.split(key, 3)
  shape = (len(condition.energy), geometry.cells)
  noise = jax.random.normal(keys[0], (shape[0], len(geometry.layers)))
  _, visible, placement = standard.requested(frame, noise, condition, geometry)
  nothing = jnp.zeros(shape)
  scales = spectra.scales(frame.cells, standard.log_energy(frame, condition))
  cells = hurdle(nothing, nothing, (nothing, nothing), scales)
  x = cells.values(jax.random.normal(keys[1], shape), jax.random.normal(keys[2], shape))
  return np.asarray(standard.leave(x, visible, placement, geometry))


def width(cells: np.ndarray, geometry: Geometry) -> np.ndarray:
  """Root mean square `[b]` of the lateral distance from the barycentre, in mm."""
  share = cells / np.maximum(cells.sum(1, keepdims=True), 1e-12)
  places = geometry.positions[:, :2]
  return np.sqrt(np.maximum(share @ places**2 - (share @ places) ** 2, 0).sum(1))


def compared(name: str) -> dict[str, Any]:
  """The entry of an embedded set."""
  dataset = data.load(name)
  rows = data.split(len(dataset.showers.energies), 0)
  training, real = (take(dataset.showers, rows[part]) for part in ('train', 'test'))
  frame = standard.fit(training, dataset.geometry)
  made = np.concatenate(
    [
      showers(frame, piece.condition, dataset.geometry, jax.random.key(number))
      for number, piece in enumerate(
        take(real, slice(start, start + PIECE)) for start in range(0, len(real.energies), PIECE)
      )
    ]
  )
  both = (made, np.asarray(real.energies))
  parts = np.array_split(np.argsort(real.condition.energy), BINS)
  lit = [(cells > 0).sum(1) for cells in both]
  wide = [width(cells, dataset.geometry) for cells in both]
  return {
    'data': name,
    'training': len(training.energies),
    'test': len(real.energies),
    'gev': [[round(float(real.condition.energy[k][i] / GEV), 1) for i in (0, -1)] for k in parts],
    'lit': [[round(float(side[k].mean()), 1) for side in lit] for k in parts],
    'width': [[round(float(side[k].mean()), 2) for side in wide] for k in parts],
    **origin(),
  }


def main() -> None:
  """Adds an entry for each set."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('names', nargs='+')
  parser.add_argument('--results', default='experiments/results/frame_alone.json')
  given = parser.parse_args()
  entries = []
  if os.path.exists(given.results):
    with open(given.results) as file:
      entries = json.load(file)
  for name in given.names:
    entries.append(compared(name))
    for energies, lit, wide in zip(*(entries[-1][key] for key in ('gev', 'lit', 'width'))):
      print(name, energies, 'GeV: lit', lit, 'width', wide, flush=True)
  write_text(given.results, json.dumps(entries, indent=1) + '\n')


if __name__ == '__main__':
  main()
