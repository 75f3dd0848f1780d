"""Figures of finished generators on showers that nobody trained or chose on.

  OMP_NUM_THREADS=1 PYTHONPATH=. python experiments/fidelity/fresh.py runs/zoo_lhcb \
    --against=data/lhcb_ecal_201.h5 --pair=data/lhcb_ecal_101.h5

RUN is a workdir, the folder of an exported model or the name of one of the package. --against holds
the fresh showers; --pair other real ones, with whose particles the generator is judged and which
show what Geant4 has in its place. Adds to experiments/results/fidelity.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from typing import Any

import numpy as np
from judge import figures

from calojax import data, inference
from calojax.evaluation.metrics.profiles import profile_metrics
from calojax.evaluation.metrics.trajectory import slopes
from calojax.evaluation.sets import Sets
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.inference import Model
from calojax.provenance import origin
from calojax.showers import Condition, Shower, take
from calojax.training.trained import trained


def generator(path: str) -> tuple[Model, dict[str, Any]]:
  """A generator and what made it."""
  if os.path.exists(os.path.join(path, 'checkpoints')):
    found = trained(path)
    with open(os.path.join(path, 'config.json')) as file:
      config = json.load(file)
    # A file's folder is a machine's own.
    config['data']['source'] = os.path.basename(config['data']['source'])
    return found, {'step': found.step, 'config': config}
  model = inference.load(path, threads=1)
  return model, {'files': model.card['files']}


def following(real: Shower, fake: Shower, geometry: Geometry) -> dict[str, float]:
  """How far the barycentre of generated showers follows the particle, over how far that of real
  showers of the same particles does: least squares on impact and slope, both axes together. What
  the particles do not vary is left out.
  """
  particles = {
    'impact': np.asarray(real.condition.position, np.float64),
    'slope': slopes(real.condition),
  }
  varied = {name: value for name, value in particles.items() if value.std() > 1e-6}
  columns = np.stack([*(v.ravel() for v in varied.values())], 1) if varied else None
  if columns is None:
    return {}
  fits = []
  for showers in (real, fake):
    cells = np.asarray(showers.energies, np.float64)
    total = cells.sum(1, keepdims=True)
    barycentre = cells @ geometry.positions[:, :2] / np.maximum(total, 1e-12)
    lit = np.repeat(total[:, 0] > 0, 2)
    terms = np.column_stack([columns, np.ones(len(columns))])
    fits.append(np.linalg.lstsq(terms[lit], barycentre.ravel()[lit])[0])
  return {name: round(float(fits[1][k] / fits[0][k]), 4) for k, name in enumerate(varied)}


def certainty(real: Shower, response: dict[str, list[float]]) -> dict[str, Any]:
  """Standard errors of the ratios of `response` in each bin, both sides normal, and chi-squared
  over the number of bins: 1 is what chance gives.
  """
  ratio, bins = real.energies.sum(1) / real.condition.energy, len(response['mean'])
  parts = np.array_split(np.argsort(real.condition.energy), bins)
  mean = [math.sqrt(2 / len(k)) * float(ratio[k].std() / ratio[k].mean()) for k in parts]
  errors = {'mean': mean, 'spread': [1 / math.sqrt(len(k) - 1) for k in parts]}
  chi2 = {
    name: sum(((value - 1) / e) ** 2 for value, e in zip(response[name], errors[name])) / bins
    for name in errors
  }
  return {
    **{f'{name}_errors': [round(e, 4) for e in errors[name]] for name in errors},
    **{f'{name}_chi2': round(chi2[name], 2) for name in chi2},
  }


def generated(model: Model, condition: Condition, seed: int) -> tuple[Shower, float]:
  """Showers of these particles, and ms a shower; the first piece, which compiles, apart."""
  model.generate(*(part[: model.batch] for part in condition), seed=seed)
  start = time.process_time()
  energies = model.generate(*condition, seed=seed)
  return Shower(energies, condition), (time.process_time() - start) / len(energies) * 1e3


def judged(path: str, real: Shower, pair: Shower, geometry: Geometry) -> dict[str, Any]:
  """The entry of one generator."""
  model, facts = generator(path)
  paired, milliseconds = generated(model, real.condition, 1)
  others, _ = generated(model, pair.condition, 2)
  sets = Sets(real, others, pair)
  found: dict[str, Any] = figures(sets, paired, geometry)
  found |= {'following': following(real, paired, geometry)}
  found['response'] |= certainty(real, found['response'])
  found |= {k: v for k, v in profile_metrics(sets, geometry).items() if k == 'profiles/mse'}
  return {
    'run': os.path.basename(os.path.normpath(path)),
    **facts,
    'cpu_ms_a_shower': round(milliseconds, 4),
    **origin(),
    'figures': found,
  }


def main() -> None:
  """Judges each generator and adds its figures to the file of results."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('runs', nargs='+')
  parser.add_argument('--against', required=True)
  parser.add_argument('--pair', required=True)
  parser.add_argument('--count', type=int, default=10_000)
  parser.add_argument('--results', default='experiments/results/fidelity.json')
  parser.add_argument('--note', default='')
  given = parser.parse_args()
  fresh = data.load(given.against)
  real, pair = fresh.showers, data.load(given.pair).showers
  count = min(given.count, len(real.energies), len(pair.energies))
  real, pair = take(real, slice(count)), take(pair, slice(count))
  for path in given.runs:
    entry = judged(path, real, pair, fresh.geometry) | {
      'note': given.note,
      'count': count,
      **{
        name: {'file': os.path.basename(path), 'fingerprint': data.fingerprint(showers)}
        for name, path, showers in (('against', given.against, real), ('pair', given.pair, pair))
      },
    }
    print(json.dumps({k: entry[k] for k in ('run', 'cpu_ms_a_shower', 'figures')}), flush=True)
    entries = []
    if os.path.exists(given.results):
      with open(given.results) as file:
        entries = json.load(file)
    write_text(given.results, json.dumps([*entries, entry], indent=1) + '\n')


if __name__ == '__main__':
  main()
