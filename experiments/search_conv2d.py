"""The search of Rehm et al. 2021 in small: learning rates of the Conv2D GAN and their decay, which
the paper found with Optuna, by the separation of the observables on validation showers.

  PYTHONPATH=. python experiments/search_conv2d.py --trials=30 --steps=1600 --width=16 --batch=32

The trials lie in runs/search_conv2d-WIDTH-STEPS; the same command goes on, and more of them at a
time share the search. The paper does not say its ranges: these are a decade to each side of what
its public code uses.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

from calojax.files import write_text

SEARCH = """config = "published/conv2d"
trials = {trials}
figure = "separation/mean"
startup = 3
warmup = {period}

[overrides]
generator.width = {width}
discriminator.width = {width}
train.batch = {batch}
train.steps = {steps}
train.monitor_every = {period}
train.checkpoint_every = {period}
train.log_every = {log}
evaluation.metrics = ["response"]
evaluation.pictures = false

[space]
optimiser.generator = {{low = 5e-5, high = 5e-3, log = true}}
optimiser.discriminator = {{low = 1e-5, high = 1e-3, log = true}}
optimiser.cooldown = {{low = 0.0, high = 0.9}}
"""
MONITORED = 6  # times in a trial
RESULT = pathlib.Path('experiments/results/search_conv2d.json')


def main() -> None:
  """Searches, or goes on, and writes the table of the trials."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  for name, usual in (('trials', 30), ('steps', 1600), ('width', 16), ('batch', 32)):
    parser.add_argument(f'--{name}', type=int, default=usual)
  parser.add_argument('--workers', type=int, default=1)
  parser.add_argument('--engine', default='local')
  parser.add_argument('--output', type=pathlib.Path, default=RESULT)
  asked = parser.parse_args()
  period = asked.steps // MONITORED
  asked.steps = period * MONITORED
  folder = pathlib.Path('runs') / f'search_conv2d-{asked.width}-{asked.steps}'
  folder.mkdir(parents=True, exist_ok=True)
  values = {name: getattr(asked, name) for name in ('trials', 'steps', 'width', 'batch')}
  text = SEARCH.format(**values, period=period, log=min(20, period))
  write_text(folder / 'search.toml', text)
  command = [sys.executable, '-m', 'calojax.main', '--mode=sweep', f'--output={folder}']
  command += [f'--search={folder / "search.toml"}', f'--workers={asked.workers}']
  if code := subprocess.run([*command, f'--engine={asked.engine}'], check=False).returncode:
    sys.exit(code)  # interrupted, say: it has told why
  found = json.loads((folder / 'table.json').read_text(encoding='utf-8'))
  write_text(asked.output, json.dumps({'size': values, **found}, indent=1) + '\n')


if __name__ == '__main__':
  main()
