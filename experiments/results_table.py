"""The results of finished runs as one table (Markdown) and one JSON file.

  python experiments/results_table.py runs/cnn runs/cnn_aux ... --output=experiments/results/lhcb.json
"""

from __future__ import annotations

import argparse
import json
import pathlib

SCORES = ('raw', 'physics', 'physics_corrected')


def result(run: pathlib.Path) -> dict:
  """Scores, origin and training time of a run's newest evaluation."""
  newest = max((run / 'evaluation').iterdir(), key=lambda folder: int(folder.name))
  summary = json.loads((newest / 'summary.json').read_text())
  config = json.loads((run / 'config.json').read_text())
  figures = {name: summary[f'prd_auc/{name}'] for name in SCORES}
  observables = {name: figure for name, figure in summary.items() if name.startswith('observables/response')}
  return {'config': run.name, 'prd_auc': figures, **observables, 'minutes': minutes(run, config), 'meta': summary['meta'],
          'seed': config['seed'], 'batch': config['train']['batch']}


def minutes(run: pathlib.Path, config: dict) -> float:
  """Wall time of the training with its monitoring, from the throughput that it logged."""
  seconds, before = 0.0, 0
  for line in (run / 'metrics.jsonl').read_text().splitlines():
    logged = json.loads(line)
    showers = (logged['step'] - before) * config['train']['batch'] * config['train']['discriminator_steps']
    seconds, before = seconds + showers / logged['throughput/showers_per_second'], logged['step']
  return seconds / 60


def row(found: dict) -> str:
  """A line of the table."""
  cells = [f"{f['value']:.3f} ± {f['error']:.3f}" for f in found['prd_auc'].values()]
  return ' | '.join(['', f"`{found['config']}`", *cells, f"{found['minutes']:.1f} min", '']).strip()


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('runs', type=pathlib.Path, nargs='+')
  parser.add_argument('--output', type=pathlib.Path)
  arguments = parser.parse_args()
  found = [result(run) for run in arguments.runs]
  ceilings = [f"{f['ceiling']:.3f} ± {f['ceiling_error']:.3f}" for f in found[0]['prd_auc'].values()]
  print('| config | raw | physics | physics, corrected | training |\n|---|---|---|---|---|')
  print('\n'.join(map(row, found)))
  print(f'| ceiling: Geant4 against Geant4 | {" | ".join(ceilings)} | |')
  if arguments.output:
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    part = arguments.output.with_suffix('.part')
    part.write_text(json.dumps(found, indent=1) + '\n')
    part.replace(arguments.output)


if __name__ == '__main__':
  main()
