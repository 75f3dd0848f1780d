"""CPU time of a shower: Geant4 against trained generators, by energy, on the same core in one run;
as a table and as JSON.

  PYTHONPATH=. python experiments/simulation/speedup.py --models lhcb_ecal calogan clic
  runs/export/vae

A model is the folder of an exported one, or a name of the package. Geant4 is asked for the usual
particles of the calorimeter at fixed energies, some `--seconds` of them at each, and says itself
what an event took (set-up of the geometry and tables left out). Generators run on one thread
through `calojax.load`, their processor's time is taken in turns. Published, on other machines: 4.7
ms on a CPU and 0.04 ms on a GPU for 30x30 cells (Chekalina et al. 2018), 17 s of Geant4 against 4
ms for 25^3 (Rehm et al. 2021).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

import numpy as np

from calojax import data, inference, spectrum
from calojax.files import write_text
from calojax.provenance import origin

ENERGIES = {'lhcb_ecal': (1, 5, 20, 100), 'calogan': (5, 20, 80), 'clic': (5, 20, 80)}  # GeV
PER_GEV = 0.008  # CPU seconds that Geant4 takes about, to choose the number of events
BATCHES = (1, 100)
ROUNDS = 7


def geant4(detector: str, energy: float, seconds: float) -> dict[str, float]:
  """CPU seconds a shower of the detector at an energy in GeV, and of how many."""
  events = max(16, int(seconds / (PER_GEV * energy)))
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'showers.h5')
    subprocess.run(
      [
        sys.executable,
        '-m',
        'calojax.simulate',
        f'--detector={detector}',
        f'--energy={energy}',
        f'--events={events}',
        f'--output={path}',
      ],
      check=True,
      stdout=subprocess.DEVNULL,
    )  # its errors and progress are for the user
    return {
      'gev': energy,
      'events': events,
      'cpu_seconds': data.read(path, 0, 1).provenance['cpu_seconds_per_event'],
    }


def cpu_seconds(
  models: Mapping[str, inference.Model], batch: int, seconds: float = 0.3
) -> dict[str, float]:
  """CPU seconds a shower of each model at a batch size, the median of rounds in which they take
  turns.
  """
  times = {name: [] for name in models}
  for _ in range(ROUNDS):
    for name, model in models.items():
      condition = spectrum.draw(model.spectrum, batch, 0)
      noise = np.random.default_rng(0).standard_normal((batch, model.latent), np.float32)
      model.run(noise, *condition)
      start, calls = time.process_time(), 0
      while time.process_time() - start < seconds:
        model.run(noise, *condition)
        calls += 1
      times[name].append((time.process_time() - start) / calls / batch)
  return {name: float(np.median(t)) for name, t in times.items()}


def markdown(simulated: dict[str, list], generated: list[dict]) -> str:
  """One table a calorimeter: Geant4's CPU time by energy, and the generators' with their ratio to
  it.
  """
  lines = []
  for detector, rows in simulated.items():
    energies = ' | '.join(f'{r["gev"]:g} GeV' for r in rows)
    lines += [
      f'| `{detector}` | CPU ms, batch 1 | batch 100 | {energies} |',
      '|---' * (3 + len(rows)) + '|',
      '| Geant4, CPU ms | | | ' + ' | '.join(f'{1e3 * r["cpu_seconds"]:.3g}' for r in rows) + ' |',
    ]
    for model in (m for m in generated if m['detector'] == detector):
      one, many = (model['cpu_seconds'][str(batch)] for batch in BATCHES)
      gain = ' | '.join(f'{r["cpu_seconds"] / many:,.0f} x' for r in rows)
      lines.append(f'| {model["name"]} | {1e3 * one:.2g} | {1e3 * many:.2g} | {gain} |')
    lines.append('')
  return '\n'.join(lines)


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--models', nargs='+', default=['lhcb_ecal', 'calogan', 'clic'])
  parser.add_argument(
    '--seconds', type=float, default=10.0, help='CPU seconds of Geant4 at each energy'
  )
  parser.add_argument('--output', help='JSON to write')
  arguments = parser.parse_args()
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
  models = {
    os.path.basename(os.path.normpath(name)): inference.load(name, threads=1)
    for name in arguments.models
  }
  detectors = [d for d in ENERGIES if any(model.geometry.name == d for model in models.values())]
  simulated = {
    d: [geant4(d, energy, arguments.seconds) for energy in ENERGIES[d]] for d in detectors
  }
  found = {batch: cpu_seconds(models, batch) for batch in BATCHES}
  generated = [
    {
      'name': name,
      'detector': model.geometry.name,
      'runtime': model.runtime,
      'config': model.card['name'],
      'cpu_seconds': {str(batch): found[batch][name] for batch in BATCHES},
    }
    for name, model in models.items()
  ]
  print(markdown(simulated, generated))
  if arguments.output:
    write_text(
      arguments.output,
      json.dumps({'geant4': simulated, 'generators': generated, **origin()}, indent=1) + '\n',
    )


if __name__ == '__main__':
  main()
