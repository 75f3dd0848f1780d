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

from kept import Job, arguments, missing, run, second_phase, train, warm_start

from calojax import config, data
from calojax.evaluation.sets import Figure
from calojax.files import write_text
from calojax.showers import take
from calojax.training.trained import trained
from experiments.fidelity.held_out import areas

CONFIG = 'cnn_aux_sn'
TRIED = {  # group: weight of the bound, gamma of the penalties
  'gain-1': (0.001, 0.0),  # the norm alone
  'bound-0.01': (0.01, 0.0),
  'penalties': (0.001, 1.0),
}
SHOWN = ('classifier/worst_trees', 'prd_auc/physics_corrected')


def jobs(given: argparse.Namespace) -> list[Job]:
  """The adversarial phases."""
  return [
    Job(
      group,
      CONFIG,
      0,
      {
        'adversarial.likelihood': bound,
        'adversarial.gamma': gamma,
        **second_phase(CONFIG),
      },
      given.runs / 'warm-seed0',
    )
    for group, (bound, gamma) in TRIED.items()
  ]


def on_validation(run: pathlib.Path) -> Figure:
  """The largest area of the trees on a run's validation showers."""
  kept = config.from_json((run / 'config.json').read_text())
  dataset = data.load(kept.data.source)
  rows = data.split(len(dataset.showers.energies), kept.seed, tuple(kept.data.split))
  real = take(dataset.showers, rows['validation'])
  pair = take(dataset.showers, rows['train'][: len(real.energies)])
  return areas(trained(str(run)), real, pair)[SHOWN[0]]


def main() -> None:
  """Trains what is missing and prints the table."""
  given = arguments(__doc__, 'experiments/results/normalised_critic.json')
  wanted = jobs(given)
  if missing(wanted, given):
    run([warm_start(CONFIG, 0)], given)
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
