"""The results of finished runs as tables (Markdown), one for each detector, and one JSON file.

PYTHONPATH=. python experiments/results_table.py runs/cnn runs/cnn_aux ...
--output=experiments/results/lhcb.json
"""

from __future__ import annotations

import argparse
import json
import pathlib

from calojax.evaluation.report.verdict import headlines
from calojax.files import write_text

PRD = ('raw', 'physics', 'physics_corrected')


def result(run: pathlib.Path) -> dict:
  """Figures, origin and training time of a run's newest evaluation."""
  newest = max((run / 'evaluation').iterdir(), key=lambda folder: int(folder.name))
  summary = json.loads((newest / 'summary.json').read_text())
  config = json.loads((run / 'config.json').read_text())
  keys = [f'prd_auc/{name}' for name in PRD if f'prd_auc/{name}' in summary] + headlines(summary)
  resolution = run / 'regressor' / 'resolution.json'
  found = {
    'config': run.name,
    'figures': {key: summary[key] for key in keys},
    'minutes': minutes(run, config),
    'meta': summary['meta'],
    'seed': config['seed'],
    'steps': config['train']['steps'],
    'batch': config['train']['batch'],
    'discriminator_steps': config['train']['discriminator_steps'],
    'networks': {
      player: config[player] for player in ('generator', 'discriminator') if player in config
    },
  }
  return found | ({'regressor': json.loads(resolution.read_text())} if resolution.exists() else {})


def minutes(run: pathlib.Path, config: dict) -> float:
  """Wall time of the training with its monitoring, from the throughput that it logged."""
  seconds, before = 0.0, 0
  for line in (run / 'metrics.jsonl').read_text().splitlines():
    logged = json.loads(line)
    showers = (
      (logged['step'] - before) * config['train']['batch'] * config['train']['discriminator_steps']
    )
    seconds, before = seconds + showers / logged['throughput/showers_per_second'], logged['step']
  return seconds / 60


def cell(figure: dict, kind: str = 'value') -> str:
  """A figure, or what Geant4 has in its place, with its error."""
  error = figure.get('error' if kind == 'value' else f'{kind}_error')
  return f'{figure[kind]:.3g}' + ('' if error is None else f' ± {error:.1g}')


def prd_table(found: list[dict]) -> str:
  """A row for each config, PRD-AUC in the columns."""
  figures = lambda entry, *kinds: [
    f'{entry["figures"][f"prd_auc/{name}"][kinds[0]]:.3f} ± {entry["figures"][f"prd_auc/{name}"][kinds[1]]:.3f}'
    for name in PRD
  ]
  lines = [
    '| config | raw | physics | physics, corrected | updates | training |',
    '|---|---|---|---|---|---|',
  ]
  for entry in found:
    updates = f'{entry["steps"]} x {entry["discriminator_steps"]} x {entry["batch"]}'
    lines.append(
      f'| `{entry["config"]}` | {" | ".join(figures(entry, "value", "error"))} | {updates} | {entry["minutes"]:.1f} min |'
    )
  return '\n'.join(
    lines
    + [
      f'| ceiling: Geant4 against Geant4 | {" | ".join(figures(found[0], "ceiling", "ceiling_error"))} | | |'
    ]
  )


def layered_table(found: list[dict]) -> str:
  """A row for each figure, the configs in the columns, Geant4 (reference, ceiling or floor) in the
  last.
  """
  names = [entry['config'] for entry in found]
  lines = [
    f'| | {" | ".join(f"`{name}`" for name in names)} | Geant4 |',
    '|---' * (len(found) + 2) + '|',
  ]
  for key, figure in found[0]['figures'].items():
    other = next((kind for kind in ('ceiling', 'floor', 'reference') if kind in figure), None)
    cells = [cell(entry['figures'][key]) if key in entry['figures'] else '' for entry in found]
    lines.append(
      f'| {key.removeprefix("observables/")} | {" | ".join(cells)} | {cell(figure, other) if other else ""} |'
    )
  lines.append(
    '| training | ' + ' | '.join(f'{entry["minutes"]:.1f} min' for entry in found) + ' | |',
  )
  return '\n'.join(lines)


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('runs', type=pathlib.Path, nargs='+')
  parser.add_argument('--output', type=pathlib.Path)
  arguments = parser.parse_args()
  found = [result(run) for run in arguments.runs]
  for detector in dict.fromkeys(entry['meta']['geometry'] for entry in found):
    entries = [entry for entry in found if entry['meta']['geometry'] == detector]
    print(
      f'\n{detector}\n\n{prd_table(entries) if detector == "lhcb_ecal" else layered_table(entries)}'
    )
  if arguments.output:
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_text(arguments.output, json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
  main()
