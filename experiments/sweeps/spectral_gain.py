"""What a spectrally normalised discriminator needs to judge showers in the frame: a gain of its
layers, or the penalties beside the norm.

  PYTHONPATH=. python experiments/sweeps/spectral_gain.py --runs=runs/spectral_gain --workers=1

All start from one warm start of cnn_aux_sn, which knows no discriminator. Runs that are in the
results are not trained again; --limit=2 trains the next two. Writes
experiments/results/spectral_gain.json; the choice is made by its column of validation showers.
"""

from __future__ import annotations

import argparse

from kept import Job, arguments, missing, run, train

from calojax.config import shipped

CONFIG = 'cnn_aux_sn'
TRIED = {  # group: gain, gamma
  'gain-1': (1.0, 0.0),
  'gain-1.5': (1.5, 0.0),
  'gain-2': (2.0, 0.0),
  'penalties': (1.0, 1.0),
  'gain-1.5-penalties': (1.5, 1.0),
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
        'discriminator.spectral_gain': gain,
        'adversarial.gamma': gamma,
        'warm_start.steps': 0,
        'train.steps': adversarial,
        'train.monitor_every': adversarial,
      },
      given.runs / 'warm-seed0',
    )
    for group, (gain, gamma) in TRIED.items()
  ]


def warm_start() -> Job:
  """The run that all start from."""
  quick = {'evaluation.metrics': ['response'], 'evaluation.pictures': False}
  return Job('warm', CONFIG, 0, {'train.steps': shipped.load(CONFIG).warm_start.steps, **quick})


def main() -> None:
  """Trains what is missing and prints the table."""
  given = arguments(__doc__, 'experiments/results/spectral_gain.json')
  wanted = jobs(given)
  if missing(wanted, given):
    run([warm_start()], given)
  for entry in train(wanted, given):
    print(f'{entry["group"]:20s}', *(round(entry['figures'][name]['value'], 3) for name in SHOWN))


if __name__ == '__main__':
  main()
