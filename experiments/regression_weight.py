"""Quality against the weight of the Auxiliary Regressor: the ablation of Fig. 3 of Rogachev and
Ratnikov 2022, and of what it learns on.

  python experiments/regression_weight.py --steps=1000
  --output=experiments/results/regression_weight.json

The paper does not say whether the regressor learns on generated showers too: each weight is tried
with and without. Weight 0 is the plain CNN GAN. Every point is a run of configs/cnn_aux.py in
runs/, which a second call finds there and does not train again.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

from calojax.files import write_text

SCORES = ('raw', 'physics', 'physics_corrected')


def point(weight: float, on_generated: bool, steps: int, seed: int) -> dict:
  """The scores of one run, trained if it is not there yet."""
  folder = (
    pathlib.Path('runs')
    / f'regression_weight-{weight:g}-{"both" if on_generated else "real"}-{steps}-{seed}'
  )
  values = {
    'weights.regression': weight,
    'weights.regression_fake': weight if on_generated else 0.0,
    'train.steps': steps,
    'train.monitor_every': steps,
    'seed': seed,
  }
  command = [
    sys.executable,
    '-m',
    'calojax.main',
    '--config=configs/cnn_aux.py',
    f'--workdir={folder}',
  ]
  subprocess.run(command + [f'--config.{key}={value}' for key, value in values.items()], check=True)
  summary = json.loads((folder / 'evaluation' / str(steps) / 'summary.json').read_text())
  return {
    'weight': weight,
    'on_generated': on_generated,
    **{name: summary[f'prd_auc/{name}'] for name in SCORES},
    'meta': summary['meta'],
  }


def row(found: dict) -> str:
  """A line of the table."""
  cells = [f'{found[name]["value"]:.3f} ± {found[name]["error"]:.3f}' for name in SCORES]
  learnt_on = 'real and generated' if found['on_generated'] else 'real'
  return f'| {found["weight"]:g} | {learnt_on} | {" | ".join(cells)} |'


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--weights', type=float, nargs='+', default=[0.0, 0.1, 1.0, 10.0])
  parser.add_argument('--steps', type=int, default=3000)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--output', type=pathlib.Path)
  arguments = parser.parse_args()
  points = [
    (weight, both)
    for weight in arguments.weights
    for both in ((True, False) if weight else (True,))
  ]
  found = [point(*p, arguments.steps, arguments.seed) for p in points]
  print(
    '| weight | regressor learns on | raw | physics | physics, corrected |\n|---|---|---|---|---|'
  )
  print('\n'.join(map(row, found)))
  if arguments.output:
    write_text(arguments.output, json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
  main()
