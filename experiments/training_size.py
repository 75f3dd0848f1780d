"""Quality against the number of training showers: the same system, budget and test showers, ever
larger training sets.

  python -m calojax.simulate --detector=lhcb_ecal --events=60000 --seed=2026 --jobs=2
  --output=geant4.h5 PYTHONPATH=. python experiments/training_size.py --showers=geant4.h5 --sizes
  1000 4000 16000 54000 --config=configs/cnn_aux.py

Training showers are the first of the file (its events are independent of one another). Judged are
generated showers of the particles of its last 5,000 against the 20,000 embedded ones, which are
another simulation, with `calojax.main --mode=evaluate`, without the classifiers. Runs are kept in
--workdir; a second call finds them there. The shower library is asked to store all of its training
showers, networks have the same number of updates at every size.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

from calojax import data
from calojax.files import write_text
from calojax.showers import take

SCORES = (
  'prd_auc/raw',
  'prd_auc/physics',
  'prd_auc/physics_corrected',
  'distances/fpd',
  'separation/mean',
  'manifold/coverage',
)
REFERENCE = 'lhcb_ecal'
JUDGED = 5_000
SPLIT = (
  0.90,
  0.05,
  0.05,
)  # of a file that is read: the two held-out parts are for the run's own monitoring
STORED = 1_000  # showers a step of the library
PIECE = 4096


def part(path: pathlib.Path, source: str, start: int, stop: int) -> pathlib.Path:
  """A file of these showers of the source, made unless it is there."""
  if not path.exists():
    chosen = data.read(source, start, stop)
    with data.Writer(path, chosen.geometry, chosen.provenance) as writer:
      for first in range(0, stop - start, PIECE):
        writer.append(take(chosen.showers, slice(first, first + PIECE)))
  return path


def call(*flags: str) -> None:
  subprocess.run([sys.executable, '-m', 'calojax.main', *flags], check=True)


def point(arguments: argparse.Namespace, size: int) -> dict:
  """The figures of one size, with their errors and ceilings."""
  folder = pathlib.Path(arguments.workdir)
  folder.mkdir(parents=True, exist_ok=True)
  run = folder / f'{pathlib.Path(arguments.config).stem}_{size}'
  showers, report = run.with_suffix('.h5'), run / 'report'
  count, wanted = data.extent(arguments.showers)[0], round(size / SPLIT[0])
  if wanted + JUDGED > count:
    raise ValueError(
      f'{arguments.showers} has {count} showers, expected {wanted + JUDGED} '
      f'for a training set of {size}'
    )
  source = part(folder / f'training_{size}.h5', arguments.showers, 0, wanted)
  particles = part(folder / 'particles.h5', arguments.showers, count - JUDGED, count)
  if not (report / 'summary.json').exists():
    steps = (
      (f'--config.train.steps={max(1, size // STORED)}',) if 'library' in arguments.config else ()
    )
    call(
      f'--config={arguments.config}',
      f'--workdir={run}',
      f'--config.data.source={source}',
      f'--config.data.split={SPLIT}',
      '--config.evaluation.pictures=False',
      '--config.evaluation.clusters=10',
      "--config.evaluation.metrics=('response',)",
      *steps,
    )
    call('--mode=sample', f'--workdir={run}', f'--conditions={particles}', f'--output={showers}')
    call(
      '--mode=evaluate',
      f'--reference={REFERENCE}',
      f'--generated={showers}',
      f'--output={report}',
      '--classifier=false',
    )
  summary = json.loads((report / 'summary.json').read_text())
  origin = {key: summary['meta'][key] for key in ('commit', 'machine')}
  return {'size': size, 'figures': {name: summary[name] for name in SCORES}, **origin}


def row(found: dict) -> str:
  """A line of the table."""
  return (
    f'| {found["size"]} | '
    + ' | '.join(f'{f["value"]:.3g} ± {f["error"]:.1g}' for f in found['figures'].values())
    + ' |'
  )


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--showers', required=True, help='simulated showers of lhcb_ecal')
  parser.add_argument('--sizes', type=int, nargs='+', default=[1_000, 4_000, 16_000, 54_000])
  parser.add_argument('--config', default='configs/cnn_aux.py')
  parser.add_argument('--workdir', default='runs/training_size')
  parser.add_argument('--output', help='JSON to write; figures of other configs in it stay')
  arguments = parser.parse_args()
  found = [point(arguments, size) for size in arguments.sizes]
  print('| training showers | ' + ' | '.join(SCORES) + ' |\n' + '|---' * (1 + len(SCORES)) + '|')
  print('\n'.join(map(row, found)))
  if arguments.output:
    path = pathlib.Path(arguments.output)
    kept = json.loads(path.read_text()) if path.exists() else {}
    write_text(
      path, json.dumps({**kept, pathlib.Path(arguments.config).stem: found}, indent=1) + '\n'
    )


if __name__ == '__main__':
  main()
