"""How far the systems are from Geant4 against the time that they train.

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
import results_table

from calojax.files import written_aside

RESULTS = pathlib.Path(__file__).parent / 'results'
SCORE = 'prd_auc/physics_corrected'


def draw(entries: list[dict[str, Any]], path: str) -> None:
  """The deficit of the corrected PRD-AUC to its ceiling; open circles are systems as published."""
  figure, axes = plt.subplots(figsize=(9, 6), layout='constrained')
  for number, entry in enumerate(sorted(entries, key=lambda entry: entry['minutes'])):
    score, name = entry['figures'][SCORE], entry['config'].removeprefix('published/')
    published = results_table.published(entry)
    place, colour = (entry['minutes'], score['ceiling'] - score['value']), f'C{int(published)}'
    fill = 'none' if published else colour
    axes.errorbar(*place, score['error'], fmt='o', c=colour, mfc=fill, capsize=2)
    above = (0, 9) if number % 2 else (0, -16)  # neighbours' names on different sides
    axes.annotate(name, place, xytext=above, textcoords='offset points', fontsize=8, ha='center')
  axes.set(xscale='log', yscale='log', xlabel='training, min', ylim=(8e-3, 1.5))
  axes.set_xticks([3, 4, 6, 8, 10, 15, 20], ['3', '4', '6', '8', '10', '15', '20'], minor=False)
  axes.set_xticks([], minor=True)
  axes.set_ylabel('PRD-AUC, corrected: ceiling less value')
  axes.set_title('open: as published; filled: at its best', fontsize=10)
  with written_aside(path) as part:
    figure.savefig(part, format='png', dpi=110)


def main() -> None:
  """Draws the picture of the results."""
  entries = json.loads((RESULTS / 'results.json').read_text())
  shown = [e for e in entries if e['meta']['geometry'] == 'lhcb_ecal' and SCORE in e['figures']]
  draw(shown, str(RESULTS / 'quality.png'))


if __name__ == '__main__':
  main()
