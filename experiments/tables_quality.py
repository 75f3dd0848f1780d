"""Tables of what generators are like."""

from __future__ import annotations

import json

import defects
import leaderboard
import planted_defects
import results_table
from results_table import cell, rows
from stored import stored

from calojax import zoo


def runs(detector: str, published: bool | None = None) -> list[results_table.Entry]:
  """The runs on one calorimeter, in the order of the systems; of the systems as published alone, or
  of the others, if asked.
  """
  order = list(results_table.SYSTEMS)
  found = [run for run in stored('results.json') if run['meta']['geometry'] == detector]
  kept = [r for r in found if published is None or published == results_table.published(r)]
  return sorted(kept, key=lambda run: order.index(run['config']))


def ranking() -> str:
  """The leaderboard, without its line of notes."""
  found = stored('leaderboard.json')
  return leaderboard.table(found['rows'], found['meta']).split('\n\n')[0]


def planted() -> str:
  """Which metric sees which planted defect, 5,000 showers a side."""
  return defects.table(stored('defects.json')['figures']['5000'])


def judges() -> str:
  """Which judge sees which planted defect."""
  return planted_defects.table(stored('planted_defects.json')['areas'])


def fidelity() -> str:
  """The trials of the VAE-GAN, on the showers that recipes are chosen on."""
  body = []
  for trial in stored('fidelity_trials.json'):
    found = trial['figures']
    area = lambda name: f'{found[f"classifier/{name}"]["value"]:.3f}'  # noqa: B023  # used at once
    minutes = trial['minutes'] + trial.get('minutes_of_the_warm_start', 0)
    score = f'{found["prd_physics_corrected"]:.3f}'
    judges = [area(name) for name in ('worst', 'low', 'high', 'trees_core')]
    body.append([trial['note'], f'{trial["showers"]:,}', f'{minutes:.0f}', score, *judges])
  ceiling = stored('fidelity_trials.json')[-1]['figures']
  floors = [
    f'{ceiling[f"classifier/{name}"]["floor"]:.3f}'
    for name in ('worst', 'low', 'high', 'trees_core')
  ]
  score = f'{ceiling["prd_ceiling_physics_corrected"]:.3f}'
  body.append(['*Geant4 against Geant4*', '', '', score, *floors])
  head = ['', 'showers', 'min', 'PRD corrected', 'worst', 'low', 'high', 'core']
  return rows(head, body)


def rings() -> str:
  """Systems for layers of any cells, on a calorimeter with cells in rings."""
  keys = {
    'prd_auc/raw': 'PRD-AUC raw',
    'prd_auc/physics': 'physics, corrected',
    'classifier/worst_trees': 'trees, worst',
    'resolution/ratio': 'resolution over the ideal one',
    'separation/mean': 'separation',
  }
  found = stored('rings.json')
  body = [
    [
      f'`{entry["config"]}`',
      *(cell(entry['figures'].get(key), form='.3f') for key in keys),
      f'{entry["cpu_ms_a_shower"]:.3f}',
      results_table.took(entry),
    ]
    for entry in found
  ]
  best = [results_table.geant4(found[0]['figures'][key], '.3f') for key in keys]
  body.append(['Geant4 against Geant4', *best, '', ''])
  return rows(['config', *keys.values(), 'ms a shower, JAX', 'training'], body)


def fresh() -> str:
  """Finished generators on showers that nobody trained or chose on."""
  body = []
  for entry in stored('fidelity.json'):
    found = entry['figures']
    areas = [found[f'classifier/{name}'] for name in ('worst', 'low', 'high')]
    kind = 'physics_corrected' if 'prd_physics_corrected' in found else 'physics'
    response = [
      f'{100 * max(abs(v - 1) for v in found["response"][name]):.1f} % '
      f'({found["response"][f"{name}_chi2"]:.1f})'
      for name in ('mean', 'spread')
    ]
    body.append(
      [
        entry['note'],
        f'{entry["count"]:,}',
        *(f'{a["value"]:.3f} ± {a["error"]:.3f} ({a["floor"]:.3f})' for a in areas),
        f'{found[f"prd_{kind}"]:.3f} ({found[f"prd_ceiling_{kind}"]:.3f})',
        *response,
        ' / '.join(f'{value:.3f}' for value in found['following'].values()),
      ]
    )
  head = ['', 'showers a side', 'worst judge (floor)', 'low', 'high', 'PRD (ceiling)']
  return rows([*head, 'mean of E / E_p (chi²)', 'its spread (chi²)', 'impact / slope'], body)


def models() -> str:
  """What the generators of the package can do, from their cards."""
  body = []
  for name in zoo.names():
    card = json.loads((zoo.ROOT / name / 'model.json').read_text())
    figures = card['quality']['figures']
    worst = figures.get('classifier/worst')
    response = [figures[f'observables/response/{what}'] for what in ('mean', 'std')]
    body.append(
      [
        f'`{name}`',
        f'{card["step"]:,}',
        cell(worst, form='.3f') + f' ({worst["floor"]:.3f})' if worst else '',
        cell(figures['prd_auc/raw'], form='.3f') + f' ({figures["prd_auc/raw"]["ceiling"]:.3f})',
        *(f'{figure["value"]:.4f} ({figure["reference"]:.4f})' for figure in response),
        card['commit'],
      ]
    )
  head = ['`--model=`', 'updates', '`classifier/worst` (floor)', 'PRD-AUC raw (ceiling)']
  return rows([*head, 'mean of E / E_p (Geant4)', 'its spread (Geant4)', 'commit'], body)
