"""What the jobs of a sweep have reached: means over seeds with their 95 % intervals."""

from __future__ import annotations

import json
import math
import pathlib
import statistics
from collections.abc import Mapping
from typing import Any

from calojax.commands.sweep_plan import Job, Plan
from calojax.evaluation.report.verdict import headlines
from calojax.exit_codes import DONE
from calojax.files import write_text
from calojax.provenance import origin

COLUMNS = 4  # of figures that nobody chose
LEVEL = 0.95


def write(folder: pathlib.Path, plan: Plan, codes: Mapping[str, int]) -> str:
  """The table in Markdown, written as `table.md`, with all figures as `table.json`.

  Args:
    folder: of the sweep.
    plan: of the sweep.
    codes: exit code of every job.

  Raises:
    ValueError: a figure that was asked for is in no summary.
  """
  groups: dict[str, list[Job]] = {}
  for job in plan.jobs:
    groups.setdefault(job.group, []).append(job)
  found = {name: _group(folder, jobs, codes) for name, jobs in groups.items()}
  content = {'meta': origin() | {'level': LEVEL}, 'groups': found, 'codes': dict(codes)}
  write_text(folder / 'table.json', json.dumps(content, indent=1) + '\n')
  table = markdown(found, plan.figures or _usual(folder, plan))
  write_text(folder / 'table.md', table + '\n')
  return table


def summary_of(folder: pathlib.Path, job: Job) -> dict[str, Any]:
  """The summary of a job's last evaluation, empty if there is none."""
  paths = (folder / job.name / 'evaluation').glob('*/summary.json')
  steps = {int(path.parent.name): path for path in paths if path.parent.name.isdecimal()}
  return json.loads(steps[max(steps)].read_text(encoding='utf-8')) if steps else {}


def _group(folder: pathlib.Path, jobs: list[Job], codes: Mapping[str, int]) -> dict[str, Any]:
  """Seeds, steps and figures of jobs that differ in their seed."""
  done = {job.seed: summary_of(folder, job) for job in jobs if codes[job.name] == DONE}
  summaries = list(done.values())
  keys = [
    key for key in (summaries or [{}])[0] if all(_value(s, key) is not None for s in summaries)
  ]
  figures = {key: interval([s[key]['value'] for s in summaries]) for key in keys}
  steps = {seed: summary['meta']['step'] for seed, summary in done.items()}
  return {'seeds': [job.seed for job in jobs], 'steps': steps, 'figures': figures}


def _value(summary: Mapping[str, Any], key: str) -> float | None:
  """The value of a figure, None of what is none."""
  figure = summary.get(key)
  return figure.get('value') if isinstance(figure, dict) else None


def interval(values: list[float]) -> dict[str, Any]:
  """Mean of some values, half of the width of its 95 % interval by Student's t distribution (None
  of a single value), and the values.
  """
  from scipy.stats import t

  count, half = len(values), None
  if count > 1:
    deviation = statistics.stdev(values) / math.sqrt(count)
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * deviation
  return {'mean': statistics.fmean(values), 'half_width': half, 'values': values}


def _usual(folder: pathlib.Path, plan: Plan) -> tuple[str, ...]:
  """The first figures of the table that an evaluation prints."""
  summaries = filter(None, (summary_of(folder, job) for job in plan.jobs))
  return tuple(headlines(next(summaries, {'meta': {}}))[:COLUMNS])


def markdown(groups: Mapping[str, Any], figures: tuple[str, ...]) -> str:
  """A row for each group: mean and half of the 95 % interval of each figure.

  Raises:
    ValueError: a figure that no group has.
  """
  known = {key for group in groups.values() for key in group['figures']}
  for figure in figures:
    if known and figure not in known:
      raise ValueError(f'figure {figure!r} is in no summary, expected one of {sorted(known)}')
  head = ['job', 'seeds', *figures]
  rows = [head, ['---'] * len(head)]
  for name, group in groups.items():
    done, asked = len(group['steps']), len(group['seeds'])
    cells = [_cell(group['figures'].get(figure)) for figure in figures]
    rows.append([name, str(asked) if done == asked else f'{done} of {asked}', *cells])
  return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _cell(figure: Mapping[str, Any] | None) -> str:
  if figure is None:
    return ''
  half = figure['half_width']
  return f'{figure["mean"]:.4g}' + ('' if half is None else f' ± {half:.2g}')
