"""Tables of what was varied: seeds, the number of showers, weights of losses."""

from __future__ import annotations

import sys
from typing import Any

import results_table
from results_table import cell, rows
from stored import ROOT, stored

sys.path.insert(0, str(ROOT / 'experiments' / 'sweeps'))  # where the sweeps find each other
import table1 as rows_of_paper
from kept import spread

ABLATED = {  # of a run of a sweep: key -> head
  'prd_auc/raw': 'raw',
  'prd_auc/physics': 'physics',
  'prd_auc/physics_corrected': 'physics, corrected',
  'classifier/worst_trees': 'trees, worst',
}

SCORES = {  # of training_size.json: key -> head and form
  'prd_auc/raw': ('raw', '.3f'),
  'prd_auc/physics': ('physics', '.3f'),
  'prd_auc/physics_corrected': ('physics, corrected', '.3f'),
  'distances/fpd': ('FPD', '.4f'),
  'separation/mean': ('separation', '.4f'),
  'manifold/coverage': ('coverage', '.3f'),
}


def table1() -> str:
  """Means over seeds of the rows of Table 1, in both versions."""
  found, body = stored('table1.json'), []
  for config in (version + row for version in rows_of_paper.SEEDS for row in rows_of_paper.ROWS):
    columns = [rows_of_paper.values(found, config, key) for key in ABLATED]
    if columns[0]:
      body.append([f'`{config}`', str(len(columns[0])), *(_interval(values) for values in columns)])
  return rows(['config', 'seeds', *ABLATED.values()], body)


def claims() -> str:
  """What becomes of the claims that Table 1 makes."""
  body = []
  for claim, said in rows_of_paper.statements(stored('table1.json')).items():
    effect = '{difference:+.4f} ± {margin:.4f}'.format(**said) if 'margin' in said else ''
    body.append([claim, ' / '.join(map(str, said['seeds'])), effect, said['says']])
  return rows(['claim', 'seeds', 'difference, corrected', ''], body)


def normalised_critic() -> str:
  """What a spectrally normalised discriminator needs in the frame."""
  body = []
  for entry in stored('normalised_critic.json'):
    values, figures = entry['values'], entry['figures']
    gain = values.get('discriminator.spectral_gain', 1.0)
    settings = [values.get('adversarial.likelihood', 0.001), values['adversarial.gamma'], gain]
    shown = [entry.get('on_validation'), *(figures[key] for key in ABLATED)]
    body.append([*(f'{x:g}' for x in settings), *(cell(figure, form='.3f') for figure in shown)])
  head = ['bound', 'gamma', 'gain', 'trees, worst, on validation', *ABLATED.values()]
  return rows(head, body)


def training_size() -> str:
  """Quality against the number of training showers."""
  body, figures = [], {}
  for config, points in stored('training_size.json').items():
    for point in points:
      figures = point['figures']
      cells = [cell(figures[key], form=form) for key, (_, form) in SCORES.items()]
      body.append([f'`{config}`', f'{point["size"]:,}', *cells])
  best = [results_table.geant4(figures[key], form) for key, (_, form) in SCORES.items()]
  body.append(['Geant4 (ceiling or floor)', '', *best])
  return rows(['config', 'training showers', *(head for head, _ in SCORES.values())], body)


def regression_weight() -> str:
  """Means over seeds against the weight of the Auxiliary Regressor, of systems at their best."""
  groups: dict[str, list[Any]] = {}
  for entry in stored('regression_weight.json'):
    groups.setdefault(entry['group'], []).append(entry)
  score = lambda entry: entry['figures']['prd_auc/physics_corrected']['value']
  none = {entry['seed']: score(entry) for entry in groups['0-both']}
  body = []
  for group, found in groups.items():
    weight, on = group.rsplit('-', 1)
    columns = [[e['figures'][key]['value'] for e in found] for key in ABLATED]
    columns.append([e['validation']['monitored'][-1][1] for e in found])
    cells = [_interval(values) for values in columns]
    gains = [score(e) - none[e['seed']] for e in found if e['seed'] in none]
    cells.append('{:+.3f} ± {:.3f}'.format(*spread(gains)) if float(weight) else '')
    words = {'both': 'real and generated', 'real': 'real'}[on] if float(weight) else ''
    body.append([weight, words, str(len(found)), *cells])
  head = ['weight', 'regressor learns on', 'seeds', *ABLATED.values(), 'validation, smaller one']
  return rows([*head, 'corrected, gain over weight 0, seed by seed'], body)


def regression_weight_published() -> str:
  """PRD-AUC against the weight of the Auxiliary Regressor."""
  names = ('raw', 'physics', 'physics_corrected')
  body = [
    [
      f'{point["weight"]:g}',
      '' if not point['weight'] else 'real and generated' if point['on_generated'] else 'real',
      *(cell(point[name], form='.3f') for name in names),
    ]
    for point in stored('regression_weight_published.json')
  ]
  return rows(['weight', 'regressor learns on', 'raw', 'physics', 'physics, corrected'], body)


def _interval(values: list[float]) -> str:
  """Mean and 95 % interval; of one seed the value alone."""
  return '{:.3f} ± {:.3f}'.format(*spread(values)) if len(values) > 1 else f'{values[0]:.3f}'
