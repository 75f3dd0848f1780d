"""What a search has found: its trials, the best first."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from calojax.commands.search_space import Search
from calojax.files import write_text
from calojax.provenance import origin

ROWS = 10


def runs(study: Any) -> list[dict[str, Any]]:
  """The trials of a study, each by what became of it at last: an interrupted one has several
  entries there.
  """
  found: dict[int, dict[str, Any]] = {}
  for trial in study.get_trials(deepcopy=False):
    number = trial.user_attrs.get('run', trial.number)
    found[number] = {
      'trial': number,
      'state': trial.state.name.lower(),
      'ended': trial.state.is_finished(),
      'value': trial.value if trial.state.name == 'COMPLETE' else None,
      'steps': max(trial.intermediate_values, default=0),
      'monitored': {str(step): value for step, value in trial.intermediate_values.items()},
      'values': dict(trial.params),
    }
  return list(found.values())


def write(folder: pathlib.Path, search: Search, study: Any) -> str:
  """The table of the best trials in Markdown, written as `table.md`, with all as `table.json`."""
  found = ranked(runs(study), search.smallest)
  content = {
    'meta': origin() | {'config': search.config, 'figure': search.figure, 'seed': search.seed},
    'overrides': search.overrides,
    'trials': found,
  }
  write_text(folder / 'table.json', json.dumps(content, indent=1) + '\n')
  table = markdown(found, search.figure, list(search.space))
  write_text(folder / 'table.md', table + '\n')
  return '\n'.join([table, '', *summary(found, search)])


def ranked(found: Sequence[dict[str, Any]], smallest: bool) -> list[dict[str, Any]]:
  """The completed ones, the best first, and then the others, those that got furthest first."""
  sign = 1 if smallest else -1
  done = [run for run in found if run['value'] is not None]
  others = [run for run in found if run['value'] is None]
  return [
    *sorted(done, key=lambda run: sign * run['value']),
    *sorted(others, key=lambda run: -run['steps']),
  ]


def markdown(found: Sequence[dict[str, Any]], figure: str, keys: Sequence[str]) -> str:
  """A row for each of the first trials: the figure, what became of it, and its values."""
  rows = [['trial', figure, 'steps', 'ended', *keys], ['---'] * (4 + len(keys))]
  for run in found[:ROWS]:
    value = '' if run['value'] is None else f'{run["value"]:.4g}'
    tried = [_text(run['values'].get(key, '')) for key in keys]
    rows.append([str(run['trial']), value, str(run['steps']), run['state'], *tried])
  return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def summary(found: Sequence[dict[str, Any]], search: Search) -> list[str]:
  """How many ended how, and the command that trains with the best values."""
  counts = {state: sum(run['state'] == state for run in found) for state in ('complete', 'pruned')}
  lines = [f'{counts["complete"]} complete, {counts["pruned"]} pruned of {len(found)} trials']
  if found and found[0]['value'] is not None:
    words = ' '.join(f"'--config.{key}={value}'" for key, value in found[0]['values'].items())
    lines.append(f'the best: calojax train {search.config} {words}')
  return lines


def _text(value: Any) -> str:
  return f'{value:.3g}' if isinstance(value, float) else str(value)
