"""`calojax evaluate --generated=FILE,FILE,...`: each file judged by a job, and one table of all."""

from __future__ import annotations

import glob
import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from calojax.commands import jobs
from calojax.commands.arguments import Asked, repeated
from calojax.commands.jobs import Task
from calojax.data import DATASETS
from calojax.evaluation.report.verdict import headlines
from calojax.evaluation.wishes import Wishes
from calojax.exit_codes import DONE
from calojax.files import write_text
from calojax.provenance import origin

OURS = ('generated', 'output', 'workers', 'engine')
COLUMNS = 6


def many(text: str | None) -> list[str]:
  """The files that `--generated` names, if it is more than the name of one: separated by commas,
  each a name or a pattern as `made/*.h5`.

  Raises:
    ValueError: a pattern that no file has.
  """
  if not text or os.path.exists(text) or not set(text) & set(',*?['):
    return []
  found = []
  for word in filter(None, text.split(',')):
    names = [word] if os.path.exists(word) or word in DATASETS else sorted(glob.glob(word))
    if not names:
      raise ValueError(f'--generated={word}: no such file')
    found += names
  return found


def evaluating(asked: Asked, files: Sequence[str], wishes: Wishes) -> Callable[[], int]:
  """Has jobs judge these files, checked first: a function that does it and returns the exit code.

  Args:
    asked: the flags.
    files: of generated showers.
    wishes: with a folder, which gets one for each file, named as the file is.

  Raises:
    ValueError: there is no reference or no folder, or two files have one name.
  """
  values = asked.values
  if not (values.reference and wishes.output):
    raise ValueError('an evaluation of files needs --reference=FILE and --output=FOLDER')
  wishes.checked()
  jobs.check(values.engine, values.workers)
  folder, words = pathlib.Path(wishes.output), repeated(asked, OURS)
  names = [pathlib.Path(file).stem for file in files]
  for name in names:
    if names.count(name) > 1:
      raise ValueError(f'{names.count(name)} files are named {name}, expected a name for each')
  tasks = [
    Task(name, [*words, f'--generated={file}'], f'--output={folder / name}')
    for name, file in zip(names, files)
  ]
  there = lambda task: (folder / task.name / 'summary.json').is_file()

  def work() -> int:
    with jobs.claimed(folder, 'evaluation'):
      codes = jobs.run(tasks, folder, there, values.engine, values.workers, 'files')
      done = [name for name in names if codes[name] == DONE]
      print(write(folder, {name: _summary(folder / name) for name in done}), flush=True)
    return next((code for code in codes.values() if code != DONE), DONE)

  return work


def _summary(folder: pathlib.Path) -> dict[str, Any]:
  return json.loads((folder / 'summary.json').read_text(encoding='utf-8'))


def write(folder: pathlib.Path, summaries: Mapping[str, dict[str, Any]]) -> str:
  """The table in Markdown, written as `table.md`, with all headlines as `table.json`."""
  figures = {
    name: {key: summary[key] for key in headlines(summary)} for name, summary in summaries.items()
  }
  content = {'meta': origin(), 'figures': figures}
  write_text(folder / 'table.json', json.dumps(content, indent=1) + '\n')
  table = markdown(figures)
  write_text(folder / 'table.md', table + '\n')
  return table


def markdown(figures: Mapping[str, Mapping[str, Any]]) -> str:
  """A row for each file: the first figures that all have, with their errors."""
  keys = list(next(iter(figures.values()), {}))
  shown = [key for key in keys if all(key in found for found in figures.values())][:COLUMNS]
  rows = [['file', *shown], ['---'] * (len(shown) + 1)]
  for name, found in figures.items():
    rows.append([name, *(_cell(found[key]) for key in shown)])
  return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _cell(figure: Mapping[str, Any]) -> str:
  error = figure.get('error')
  return f'{figure["value"]:.4g}' + ('' if error is None else f' ± {error:.2g}')
