"""`calojax sweep --search=FILE`: values of a config that are searched for with Optuna.

The folder holds `study.journal`, which any number of such commands share, a workdir for each trial,
its log beside it, and the table, `table.md` and `table.json`. A trial is an
ordinary training; what its monitoring finds (`best.json`) is reported to the study.
"""

from __future__ import annotations

import datetime
import importlib.util
import json
import math
import os
import pathlib
import shutil
import uuid
from collections.abc import Callable
from typing import Any

from calojax import interruption
from calojax.commands import jobs, search_space, search_study, search_table
from calojax.commands.jobs import Task
from calojax.commands.search_space import Search
from calojax.exit_codes import DIVERGED, DONE, UNEXPECTED
from calojax.files import Lease

RUN = 'run'  # attribute of a trial: the number of the trial that began its training
OWNER = 'process'  # attribute of a trial: of the process that runs it
PROCESSES = 'processes'
YOUNG = 60.0  # seconds after which a trial that no process has called its own is nobody's
EXTRA = 'pip install "calojax[search]"'


def searching(
  file: str, folder: str | None = None, workers: int = 1, engine: str = jobs.LOCAL
) -> Callable[[], int]:
  """Runs the trials of a search's file, or those that are left of them, checked first: a function
  that does it and returns the exit code.

  Args:
    file: as `search_space` describes it.
    folder: of the search; by default `runs/NAME` of the file.
    workers: trials at a time that this process runs.
    engine: where they run, of `jobs.ENGINES`.

  Raises:
    ValueError: the file does not do, Optuna is not there, or the folder has another search.
  """
  if importlib.util.find_spec('optuna') is None:
    raise ValueError(f'--search={file} needs Optuna: {EXTRA}')
  search = search_space.read(file)
  jobs.check(engine, workers)
  path = pathlib.Path(folder or os.path.join('runs', pathlib.Path(file).stem))
  if path.exists() and not path.is_dir():
    raise ValueError(f'{path} is a file, expected the folder of a search')

  def work() -> int:
    """Runs the trials and writes their table."""
    interruption.begin(None)
    path.mkdir(parents=True, exist_ok=True)
    trials = Trials(search, path)
    try:
      jobs.Runner(trials, jobs.engine(engine, path, workers), path, workers).run()
    finally:
      trials.release()
    print(search_table.write(path, search, trials.study), flush=True)
    return trials.code

  return work


class Trials:
  """The trials of a study in a folder, some of which other processes may run.

  Attributes:
    study: Optuna's.
    code: DONE, or that of the first trial that failed.

  Raises:
    ValueError: the folder has another search.
  """

  def __init__(self, search: Search, folder: pathlib.Path):
    self._search, self._folder, self.code = search, folder, DONE
    self.study = search_study.opened(search, folder)
    self._distributions = {
      key: search_study.distribution(tried) for key, tried in search.space.items()
    }
    self._running: dict[str, Any] = {}
    self._reported: dict[str, set[int]] = {}
    self._name = uuid.uuid4().hex
    self._process(self._name).mkdir(parents=True)
    self._lease = Lease(self._process(self._name), 'search')
    self._take_over()

  def _process(self, name: str) -> pathlib.Path:
    """The folder that a process holds while it lives."""
    return self._folder / PROCESSES / name

  def next(self) -> Task | None:
    """The next trial, one that was interrupted first."""
    from optuna.trial import TrialState  # pyright: ignore[reportMissingImports]

    trials = self.study.get_trials(deepcopy=False)
    waiting = any(trial.state == TrialState.WAITING for trial in trials)
    if not waiting and len(search_table.runs(self.study)) >= self._search.trials:
      return None
    trial = self.study.ask(self._distributions)
    run = trial.user_attrs.get(RUN, trial.number)
    trial.set_user_attr(OWNER, self._name)
    trial.set_user_attr(RUN, run)
    name = f'{run:04d}'
    self._running[name], self._reported[name] = trial, set()
    words = self._search.words(search_study.values(self._search, trial.params))
    return Task(name, words, f'--workdir={self._folder / name}')

  def hopeless(self, task: Task) -> bool:
    """Reports what a trial's monitoring has found since; whether the pruner gives it up."""
    trial = self._running[task.name]
    for step, value in monitored(self._folder / task.name):
      if step not in self._reported[task.name]:
        self._reported[task.name].add(step)
        trial.report(value, step)
        if trial.should_prune():
          trial.set_user_attr('pruned', step)
          return True
    return False

  def note(self, task: Task, code: int, again: bool) -> None:
    """Tells the study how a trial ended."""
    from optuna.trial import TrialState  # pyright: ignore[reportMissingImports]

    if again:
      return
    self.hopeless(task)  # its last figures
    trial = self._running.pop(task.name)
    found = [value for _, value in monitored(self._folder / task.name)]
    if code == DONE and found:
      best = min(found) if self._search.smallest else max(found)
      self.study.tell(trial, best, skip_if_finished=True)
    elif code == DIVERGED or 'pruned' in trial.user_attrs:
      if 'pruned' in trial.user_attrs:
        print(f'{task.name} pruned at step {trial.user_attrs["pruned"]}', flush=True)
      self.study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
    else:
      self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
      self.code = self.code or (code if code > 0 else UNEXPECTED)

  def told(self) -> str:
    """How many have ended."""
    ended = sum(run['ended'] for run in search_table.runs(self.study))
    return f'{ended} of {self._search.trials} trials'

  def release(self) -> None:
    """Lets other processes take over what was interrupted."""
    self._lease.release()
    shutil.rmtree(self._process(self._name), ignore_errors=True)

  def _take_over(self) -> None:
    """Has trials run again whose process has gone: their trainings go on."""
    from optuna.trial import TrialState  # pyright: ignore[reportMissingImports]

    for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
      if self._lives(trial):
        continue
      run = trial.user_attrs.get(RUN, trial.number)
      try:
        self.study.tell(trial.number, state=TrialState.FAIL)
      except ValueError:  # somebody else has just taken it over
        continue
      self.study.enqueue_trial(trial.params, user_attrs={RUN: run})

  def _lives(self, trial: Any) -> bool:
    """Whether the process of a trial is there; of one that has just begun it is not known yet."""
    owner = trial.user_attrs.get(OWNER)
    if owner is None:
      age = datetime.datetime.now() - trial.datetime_start
      return age.total_seconds() < YOUNG
    if not self._process(owner).is_dir():
      return False
    try:
      Lease(self._process(owner), 'search').release()
    except ValueError:
      return True
    return False


def monitored(run: pathlib.Path) -> list[tuple[int, float]]:
  """Steps and figures that a training has monitored so far."""
  try:
    kept = json.loads((run / 'best.json').read_text(encoding='utf-8'))
    found = [(int(step), value) for step, value in kept['monitored']]
  except (OSError, ValueError, KeyError, TypeError):  # not yet there
    return []
  return [(step, value) for step, value in found if value is not None and math.isfinite(value)]
