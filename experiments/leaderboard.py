"""Ranks files of generated showers in one table.

  PYTHONPATH=. python experiments/leaderboard.py test.h5 wgan_gp.h5 vae.h5 --training=train.h5
  --output=leaderboard.json

The reference (a file of any readable layout or an embedded set) is divided once into two halves:
every file is compared with the first, and the second with the first gives the last row, Geant4. All
comparisons have equal numbers of showers, those of the smallest file, because most scores fall with
the number.

Rank: in each column of `RANKED` a file gets 1, plus 1 for each file that is nearer to Geant4 by
more than the error of the difference, plus 1/2 for each that is neither nearer nor farther by as
much; the mean over the columns that all files have puts the files in order. No single score will
do: each is blind to some defect (`experiments/defects.py`), and a generator may be tuned to it.
PRD-AUC/min is one of two others and does not count again. Nor does `memorised`, which is no
quality: a file that repeats training showers (5 sigma above 5 %) ranks well elsewhere and is
marked. That column needs --training and showers made for the reference's particles.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
from dataclasses import replace
from typing import Any

import numpy as np

from calojax.evaluation.comparable import paired
from calojax.evaluation.comparison import Files, read_files, study_of
from calojax.evaluation.report.pulls import FAR, Statistic, number, statistic
from calojax.evaluation.samples import Sample, select
from calojax.evaluation.study import Settings, summary
from calojax.files import write_text
from calojax.provenance import origin

METRICS = (
  'prd',
  'distances',
  'frechet',
  'manifold',
  'response',
  'neighbours',
)
RANKED = {  # key -> head of the column
  'prd_auc/raw': 'PRD-AUC raw',
  'prd_auc/physics': 'PRD-AUC physics',
  'distances/fpd': 'FPD',
  'distances/kpd': 'KPD',
  'separation/mean': 'separation',
  'manifold/coverage': 'coverage',
  'manifold/density': 'density',
  'response/worst': 'linearity',
  'resolution/worst': 'resolution',
  'classifier/low': 'AUC low',
  'classifier/high': 'AUC high',
}
COLUMNS = {'prd_auc/min': 'PRD-AUC min'} | RANKED | {'neighbours/memorised': 'memorised'}
MARK = '†'


def levelled(real: Sample, samples: list[Sample], seed: int) -> tuple[Sample, list[Sample]]:
  """The samples such that `arrange` compares each with the same showers: of the reference twice as
  many as the smallest has.

  Those made for the reference's particles one by one are cut in the same way.
  """
  count = 2 * min(len(real.columns) // 2, *(len(fake.columns) for fake in samples))
  kept = np.random.default_rng(seed).permutation(len(real.columns))[:count]
  return select(real, kept), [
    select(fake, kept) if paired(real, fake) else fake for fake in samples
  ]


def judge(files: Files, classifier: bool, settings: Settings) -> list[dict[str, Any]]:
  """The summary of each sample, in their order."""
  settings = replace(settings, metrics=METRICS + ('classifier',) * classifier)
  real, samples = levelled(files.reference, files.generated, settings.seed)
  files, scores = files._replace(reference=real, generated=samples), []
  for fake in samples:
    scores.append(summary(study_of(files, fake, settings)))
    print(f'judged {len(scores)} of {len(samples)}', flush=True)
  return scores


def ranks(figures: list[Statistic]) -> list[float]:
  """The rank of each figure by its distance from its target; within the error of the difference
  half a place each.
  """
  apart = [_distance(figure) for figure in figures]
  errors = [figure.error or 0.0 for figure in figures]
  margins = [[math.hypot(a, b) for b in errors] for a in errors]
  ahead = [
    [
      (apart[i] - apart[j] > margin) + (abs(apart[i] - apart[j]) <= margin) / 2
      for j, margin in enumerate(row)
    ]
    for i, row in enumerate(margins)
  ]
  return [0.5 + sum(row) for row in ahead]  # each one is level with itself


def _distance(figure: Statistic) -> float:
  """From the target."""
  assert figure.value is not None and figure.target is not None, f'{figure.key} is not `defined`'
  return abs(figure.value - figure.target)


def board(files: list[str], scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
  """A row for each file, `{file, rank, ranks, memorised, figures}`, in order of the mean rank."""
  keys = [key for key in RANKED if all(defined(score, key) for score in scores)]
  places = {key: ranks([statistic(key, score[key]) for score in scores]) for key in keys}
  rows = []
  for i, (file, score) in enumerate(zip(files, scores)):
    figures = {key: score[key] for key in COLUMNS if key in score}
    repeated = statistic('', figures.get('neighbours/memorised', {})).pull
    rows.append(
      {
        'file': file,
        'rank': float(np.mean([places[key][i] for key in keys])),
        'ranks': {key: places[key][i] for key in keys},
        'memorised': None if repeated is None else repeated > FAR,
        'figures': figures,
      }
    )
  return sorted(rows, key=lambda row: row['rank'])


def defined(score: dict[str, Any], key: str) -> bool:
  """Whether the summary has a finite figure of that name beside a target and an error."""
  found = statistic(key, score.get(key, {}))
  return None not in (found.value, found.target, found.error)


def table(rows: list[dict[str, Any]], meta: dict[str, Any]) -> str:
  """Markdown: the ranking, and in the last row Geant4."""
  keys = [key for key in COLUMNS if any(key in row['figures'] for row in rows)]
  lines = [
    f'| | rank | {" | ".join(COLUMNS[key] for key in keys)} |',
    '|---' * (len(keys) + 2) + '|',
  ]
  for row in rows:
    cells = [cell(row['figures'].get(key, {}), 'value', 'error') for key in keys]
    name = pathlib.Path(row['file']).stem + MARK * bool(row['memorised'])
    lines.append(f'| {name} | {row["rank"]:.1f} | {" | ".join(cells)} |')
  cells = [
    next(
      (
        cell(row['figures'][key], *target(row['figures'][key]))
        for row in rows
        if key in row['figures']
      ),
      '',
    )
    for key in keys
  ]
  lines.append(f'| Geant4 | | {" | ".join(cells)} |')
  notes = [
    f'{meta["count"]} showers against {meta["count"]}, {meta["geometry"]}; '
    f'PRD: {meta["clusters"]} clusters, {meta["variant"]}.'
  ]
  notes += [f'{MARK} repeats training showers.'] * any(row['memorised'] for row in rows)
  return '\n'.join([*lines, '', *notes]) + '\n'


def target(figure: dict[str, Any]) -> tuple[str, str]:
  """The names of what a figure should be, and of its error."""
  kind = statistic('', figure).kind
  return kind, f'{kind}_error'


def cell(figure: dict[str, Any], kind: str, error: str) -> str:
  """A number with its error; empty where there is none."""
  value, margin = number(figure.get(kind)), number(figure.get(error))
  return '' if value is None else f'{value:.3g}' + ('' if margin is None else f' ± {margin:.1g}')


def main(arguments: list[str] | None = None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('reference', help='file or embedded set')
  parser.add_argument('files', nargs='+')
  parser.add_argument('--training')
  parser.add_argument('--classifier', action='store_true', help='some minutes a file')
  parser.add_argument('--clusters', type=int, default=400)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument(
    '--output',
    type=pathlib.Path,
    required=True,
    help='a name in .json; the table is written beside it in .md',
  )
  flags = parser.parse_args(arguments)
  if flags.output.suffix != '.json':
    raise ValueError(f'--output={flags.output}, expected a name that ends in .json')
  files = read_files(flags.reference, flags.files, flags.training, flags.seed)
  scores = judge(files, flags.classifier, Settings(flags.clusters, seed=flags.seed))
  rows, meta = board(flags.files, scores), scores[0]['meta'] | origin()
  text = table(rows, meta)
  origins = dict(zip((flags.reference, *flags.files), files.origins))
  flags.output.parent.mkdir(parents=True, exist_ok=True)
  write_text(
    flags.output, json.dumps({'rows': rows, 'meta': meta, 'files': origins}, indent=1) + '\n'
  )
  write_text(flags.output.with_suffix('.md'), text)
  print(f'\n{text}')


if __name__ == '__main__':
  main()
