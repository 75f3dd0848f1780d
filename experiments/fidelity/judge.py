"""Figures of trained VAE-GANs against showers that they were not trained on.

  OMP_NUM_THREADS=1 python experiments/fidelity/judge.py RUN.pkl ... --against=FILE.h5 \
    --pair=OTHER.h5

Without --against, settings are being chosen: the embedded test part. Adds to
experiments/results/fidelity_trials.json, or to the file that --results names.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import time
from typing import Any

os.environ.setdefault('XLA_FLAGS', '--xla_cpu_multi_thread_eigen=false')

import jax
import numpy as np
from showers import choosing, training

from calojax import config, data
from calojax.evaluation.features import default_variant, prd_features
from calojax.evaluation.metrics.judges import strongest
from calojax.evaluation.metrics.prd import prd
from calojax.evaluation.sets import Sets
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.methods.build import build
from calojax.provenance import origin
from calojax.showers import Condition, Shower, at, take

BATCH = 500


def generate(kept: dict[str, Any], condition: Condition, geometry: Geometry, seed: int) -> Shower:
  """Showers of these particles."""
  method = build(config.from_json(kept['config']), geometry)
  sample, made = jax.jit(method.sample), []
  rng = np.random.default_rng(seed)
  for start in range(0, len(condition.energy), BATCH):
    part = at(condition, slice(start, start + BATCH))
    z = rng.standard_normal((len(part.energy), method.latent), np.float32)
    made.append(np.asarray(sample(kept['variables'], z, part)))
  return Shower(np.concatenate(made), condition)


def response_figures(real: Shower, fake: Shower, bins: int = 10) -> dict[str, list[float]]:
  """Mean, spread and width of the middle 68 % of E / E_p over Geant4's in bins of energy with as
  many showers each; of the width a single shower far off is no part.
  """
  parts = np.array_split(np.argsort(real.condition.energy), bins)
  r, q = (s.energies.sum(1) / s.condition.energy for s in (real, fake))
  width = lambda ratios: np.subtract(*np.quantile(ratios, (0.84, 0.16)))
  of = {'mean': np.mean, 'spread': np.std, 'width': width}
  return {
    name: [round(float(figure(q[k]) / figure(r[k])), 4) for k in parts]
    for name, figure in of.items()
  }


def figures(sets: Sets[Shower], paired: Shower, geometry: Geometry) -> dict[str, Any]:
  """All figures; `paired` are generated showers of the reference's own particles."""
  found: dict[str, Any] = {'response': response_figures(sets.reference, paired)}
  for kind, a in prd_features(sets, geometry, default_variant(geometry)).items():
    for name, b in (('', a.generated), ('ceiling_', a.independent)):
      found[f'prd_{name}{kind}'] = round(prd(a.reference, b, 400, 4, resamples=2).value, 4)
  areas = strongest(sets, geometry)
  return found | {
    name: {key: round(value, 4) for key, value in area.items()} for name, area in areas.items()
  }


def arguments() -> Any:
  """What the command line asks for."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('runs', nargs='+')
  parser.add_argument('--data', default='lhcb_ecal')
  parser.add_argument('--against')
  parser.add_argument('--pair')
  parser.add_argument('--count', type=int, default=5000)
  parser.add_argument('--results', default='experiments/results/fidelity_trials.json')
  parser.add_argument('--note', default='')
  return parser.parse_args()


def main() -> None:
  """Judges each run and adds its figures to the file of trials."""
  given = arguments()
  train, geometry = training(given.data, [])
  real = data.read(given.against).showers if given.against else choosing(given.data)
  real = take(real, slice(given.count))
  pair = take(data.read(given.pair).showers if given.pair else train, slice(given.count))
  for path in given.runs:
    with open(path, 'rb') as file:
      kept = pickle.load(file)
    start = time.time()
    fake = generate(kept, real.condition, geometry, 1)
    microseconds = (time.time() - start) / len(fake.energies) * 1e6
    others = generate(kept, pair.condition, geometry, 2)
    found = figures(Sets(real, others, pair), fake, geometry)
    entry = {
      'run': os.path.basename(path),
      'note': given.note,
      'config': json.loads(kept['config']),
      **{key: kept[key] for key in ('step', 'minutes', 'showers', 'fingerprint', 'files')},
      'against': os.path.basename(given.against or f'{given.data}: embedded test part'),
      'against_fingerprint': data.fingerprint(real),
      'count': len(real.energies),
      'microseconds_with_compilation': round(microseconds, 1),
      **origin(),
      'figures': found,
    }
    print(json.dumps({k: entry[k] for k in ('run', 'step', 'minutes', 'figures')}), flush=True)
    entries = []
    if os.path.exists(given.results):
      with open(given.results) as file:
        entries = json.load(file)
    write_text(given.results, json.dumps([*entries, entry], indent=1) + '\n')


if __name__ == '__main__':
  main()
