"""What a spectrally normalised discriminator needs beside its norm in the frame: more of the warm
start's bound, or the penalties of the other systems.

  PYTHONPATH=. python experiments/sweeps/normalised_critic.py --runs=runs/normalised --workers=1

All start from one warm start of cnn_aux_sn, which knows no discriminator. Runs that are in the
results are not trained again; --limit=2 trains the next two. Writes
experiments/results/normalised_critic.json, with the worst of the trees on validation showers, by
which is chosen. A gain of each normalised layer, tried at commit 9b5adc4, is in the file too.
"""

from __future__ import annotations

import argparse
import json
import pathlib

from kept import Job, arguments, missing, run, train

from calojax import data
from calojax.config import shipped
from calojax.evaluation.metrics.judges import tree_metrics, worst
from calojax.evaluation.sets import Figure, Sets
from calojax.files import write_text
from calojax.showers import Shower, take
from calojax.training.trained import trained

CONFIG = 'cnn_aux_sn'
TRIED = {  # group: weight of the bound, gamma of the penalties
  'gain-1': (0.001, 0.0),  # the norm alone
  'bound-0.01': (0.01, 0.0),
  'penalties': (0.001, 1.0),
  'bound-0.03': (0.03, 0.0),
}
SHOWN = ('classifier/worst_trees', 'prd_auc/physics_corrected')


def jobs(given: argparse.Namespace) -> list[Job]:
  """The adversarial phases."""
  settings = shipped.load(CONFIG)
  adversarial = settings.train.steps - settings.warm_start.steps
  return [
    Job(
      group,
      CONFIG,
      0,
      {
        'adversarial.likelihood': bound,
        'adversarial.gamma': gamma,
        'warm_start.steps': 0,
        'train.steps': adversarial,
        'train.monitor_every': adversarial,
      },
      given.runs / 'warm-seed0',
    )
    for group, (bound, gamma) in TRIED.items()
  ]


def warm_start() -> Job:
  """The run that all start from."""
  quick = {'evaluation.metrics': ['response'], 'evaluation.pictures': False}
  return Job('warm', CONFIG, 0, {'train.steps': shipped.load(CONFIG).warm_start.steps, **quick})


def on_validation(run: pathlib.Path) -> Figure:
  """The largest area of the trees on a run's validation showers, those of other particles."""
  model = trained(str(run))
  kept = json.loads((run / 'config.json').read_text())
  dataset = data.load(kept['data']['source'])
  rows = data.split(len(dataset.showers.energies), kept['seed'], tuple(kept['data']['split']))
  real = take(dataset.showers, rows['validation'])
  pair = take(dataset.showers, rows['train'][: len(real.energies)])
  generated = Shower(model.generate(*pair.condition, seed=1), pair.condition)
  sets = Sets(real, generated, pair)
  return worst(tree_metrics(sets, dataset.geometry, 0))[SHOWN[0]]


def main() -> None:
  """Trains what is missing and prints the table."""
  given = arguments(__doc__, 'experiments/results/normalised_critic.json')
  wanted = jobs(given)
  if missing(wanted, given):
    run([warm_start()], given)
  found = train(wanted, given)
  for entry in found:
    folder = given.runs / f'{entry["group"]}-seed0'
    if 'on_validation' not in entry and folder.exists():
      entry['on_validation'] = on_validation(folder)
    figures = [entry.get('on_validation'), *(entry['figures'][name] for name in SHOWN)]
    print(f'{entry["group"]:20s}', *(round(f['value'], 3) if f else '-' for f in figures))
  write_text(str(given.results), json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
  main()
