"""Areas of the trees for trials on showers that settings are chosen on: the embedded ones that no
training has seen (`showers.py` takes their training part alone), generated for other particles.

  OMP_NUM_THREADS=1 PYTHONPATH=. python experiments/fidelity/held_out.py clic runs/conv3d ... \
    --pair=data/clic_103.h5

Adds to experiments/results/held_out.json.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import numpy as np

from calojax import data
from calojax.evaluation.metrics.judges import tree_metrics, worst
from calojax.evaluation.sets import Figures, Sets
from calojax.files import write_text
from calojax.inference import Model
from calojax.provenance import origin
from calojax.showers import Shower, take
from calojax.training.trained import trained


def areas(model: Model, real: Shower, pair: Shower) -> Figures:
  """What trees tell a generator's showers of other real ones' particles with, and the worst."""
  generated = Shower(model.generate(*pair.condition, seed=1), pair.condition)
  found = tree_metrics(Sets(real, generated, pair), model.geometry, 0)
  return found | worst(found)


def judged(run: str, real: Shower, pair: Shower) -> dict[str, Any]:
  """The entry of one run."""
  model = trained(run)
  with open(os.path.join(run, 'config.json')) as file:
    config = json.load(file)
  config['data']['source'] = os.path.basename(config['data']['source'])
  return {
    'run': os.path.basename(os.path.normpath(run)),
    'step': model.step,
    'config': config,
    'count': len(real.energies),
    'fingerprint': data.fingerprint(real),
    'pair_fingerprint': data.fingerprint(pair),
    'figures': areas(model, real, pair),
    **origin(),
  }


def main() -> None:
  """Judges each run and adds it to the file."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('embedded', help='name of the embedded showers')
  parser.add_argument('runs', nargs='+')
  parser.add_argument('--pair', required=True, help='showers of other particles')
  parser.add_argument('--results', default='experiments/results/held_out.json')
  given = parser.parse_args()
  dataset = data.load(given.embedded)
  rows = data.split(len(dataset.showers.energies), 0)
  real = take(dataset.showers, np.sort(np.concatenate([rows['validation'], rows['test']])))
  pair = take(data.load(given.pair).showers, slice(len(real.energies)))
  entries = []
  if os.path.exists(given.results):
    with open(given.results) as file:
      entries = json.load(file)
  for run in given.runs:
    entries.append(judged(run, real, pair))
    print(run, {key: round(area['value'], 3) for key, area in entries[-1]['figures'].items()})
  write_text(given.results, json.dumps(entries, indent=1) + '\n')


if __name__ == '__main__':
  main()
