r"""Which metric sees which defect: plants known defects into real showers and lets the evaluation
judge them.

  PYTHONPATH=. python experiments/defects.py --output=experiments/results/defects.json
  PYTHONPATH=. python experiments/defects.py --data=calogan --sizes 300 \
    --output=experiments/results/defects_calogan.json

The first takes some 11 CPU minutes.

The data are divided at random into four disjoint parts: reference, independent showers (for
ceilings and floors), those that get the defect, and a training set. Each figure becomes a pull,
(value - target) / hypot(errors); rows of several figures show the largest, so the column without a
defect tells what chance does. The output grows metric by metric, quick ones first, and a second
call goes on from there; delete the file after a change of the metrics.
"""

from __future__ import annotations

import argparse
import functools
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from calojax import data
from calojax.evaluation.arrangement import Compared
from calojax.evaluation.defects import DEFECTS
from calojax.evaluation.metrics.areas import AUC
from calojax.evaluation.metrics.classifier import classifier_auc
from calojax.evaluation.metrics.inputs import high_inputs, low_inputs
from calojax.evaluation.named import METRICS
from calojax.evaluation.report.pulls import statistic
from calojax.evaluation.samples import Sample, sample
from calojax.evaluation.sets import figure
from calojax.evaluation.study import Settings, clusters_for, evaluate
from calojax.files import write_text
from calojax.geometry import Geometry
from calojax.provenance import origin
from calojax.showers import Shower, take

RUNS = 5  # of each PRD
REPEATS = 2  # of each classifier
SEEN = 3.0  # standard deviations below which a pull is not shown
SLOW = ('prd', 'conditional_prd', 'classifier')
OTHERS = ('trees',)  # see planted_defects.py
STAGES = (tuple(name for name in METRICS if name not in SLOW + OTHERS), *((name,) for name in SLOW))
ROWS = {  # label -> figures
  'PRD-AUC, raw': r'prd_auc/raw',
  'PRD-AUC, physics': r'prd_auc/physics',
  'PRD-AUC, physics, corrected': r'prd_auc/physics_corrected',
  'PRD-AUC, raw, worst bin': r'conditional/raw/.*',
  'PRD-AUC, physics, worst bin': r'conditional/physics/.*',
  'FPD': r'distances/fpd',
  'KPD': r'distances/kpd',
  'classifier, low': r'classifier/low',
  'classifier, high': r'classifier/high',
  'precision': r'manifold/precision',
  'recall': r'manifold/recall',
  'density': r'manifold/density',
  'coverage': r'manifold/coverage',
  'separation, mean': r'separation/mean',
  'separation, worst': r'separation/(?!mean).*',
  'KS, worst': r'ks/.*',
  'Wasserstein, worst': r'wasserstein/.*',
  'correlations': r'correlations/distance',
  'mean of E / E_p': r'observables/response/mean',
  'mean of an observable, worst': r'observables/.*/mean',
  'std of an observable, worst': r'observables/.*/std',
  'linearity, worst bin': r'response/worst',
  'linearity, mean of bins': r'response/ratio',
  'resolution, worst bin': r'resolution/worst',
  'resolution, mean of bins': r'resolution/ratio',
  'neighbours, reached': r'neighbours/reached',
  'neighbours, training': r'neighbours/training',
  'neighbours, memorised': r'neighbours/memorised',
}


def parts(showers: Shower, count: int, seed: int) -> list[Shower]:
  """Four disjoint sets at random, the first three of `count` showers, the last of a quarter of all.

  Raises:
    ValueError: fewer than four times as many showers.
  """
  quarter = len(showers.energies) // 4
  if count > quarter:
    raise ValueError(
      f'four disjoint sets of {count} showers from {len(showers.energies)}, '
      f'expected at most {quarter} each'
    )
  order = np.random.default_rng(seed).permutation(len(showers.energies))
  sizes = (count, count, count, quarter)
  return [take(showers, order[i * quarter : i * quarter + size]) for i, size in enumerate(sizes)]


class Planted(NamedTuple):
  """The sets of one size: reference, independent and training showers, those with each defect, and
  areas of classifiers; their geometry and seed.
  """

  real: Sample
  other: Sample
  training: Shower
  wrong: dict[str, Sample]
  floors: dict[str, AUC]
  geometry: Geometry
  seed: int


def planted(showers: Shower, count: int, geometry: Geometry, seed: int) -> Planted:
  """Real showers with every defect, and what they are compared with."""
  first, second, fresh, training = parts(showers, count, seed)
  wrong = {
    name: sample(plant(fresh, training, geometry, seed), geometry)
    for name, plant in DEFECTS.items()
  }
  return Planted(
    sample(first, geometry), sample(second, geometry), training, wrong, {}, geometry, seed
  )


def judge(stage: tuple[str, ...], sets: Planted, name: str) -> dict[str, Any]:
  """The figures of one stage for the showers with the defect `name`."""
  wrong = sets.wrong[name]
  if stage == ('classifier',):
    return classified(sets, wrong.showers)
  compared = Compared(sets.real, wrong, sets.other, sets.training, wrong.showers)
  settings = Settings(clusters_for(len(wrong.columns)), RUNS, sets.seed, metrics=stage)
  figures = evaluate(compared, sets.geometry, settings)
  return {
    key: found
    for key, found in figures.items()
    if any(re.fullmatch(pattern, key) for pattern in ROWS.values())
  }


def classified(sets: Planted, wrong: Shower) -> dict[str, Any]:
  """`classifier/low` and `/high`, of few repeats; the areas of real against real showers are found
  once.
  """
  figures = {}
  real, other = sets.real.showers, sets.other.showers
  geometry, seed = sets.geometry, sets.seed
  for name, inputs in (('low', low_inputs), ('high', high_inputs)):
    if name not in sets.floors:
      sets.floors[name] = classifier_auc(
        inputs(real, geometry), inputs(other, geometry), REPEATS, seed=seed
      )
    auc = classifier_auc(inputs(real, geometry), inputs(wrong, geometry), REPEATS, seed=seed)
    figures[f'classifier/{name}'] = figure('floor', (*auc[:2], *sets.floors[name][:2]))
  return figures


def measure(
  found: dict[str, Any],
  stage: tuple[str, ...],
  count: int,
  sets: Callable[[], Planted],
) -> Iterator[str]:
  """The labels of what was missing of a stage at this number of showers, after each of which
  `found` holds its figures.
  """
  figures = found['figures'].setdefault(str(count), {name: {} for name in DEFECTS})
  for name in DEFECTS:
    label = f'{count} {name}: {stage[0]}'
    if label not in found['done']:
      figures[name] |= judge(stage, sets(), name)
      found['done'].append(label)
      yield label


def worst(figures: dict[str, Any], pattern: str) -> float | None:
  """The largest pull of the figures that match, with its sign; None if there is none."""
  pulls = (
    statistic(key, found).pull for key, found in figures.items() if re.fullmatch(pattern, key)
  )
  return max((pull for pull in pulls if pull is not None), key=abs, default=None)


def table(figures: dict[str, dict[str, Any]]) -> str:
  """Markdown: a row for each metric, a column for each defect, the pull in the cell or a dot where
  it is small.
  """
  lines = [f'| | {" | ".join(figures)} |', '|---' * (len(figures) + 1) + '|']
  for label, pattern in ROWS.items():
    pulls = [worst(entry, pattern) for entry in figures.values()]
    if any(pull is not None for pull in pulls):
      cells = [
        '' if pull is None else '.' if abs(pull) < SEEN else f'{pull:+.0f}' for pull in pulls
      ]
      lines.append(f'| {label} | {" | ".join(cells)} |')
  return '\n'.join(lines)


def begun(path: pathlib.Path, settings: dict[str, Any]) -> dict[str, Any]:
  """What the file holds of the same settings, else nothing measured; with the origin of this
  call.
  """
  versions = {name: version(name) for name in ('numpy', 'scipy', 'scikit-learn', 'jax')}
  found = {
    'settings': settings,
    'origin': origin(),
    'versions': versions,
    'done': [],
    'figures': {},
  }
  before = json.loads(path.read_text()) if path.exists() else {}
  path.parent.mkdir(parents=True, exist_ok=True)
  return found | {
    key: before[key] for key in ('done', 'figures') if before.get('settings') == settings
  }


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--data', default='lhcb_ecal', help='an embedded set or a file')
  parser.add_argument('--sizes', type=int, nargs='+', default=[1000, 5000])
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--output', type=pathlib.Path, required=True)
  arguments = parser.parse_args()
  showers, geometry, _ = data.load(arguments.data)
  settings = {
    'data': arguments.data,
    'fingerprint': data.fingerprint(showers),
    'seed': arguments.seed,
    'runs': RUNS,
    'repeats': REPEATS,
  }
  found = begun(arguments.output, settings)
  sets = {
    count: functools.cache(functools.partial(planted, showers, count, geometry, arguments.seed))
    for count in arguments.sizes
  }
  for stage in STAGES:
    for count in arguments.sizes:
      for label in measure(found, stage, count, sets[count]):
        write_text(arguments.output, json.dumps(found) + '\n')
        print(label, flush=True)
  write_text(arguments.output, json.dumps(found) + '\n')
  for count in arguments.sizes:
    print(f'\n{arguments.data}, {count} showers a side\n\n{table(found["figures"][str(count)])}')


if __name__ == '__main__':
  main()
