"""Quality of the systems against the time that they take to train and to make a shower.

  PYTHONPATH=. python experiments/quality.py

Reads experiments/results/results.json and writes quality.png beside it; the systems of the
LHCb-like calorimeter, each a run of seed 0.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt

from calojax.files import written_aside

RESULTS = pathlib.Path(__file__).parent / 'results'
SCORE = 'prd_auc/physics_corrected'
PANELS = {'minutes': 'training, min', 'cpu_ms_a_shower': 'generation in JAX, CPU ms a shower'}


def places(entries: list[dict[str, Any]], key: str) -> list[tuple[str, float, float, float]]:
  """(config, time, score, its error) of the runs whose time is known."""
  return [
    (e['config'], e[key], e['figures'][SCORE]['value'], e['figures'][SCORE]['error'])
    for e in entries
    if e.get(key) and SCORE in e['figures']
  ]


def draw(entries: list[dict[str, Any]], path: str) -> None:
  """A panel for each kind of time; open circles are the systems as published."""
  figure, panels = plt.subplots(1, len(PANELS), figsize=(12, 5), sharey=True, layout='constrained')
  ceiling = entries[0]['figures'][SCORE]['ceiling']
  for axes, (key, label) in zip(panels, PANELS.items()):
    for name, time, score, error in places(entries, key):
      published = '/' in name or name == 'wgan_regressor'
      face = 'none' if published else 'C0'
      axes.errorbar(time, score, error, fmt='o', c='C1' if published else 'C0', mfc=face)
      short = name.removeprefix('published/')
      axes.annotate(short, (time, score), xytext=(5, 3), textcoords='offset points', fontsize=7)
    axes.axhline(ceiling, c='k', ls=':', label='Geant4 against Geant4')
    axes.set(xscale='log', xlabel=label, ylim=(0, 1))
  panels[0].set_ylabel('PRD-AUC, corrected')
  panels[0].legend(loc='lower right', title='filled: at its best, open: as published')
  with written_aside(path) as part:
    figure.savefig(part, format='png', dpi=110)


def main() -> None:
  """Draws the picture of the results."""
  entries = json.loads((RESULTS / 'results.json').read_text())
  draw([e for e in entries if e['meta']['geometry'] == 'lhcb_ecal'], str(RESULTS / 'quality.png'))


if __name__ == '__main__':
  main()
