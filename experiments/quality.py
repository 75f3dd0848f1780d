"""How far the systems are from Geant4 against the time that they train, and against the time that
a shower takes them.

  PYTHONPATH=. python experiments/quality.py

Reads results.json and generation.json of experiments/results and writes quality.png beside them;
the systems of the LHCb-like calorimeter, each a run of seed 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import results_table
from stored import RESULTS, stored

from calojax.files import written_aside

SCORE = 'prd_auc/physics_corrected'
Entry = dict[str, Any]


def panel(axes: Any, entries: list[Entry], time: Callable[[Entry], float]) -> None:
  """The deficit of the corrected PRD-AUC to its ceiling; open circles are systems as published."""
  for number, entry in enumerate(sorted(entries, key=time)):
    score, name = entry['figures'][SCORE], entry['config'].removeprefix('published/')
    published = results_table.published(entry)
    place, colour = (time(entry), score['ceiling'] - score['value']), f'C{int(published)}'
    fill = 'none' if published else colour
    axes.errorbar(*place, score['error'], fmt='o', c=colour, mfc=fill, capsize=2)
    above = (0, 9) if number % 2 else (0, -16)  # neighbours' names on different sides
    axes.annotate(name, place, xytext=above, textcoords='offset points', fontsize=7, ha='center')
  axes.set(xscale='log', yscale='log', ylim=(8e-3, 1.5))
  axes.margins(x=0.12)


def draw(entries: list[Entry], speed: dict[str, Entry], path: str) -> None:
  """Both panels."""
  figure, (left, right) = plt.subplots(1, 2, figsize=(13, 6), sharey=True, layout='constrained')
  panel(left, entries, lambda entry: entry['minutes'])
  left.set(xlabel='training, min', ylabel='PRD-AUC, corrected: ceiling less value')
  left.set_xticks([3, 4, 6, 8, 10, 15, 20], ['3', '4', '6', '8', '10', '15', '20'], minor=False)
  left.set_xticks([], minor=True)
  known = [entry for entry in entries if entry['config'] in speed]
  panel(right, known, lambda entry: speed[entry['config']]['cpu_ms_a_shower'])
  right.set_xticks([0.1, 0.2, 0.3, 0.5], ['0.1', '0.2', '0.3', '0.5'], minor=False)
  right.set_xticks([], minor=True)
  right.set_xlabel('generation, CPU ms a shower on one core')
  figure.suptitle('open: as published; filled: at its best', fontsize=10)
  with written_aside(path) as part:
    figure.savefig(part, format='png', dpi=110)


def main() -> None:
  """Draws the picture of the results."""
  entries, speed = stored('results.json'), stored('generation.json')['systems']
  shown = [e for e in entries if e['meta']['geometry'] == 'lhcb_ecal' and SCORE in e['figures']]
  draw(shown, speed, str(RESULTS / 'quality.png'))


if __name__ == '__main__':
  main()
