"""Which judge sees which defect: plants fine defects into real showers, and lets every judge of
`classifier/worst` tell them from other real ones.

  OMP_NUM_THREADS=1 PYTHONPATH=. python experiments/planted_defects.py \
    --output=experiments/results/planted_defects.json

The first 5,000 of the embedded showers in an order drawn at random are the reference, the second
5,000 get the defect and the third 5,000, untouched, give the floors. The defects are planted in
*other* showers than the reference's: the same ones on both sides would carry both labels, and pull
an area below 0.5. Trees come first, networks (of one training each) after them; the file grows
area by area, and a second call goes on from there. Delete it after a change of the judges.
"""

from __future__ import annotations

import argparse
import functools
import json
import pathlib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

from calojax import data
from calojax.evaluation.defects import FINE
from calojax.evaluation.metrics.areas import AUC
from calojax.evaluation.metrics.classifier import classifier_auc
from calojax.evaluation.metrics.inputs import View, scale_of
from calojax.evaluation.metrics.judges import NETWORKS, trees
from calojax.evaluation.metrics.trees import trees_auc
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.provenance import origin
from calojax.showers import Shower, take

REPEATS = 1  # trainings of a network: errors of an area come from the size of the test part
FLOOR = 'floor'  # beside the defects: untouched showers of the third part
SEEN = 3.0  # errors of the difference from the floor from which on a judge sees a defect


def parts(showers: Shower, count: int, seed: int) -> list[Shower]:
  """Three disjoint sets at random. ValueError if there are not so many showers."""
  if 3 * count > len(showers.energies):
    raise ValueError(
      f'three sets of {count} showers from {len(showers.energies)}, expected at most a third each'
    )
  order = np.random.default_rng(seed).permutation(len(showers.energies))
  return [take(showers, order[i * count : (i + 1) * count]) for i in range(3)]


def network(real: np.ndarray, fake: np.ndarray, seed: int) -> AUC:
  """The area of a network."""
  return classifier_auc(real, fake, REPEATS, seed=seed)


def measured(
  found: dict[str, Any], showers: Shower, geometry: Geometry, settings: dict[str, Any]
) -> Iterator[str]:
  """The labels of what was missing, after each of which `found` holds its area and error."""
  seed = settings['seed']
  reference, others, third = parts(showers, settings['count'], seed)
  scale = scale_of(reference, geometry)
  real = View(reference, geometry, scale)
  made: dict[str, Callable[[], Shower]] = {
    name: functools.partial(plant, others, geometry, seed) for name, plant in FINE.items()
  }
  made[FLOOR] = lambda: third
  kinds = ((trees_auc, trees(geometry)), (network, NETWORKS))
  for classify, judges in kinds:
    for defect, plant in made.items():
      areas = found.setdefault(defect, {})
      missing = [name for name in judges if name not in areas]
      wrong = View(plant(), geometry, scale) if missing else real
      for name in missing:
        auc = classify(judges[name](real), judges[name](wrong), seed)
        areas[name] = {'value': auc.value, 'error': auc.error}
        yield f'{defect}, {name}: {auc.value:.3f} +- {auc.error:.3f}'


def table(areas: dict[str, dict[str, dict[str, float]]]) -> str:
  """Markdown: a row for each defect, a column for each judge, and the worst; areas that lie above
  their floors by three errors in bold.
  """
  floors = areas[FLOOR]
  lines = [f'| | {" | ".join(name.replace("_", " ") for name in floors)} | worst |']
  lines.append('|---' * (len(floors) + 2) + '|')
  for defect, found in areas.items():
    cells = [_cell(found[name], floors[name], defect != FLOOR) for name in floors]
    largest = max(entry['value'] for entry in found.values())
    label = 'floor: real showers again' if defect == FLOOR else defect
    lines.append(f'| {label} | {" | ".join(cells)} | {largest:.3f} |')
  return '\n'.join(lines)


def _cell(found: dict[str, float], floor: dict[str, float], compared: bool) -> str:
  apart = found['value'] - floor['value']
  seen = compared and apart > SEEN * np.hypot(found['error'], floor['error'])
  return f'**{found["value"]:.3f}**' if seen else f'{found["value"]:.3f}'


def begun(path: pathlib.Path, settings: dict[str, Any]) -> dict[str, Any]:
  """What the file holds of the same settings, else nothing measured; with the origin of this
  call.
  """
  versions = {name: version(name) for name in ('numpy', 'scipy', 'scikit-learn', 'jax')}
  before = json.loads(path.read_text()) if path.exists() else {}
  path.parent.mkdir(parents=True, exist_ok=True)
  kept = before['areas'] if before.get('settings') == settings else {}
  return {'settings': settings, 'origin': origin(), 'versions': versions, 'areas': kept}


def main() -> None:
  """Measures what is missing in the file of results."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--data', default='lhcb_ecal', help='an embedded set or a file')
  parser.add_argument('--count', type=int, default=5000)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--output', type=pathlib.Path, required=True)
  arguments = parser.parse_args()
  showers, geometry, _ = data.load(arguments.data)
  settings = {
    'data': arguments.data,
    'fingerprint': data.fingerprint(showers),
    'count': arguments.count,
    'seed': arguments.seed,
    'repeats': REPEATS,
  }
  found = begun(arguments.output, settings)
  for label in measured(found['areas'], showers, geometry, settings):
    write_text(arguments.output, json.dumps(found, indent=1) + '\n')
    print(label, flush=True)
  print(f'\n{table(found["areas"])}')


if __name__ == '__main__':
  main()
