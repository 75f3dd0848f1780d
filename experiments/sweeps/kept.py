"""Sweeps whose finished runs are remembered in a file of results: what stands there is not trained
again, also where the runs themselves are gone.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
from typing import Any, NamedTuple

from scipy.stats import t as student

from calojax.config import shipped
from calojax.files import write_text

Entry = dict[str, Any]  # of the results: one run
PRD = ('raw', 'physics', 'physics_corrected')
# What is kept of a run's figures: these, and those that begin so.
KEPT = ('prd_auc/', 'classifier/', 'resolution/ratio', 'traversals/')


class Job(NamedTuple):
  """A training: the group whose jobs differ in their seed alone, its config, seed and values, and
  the run whose weights it starts from.
  """

  group: str
  config: str
  seed: int
  values: dict[str, Any]
  origin: pathlib.Path | None = None


def warm_start(config: str, seed: int) -> Job:
  """The warm start of a config, from which adversarial phases that differ begin."""
  quick = {'evaluation.metrics': ['response'], 'evaluation.pictures': False}
  return Job('warm', config, seed, {'train.steps': shipped.load(config).warm_start.steps, **quick})


def second_phase(config: str) -> dict[str, Any]:
  """The values of a config's adversarial phase alone, for a job that begins with a warm start."""
  settings = shipped.load(config)
  steps = settings.train.steps - settings.warm_start.steps
  return {'warm_start.steps': 0, 'train.steps': steps, 'train.monitor_every': steps}


def arguments(description: str | None, results: str) -> argparse.Namespace:
  """What the command line of such an experiment asks for."""
  parser = argparse.ArgumentParser(
    description=description, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--runs', type=pathlib.Path, required=True, help='folder of the runs')
  parser.add_argument('--workers', type=int, default=2)
  parser.add_argument('--limit', type=int, help='trainings at most, the first ones missing')
  parser.add_argument('--results', type=pathlib.Path, default=pathlib.Path(results))
  return parser.parse_args()


def entries(results: pathlib.Path) -> list[Entry]:
  """What is remembered."""
  return json.loads(results.read_text()) if results.exists() else []


def train(jobs: list[Job], given: argparse.Namespace) -> list[Entry]:
  """Trains the jobs that are neither remembered nor finished in the folder of the runs, and
  remembers them; all entries in the end.
  """
  wanted = missing(jobs, given)
  if wanted:
    try:
      run(wanted, given)
    finally:
      _remember(wanted, given)  # what is done, whatever became of the others
  return entries(given.results)


def missing(jobs: list[Job], given: argparse.Namespace) -> list[Job]:
  """The next jobs that are not remembered, after what the folder of the runs has is."""
  _remember(jobs, given)
  known = {(entry['group'], entry['seed']) for entry in entries(given.results)}
  return [job for job in jobs if (job.group, job.seed) not in known][: given.limit]


def run(jobs: list[Job], given: argparse.Namespace) -> None:
  """Trains these jobs; of those that are finished in the folder of the runs, nothing.

  Raises:
    SystemExit: one of them did not end well.
  """
  given.runs.mkdir(parents=True, exist_ok=True)
  plan = given.runs / 'sweep.toml'
  write_text(str(plan), _plan(jobs))
  command = [sys.executable, '-m', 'calojax.console', 'sweep', str(plan)]
  command += [f'--workers={given.workers}', f'--output={given.runs}']
  if code := subprocess.run(command).returncode:
    raise SystemExit(code)


def _remember(jobs: list[Job], given: argparse.Namespace) -> None:
  """Adds the finished runs of these jobs to the results."""
  found = entries(given.results)
  known = {(entry['group'], entry['seed']) for entry in found}
  new = [job for job in jobs if (job.group, job.seed) not in known and _folder(job, given.runs)]
  if new:
    found += [entry(job, given.runs) for job in new]
    write_text(str(given.results), json.dumps(found, indent=1) + '\n')


def entry(job: Job, runs: pathlib.Path) -> Entry:
  """The figures of a finished run on test showers, the best ones of its validation showers, and
  what made them.
  """
  folder = _folder(job, runs)
  assert folder is not None
  summary = json.loads((folder / 'summary.json').read_text())
  best = folder.parents[1] / 'best.json'
  keys = [key for key in summary if key.startswith(KEPT)]
  return {
    'group': job.group,
    'config': job.config,
    'seed': job.seed,
    'values': job.values,
    'steps': int(folder.name),
    'figures': {key: summary[key] for key in keys},
    'validation': json.loads(best.read_text()) if best.exists() else None,
    'meta': summary['meta'],
  }


def spread(values: list[float]) -> tuple[float, float]:
  """Mean and half of the 95 % interval (Student's t); not a number of one value."""
  if len(values) < 2:
    return values[0], float('nan')
  error = statistics.stdev(values) / len(values) ** 0.5
  return statistics.mean(values), float(student.ppf(0.975, len(values) - 1)) * error


def _plan(jobs: list[Job]) -> str:
  """The file of the sweep."""
  lines = []
  for job in jobs:
    lines += ['[[job]]', f'name = "{job.group}"', f'config = "{shipped.path(job.config)}"']
    lines += [f'from = "{job.origin}"'] if job.origin else []
    lines += [f'seeds = [{job.seed}]', '[job.overrides]']
    lines += [f'{key} = {json.dumps(value)}' for key, value in job.values.items()]
  return '\n'.join(lines) + '\n'


def _folder(job: Job, runs: pathlib.Path) -> pathlib.Path | None:
  """The newest evaluation of a job's run."""
  found = (runs / f'{job.group}-seed{job.seed}' / 'evaluation').glob('[0-9]*/summary.json')
  return max((path.parent for path in found), key=lambda path: int(path.name), default=None)
