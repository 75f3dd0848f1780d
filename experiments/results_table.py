"""The results of finished runs as one JSON file, and what is shown of them.

  PYTHONPATH=. python experiments/results_table.py runs/cnn runs/cnn_aux ...
  --output=experiments/results/results.json

Entries of other configs in the file stay. `experiments/tables.py` then writes the tables into the
pages.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import time
from typing import Any

from calojax.evaluation.report.verdict import headlines
from calojax.files import write_text
from calojax.observables import OBSERVABLES
from calojax.showers import at
from calojax.training.trained import trained

Entry = dict[str, Any]  # of results.json: one run
PRD = ('raw', 'physics', 'physics_corrected')
PAIRED = 'prd_auc_paired/'  # showers of the reference's own particles: they can beat the ceiling
MARK = '†'  # beside a paired figure
TARGETS = ('ceiling', 'floor', 'reference')  # what Geant4 has in a figure's place
SYSTEMS = {  # config -> what it is; the table of the README
  'cnn': 'convolutions (Rogachev, Ratnikov 2022)',
  'cnn_aux': '+ auxiliary regressor: the main job',
  'cnn_aux_sn': '`cnn_aux` + spectral normalisation',
  'cnn_sa': '`cnn` + self-attention',
  'cnn_aux_sa_sn': 'all of these',
  'sagan_sn_d': 'self-attention (Rogachev, Ratnikov 2021), SN in D',
  'sagan_sn_gd': 'the same in both players',
  'wgan_gp': 'the networks of Chekalina et al. 2018',
  'wgan_regressor': '+ parameter regressor, trained beforehand',
  'vae': 'convolutional VAE, no adversary',
  'vae_gan': 'dense networks, for layers of any cells; no paper',
  'autoregressive': 'density of the cells one after another; no paper',
  'shower_library': 'nearest stored shower, energy rescaled: the bar to reach',
  'published/cnn': 'GAN with convolutions (Rogachev, Ratnikov 2022)',
  'published/cnn_aux': '+ auxiliary regressor',
  'published/cnn_aux_sn': '`cnn_aux` + spectral normalisation',
  'published/cnn_sa': '`cnn` + self-attention',
  'published/cnn_aux_sa_sn': 'all of these',
  'published/sagan_sn_d': 'self-attention GAN (Rogachev, Ratnikov 2021), SN in D',
  'published/sagan_sn_gd': 'the same in both players',
  'published/wgan_gp': 'Wasserstein GAN, gradient penalty (Chekalina et al. 2018)',
  'published/wgan_regressor': '+ parameter regressor, trained beforehand',
  'published/vae': 'variational auto-encoder; cells are drawn',
  'calogan': 'CaloGAN (Paganini et al. 2017), three layers',
  'calogan_conditional': 'conditional CaloGAN (de Oliveira et al. 2017)',
  'published/calogan': 'CaloGAN (Paganini et al. 2017), three layers',
  'published/calogan_conditional': 'conditional CaloGAN (de Oliveira et al. 2017)',
  'voxel': 'dense GAN for layers of any cells, fast and coarse; no paper',
  'conv3d': '3D GAN (Carminati et al. 2018)',
  'conv2d': 'its three-branch 2D rival (Rehm et al. 2021)',
  'published/conv3d': '3D GAN (Carminati et al. 2018)',
  'published/conv2d': 'its three-branch 2D rival (Rehm et al. 2021)',
}
BLOCKS = {  # of the table of blocks of cells: row -> figures
  'profile MSE (in units of E_p a shower)': ('profiles/mse',),
  'KS of the profiles, middle third of E_p, x / y / z': tuple(
    f'profiles/ks_{axis}_middle' for axis in 'xyz'
  ),
  'E / E_p: mean': ('observables/response/mean',),
  'E / E_p: spread': ('observables/response/std',),
  'core cells, mean ratio': ('core/mean_ratio',),
  'core cells, std ratio': ('core/std_ratio',),
  'SSIM, real with generated': ('ssim/real_generated',),
  'SSIM, generated with generated': ('ssim/generated_generated',),
  'slope of E against E_p, same noise': ('traversals/incident_energy',),
  'PRD-AUC raw': ('prd_auc/raw',),
  'PRD-AUC physics, corrected': ('prd_auc/physics',),
  'trees, worst': ('classifier/worst_trees',),
}


def result(run: pathlib.Path) -> Entry:
  """Figures, origin and training time of a run's newest evaluation on its test showers."""
  # Those on showers of a file have more than the step in their name.
  steps = [folder for folder in (run / 'evaluation').iterdir() if folder.name.isdigit()]
  newest = max(steps, key=lambda folder: int(folder.name))
  summary = json.loads((newest / 'summary.json').read_text())
  config = json.loads((run / 'config.json').read_text())
  keys = [f'prd_auc/{name}' for name in PRD if f'prd_auc/{name}' in summary] + headlines(summary)
  resolution = run / 'regressor' / 'resolution.json'
  found = {
    'config': run.name.replace('published_', 'published/', 1),  # its usual folder
    'figures': {key: summary[key] for key in keys},
    'minutes': minutes(run, config),
    'cpu_ms_a_shower': generation(run),
    'meta': summary['meta'],
    'seed': config['seed'],
    'steps': config['train']['steps'],
    'batch': config['train']['batch'],
    'discriminator_steps': config['train'].get('discriminator_steps', 1),
    'networks': {
      player: config[player] for player in ('generator', 'discriminator') if player in config
    },
  }
  return found | ({'regressor': json.loads(resolution.read_text())} if resolution.exists() else {})


def generation(run: pathlib.Path, count: int = 2000) -> float:
  """CPU milliseconds a shower that the run's generator takes in JAX, compilation apart."""
  model = trained(str(run))
  condition = at(model.spectrum, slice(count))
  model.generate(*condition, seed=0)
  start = time.process_time()
  model.generate(*condition, seed=1)
  return round((time.process_time() - start) / len(condition.energy) * 1e3, 4)


def minutes(run: pathlib.Path, config: dict) -> float:
  """Wall time of the training with its monitoring, from the throughput that it logged."""
  train = config['train']
  seconds, before = 0.0, 0
  for line in (run / 'metrics.jsonl').read_text().splitlines():
    logged = json.loads(line)
    showers = (logged['step'] - before) * train['batch'] * train.get('discriminator_steps', 1)
    seconds, before = seconds + showers / logged['throughput/showers_per_second'], logged['step']
  return seconds / 60


def rows(head: list[str], body: list[list[str]]) -> str:
  """A Markdown table."""
  lines = [head, ['---'] * len(head), *body]
  return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def cell(figure: dict | None, kind: str = 'value', form: str = '.3g') -> str:
  """A figure, or what Geant4 has in its place, with its error; empty where there is none.

  With a fixed number of digits the error has as many, with significant ones it has one.
  """
  if figure is None or kind not in figure:
    return ''
  error = figure.get('error' if kind == 'value' else f'{kind}_error')
  margin = '' if error is None else f' ± {error:{form if form.endswith("f") else ".1g"}}'
  return f'{figure[kind]:{form}}{margin}'


def geant4(figure: dict, form: str = '.3g') -> str:
  """The cell of what Geant4 has in a figure's place."""
  return cell(figure, next((kind for kind in TARGETS if kind in figure), ''), form)


def unit(key: str) -> str:
  """The unit of a figure of an observable, to stand after its name."""
  part, name = (*key.split('/'), '')[:2]
  known = OBSERVABLES.get(re.sub(r'_\d\d$', '', name)) if part == 'observables' else None
  return f', {known.unit}' if known and known.unit else ''


def score(entry: Entry, kind: str) -> dict:
  """PRD-AUC of a kind; the paired one of a run of which there is no other."""
  figures = entry['figures']
  return figures.get(f'prd_auc/{kind}') or figures[f'{PAIRED}{kind}']


def corrected(entry: Entry) -> dict:
  """PRD-AUC of the corrected statistics, which every calorimeter has."""
  named = any(key.endswith('/physics_corrected') for key in entry['figures'])
  return score(entry, 'physics_corrected' if named else 'physics')


def mark(entry: Entry) -> str:
  """The mark of a run whose figures are paired."""
  return f' {MARK}' * ('prd_auc/raw' not in entry['figures'])


def published(entry: Entry) -> bool:
  """Whether it is a system as published."""
  return entry['config'].startswith('published/')


def took(entry: Entry) -> str:
  return f'{entry["minutes"]:.1f} min'


def systems(runs: list[Entry]) -> str:
  """A row for each config: what it is, and what was measured of it."""
  measured = {entry['config']: entry for entry in runs}
  body = []
  for name, what in SYSTEMS.items():
    entry = measured.get(name)
    figures = ['', '', 'not measured yet', '']
    if entry:
      found = corrected(entry)
      detector = f'`{entry["meta"]["geometry"]}`'
      shown = cell(found, form='.3f') + mark(entry)
      figures = [detector, shown, f'{found["ceiling"]:.3f}', took(entry)]
    body.append([f'`{name}`', what, *figures])
  head = ['config', 'what it is', 'detector', 'PRD-AUC, corrected', 'ceiling', 'training']
  return rows(head, body)


def prd_table(found: list[Entry]) -> str:
  """A row for each config: PRD-AUC in the columns, and the trees that see most."""
  scores = lambda entry, kind: [
    cell(score(entry, name), kind, '.3f') + mark(entry) * (kind == 'value') for name in PRD
  ]
  trees = lambda entry: entry['figures'].get('classifier/worst_trees')
  body = [
    [
      f'`{entry["config"]}`',
      *scores(entry, 'value'),
      cell(trees(entry), form='.3f'),
      f'{entry["steps"]} x {entry["discriminator_steps"]} x {entry["batch"]}',
      took(entry),
      entry['meta']['commit'],
    ]
    for entry in found
  ]
  judged = next((entry for entry in found if trees(entry)), found[0])
  geant4_row = [*scores(judged, 'ceiling'), geant4(trees(judged) or {}, '.3f')]
  body.append(['Geant4 against Geant4', *geant4_row, '', '', ''])
  head = ['config', 'raw', 'physics', 'physics, corrected', 'trees, worst']
  return rows([*head, 'updates', 'training', 'commit'], body)


def layered_table(found: list[Entry]) -> str:
  """A row for each figure, the configs in the columns, Geant4 in the last, by the first of them."""
  figures = {key: figure for entry in reversed(found) for key, figure in entry['figures'].items()}
  first = list(dict.fromkeys(key for entry in found for key in entry['figures']))
  body = [
    [
      key.removeprefix('observables/') + unit(key),
      *(cell(entry['figures'].get(key)) for entry in found),
      geant4(figures[key]),
    ]
    for key in first
  ]
  body.append(['training', *map(took, found), ''])
  body.append(['commit', *(entry['meta']['commit'] for entry in found), ''])
  return rows(['', *(f'`{entry["config"]}`' for entry in found), 'Geant4'], body)


def together(cells: list[str]) -> str:
  """One cell of several: without their errors, for which there is no room; the JSON has them."""
  return ' / '.join(each.partition(' ')[0] for each in cells) if len(cells) > 1 else cells[0]


def block_table(found: list[Entry]) -> str:
  """As `layered_table`, of the figures that blocks of cells are published with."""
  body = []
  figures = {key: figure for entry in reversed(found) for key, figure in entry['figures'].items()}
  for label, keys in BLOCKS.items():
    cells = [together([cell(entry['figures'].get(key)) for key in keys]) for entry in found]
    body.append([label, *cells, together([geant4(figures.get(key, {})) for key in keys])])
  body.append(['updates', *(f'{entry["steps"]} x {entry["batch"]}' for entry in found), ''])
  body.append(['training', *map(took, found), ''])
  body.append(['commit', *(entry['meta']['commit'] for entry in found), ''])
  return rows(['', *(f'`{entry["config"]}`' for entry in found), 'Geant4'], body)


def main() -> None:
  """Puts the runs into the file and prints what it is of them."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('runs', type=pathlib.Path, nargs='+')
  parser.add_argument('--output', type=pathlib.Path, required=True)
  arguments = parser.parse_args()
  found = [result(run) for run in arguments.runs]
  names = {entry['config'] for entry in found}
  path = arguments.output
  kept = json.loads(path.read_text()) if path.exists() else []
  entries = [entry for entry in kept if entry['config'] not in names] + found
  path.parent.mkdir(parents=True, exist_ok=True)
  write_text(path, json.dumps(entries, indent=1) + '\n')
  print(systems(found))


if __name__ == '__main__':
  main()
