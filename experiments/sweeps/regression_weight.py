"""Quality against the weight of the Auxiliary Regressor: the ablation of Fig. 3 of Rogachev and
Ratnikov 2022, and of what it learns on.

  PYTHONPATH=. python experiments/sweeps/regression_weight.py --runs=runs/regression_weight

The paper does not say whether the regressor learns on generated showers too: each weight is tried
with and without, with three seeds. The warm start of cnn_aux, which knows no regressor, is made
once a seed; all weights of a seed start from it. Weight 0 is so small a weight that only the
regressor's own layer learns of it. Runs that are in the results are not trained again; --limit=4
trains the next four. Writes experiments/results/regression_weight.json and the picture beside it.
"""

from __future__ import annotations

import argparse

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from kept import (
  PRD,
  Entry,
  Job,
  arguments,
  missing,
  run,
  second_phase,
  spread,
  train,
  warm_start,
)

from calojax.files import written_aside

CONFIG = 'cnn_aux'
WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0)
NOTHING = 1e-6  # in place of 0, with which there would be no layer: other networks
SEEDS = 3
ON = {'both': 1.0, 'real': 0.0}  # what it learns on: the weight of generated showers over real ones


def jobs(given: argparse.Namespace) -> list[Job]:
  """All trainings, seed by seed, first those that learn on both; of weight 0 there is one kind."""
  return [
    Job(
      f'{weight:g}-{on}',
      CONFIG,
      seed,
      {
        'weights.regression': weight or NOTHING,
        'weights.regression_fake': (weight or NOTHING) * share,
        **second_phase(CONFIG),
      },
      given.runs / f'warm-seed{seed}',
    )
    for on, share in ON.items()
    for seed in range(SEEDS)
    for weight in WEIGHTS
    if weight or on == 'both'
  ]


def points(found: list[Entry], on: str, figure: str) -> list[tuple[float, float, float]]:
  """(weight, mean, half of the 95 % interval) of a figure, of those weights that have runs."""
  rows = []
  for weight in WEIGHTS:
    group = f'{weight:g}-{on if weight else "both"}'
    values = [e['figures'][figure]['value'] for e in found if e['group'] == group]
    if values:
      rows.append((weight, *spread(values)))
  return rows


def draw(found: list[Entry], path: str) -> None:
  """The corrected PRD-AUC against the weight; 0 stands at the left end."""
  figure, axes = plt.subplots(figsize=(6, 4), layout='constrained')
  least = min(weight for weight in WEIGHTS if weight) / 3
  for on in ON:
    rows = points(found, on, 'prd_auc/physics_corrected')
    if len(rows) < 2:
      continue
    weights, means, errors = zip(*rows)
    places = [weight or least for weight in weights]
    axes.errorbar(places, means, errors, marker='o', capsize=3, label=f'regressor learns on {on}')
  axes.axhline(
    found[0]['figures']['prd_auc/physics_corrected']['ceiling'], ls=':', c='k', label='Geant4'
  )
  axes.set(
    xscale='log', xlabel='weight of the regressor (leftmost: 0)', ylabel='PRD-AUC, corrected'
  )
  axes.legend()
  with written_aside(path) as part:
    figure.savefig(part, format='png', dpi=110)


def main() -> None:
  """Trains what is missing, prints the table and draws the picture."""
  given = arguments(__doc__, 'experiments/results/regression_weight.json')
  if wanted := missing(jobs(given), given):
    run([warm_start(CONFIG, seed) for seed in sorted({job.seed for job in wanted})], given)
  found = train(jobs(given), given)
  for on in ON:
    for kind in PRD:
      for weight, mean, error in points(found, on, f'prd_auc/{kind}'):
        print(f'{on:5s} {kind:18s} {weight:5g} {mean:.3f} +- {error:.3f}')
  draw(found, str(given.results.with_suffix('.png')))


if __name__ == '__main__':
  main()
