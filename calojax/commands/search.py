"""`calojax sweep --search=FILE`: values of a config that are searched for with Optuna.

The folder holds `study.journal`, which any number of such commands share, a folder for each trial
with its workdir `run`, its log beside it, and the table, `table.md` and `table.json`. A trial is an
ordinary training; what its monitoring finds (`best.json`) is reported to the study.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import pathlib
from collections.abc import Callable
from typing import Any

from calojax import interruption
from calojax.commands import jobs, search_space, search_table
from calojax.commands.jobs import Task
from calojax.commands.search_space import Choice, Range, Search
from calojax.exit_codes import DIVERGED, DONE, UNEXPECTED
from calojax.files import Lease

JOURNAL = 'study.journal'
NAME = 'search'
RUN = 'run'  # attribute of a trial: the number of the trial that began its training
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
    self.study = opened(search, folder)
    self._distributions = {key: distribution(tried) for key, tried in search.space.items()}
    self._running: dict[str, tuple[Any, Lease]] = {}
    self._reported: dict[str, set[int]] = {}
    self._take_over()

  def next(self) -> Task | None:
    """The next trial, one that was interrupted first."""
    from optuna.trial import TrialState  # pyright: ignore[reportMissingImports]

    while True:
      trials = self.study.get_trials(deepcopy=False)
      waiting = any(trial.state == TrialState.WAITING for trial in trials)
      if not waiting and len(search_table.runs(self.study)) >= self._search.trials:
        return None
      trial = self.study.ask(self._distributions)
      run = trial.user_attrs.get(RUN, trial.number)
      trial.set_user_attr(RUN, run)
      name = f'{run:04d}'
      (self._folder / name).mkdir(exist_ok=True)
      with contextlib.suppress(ValueError):  # another process has just taken it over
        self._running[name] = trial, Lease(self._folder / name, 'search')
        self._reported[name] = set()
        words = self._search.words(values(self._search, trial.params))
        return Task(name, words, f'--workdir={self._folder / name / "run"}')

  def hopeless(self, task: Task) -> bool:
    """Reports what a trial's monitoring has found since; whether the pruner gives it up."""
    trial, _ = self._running[task.name]
    for step, value in monitored(self._folder / task.name / 'run'):
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
    trial, lease = self._running.pop(task.name)
    found = [value for _, value in monitored(self._folder / task.name / 'run')]
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
    lease.release()

  def told(self) -> str:
    """How many have ended."""
    ended = sum(run['ended'] for run in search_table.runs(self.study))
    return f'{ended} of {self._search.trials} trials'

  def release(self) -> None:
    """Lets other processes take over what was interrupted."""
    for _, lease in self._running.values():
      lease.release()

  def _take_over(self) -> None:
    """Has trials run again whose process has gone: their trainings go on."""
    from optuna.trial import TrialState  # pyright: ignore[reportMissingImports]

    for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
      run = trial.user_attrs.get(RUN, trial.number)
      (self._folder / f'{run:04d}').mkdir(exist_ok=True)
      try:
        Lease(self._folder / f'{run:04d}', 'search').release()
        self.study.tell(trial.number, state=TrialState.FAIL)
      except ValueError:  # it lives, or somebody else has taken it over
        continue
      self.study.enqueue_trial(trial.params, user_attrs={RUN: run})


def opened(search: Search, folder: pathlib.Path) -> Any:
  """The study of a folder, made if it is not there.

  Raises:
    ValueError: it is of another search.
  """
  import optuna  # pyright: ignore[reportMissingImports]
  from optuna.storages import JournalStorage  # pyright: ignore[reportMissingImports]
  from optuna.storages.journal import JournalFileBackend  # pyright: ignore[reportMissingImports]

  optuna.logging.set_verbosity(optuna.logging.ERROR)
  storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
  study = optuna.create_study(
    storage=storage,
    study_name=NAME,
    load_if_exists=True,
    direction='minimize' if search.smallest else 'maximize',
    pruner=optuna.pruners.MedianPruner(search.startup, search.warmup),
  )
  # Processes with one seed would all ask for the same.
  seed = search.seed + len(study.get_trials(deepcopy=False))
  study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
  now = json.loads(json.dumps(_known(search), default=str))
  before = study.user_attrs.get('search', now)
  for key in sorted({*now, *before}):
    if before.get(key) != now.get(key):
      raise ValueError(
        f'{folder} holds another search, {key} {before.get(key)}, now {now.get(key)}: expected '
        'another folder'
      )
  study.set_user_attr('search', now)
  return study


def _known(search: Search) -> dict[str, Any]:
  """What makes a search another one, by key."""
  told = {key: value for key, value in search._asdict().items() if key not in ('trials', 'space')}
  return told | {f'space.{key}': tuple(tried) for key, tried in search.space.items()}


def distribution(tried: Range | Choice) -> Any:
  """What Optuna draws a value from."""
  from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # pyright: ignore[reportMissingImports]

  if isinstance(tried, Choice):
    return CategoricalDistribution([_plain(value) for value in tried.values])
  if tried.whole:
    low, high, step = int(tried.low), int(tried.high), int(tried.step or 1)
    return IntDistribution(low, high, log=tried.log, step=step)
  return FloatDistribution(tried.low, tried.high, log=tried.log, step=tried.step)


def values(search: Search, drawn: dict[str, Any]) -> dict[str, Any]:
  """Values of the config that were drawn, by flat key."""
  found = {}
  for key, value in drawn.items():
    tried = search.space[key]
    choices = tried.values if isinstance(tried, Choice) else ()
    found[key] = next((choice for choice in choices if _plain(choice) == value), value)
  return found


def _plain(value: Any) -> Any:
  """A choice as Optuna keeps it: a list as text."""
  return str(value) if isinstance(value, tuple) else value


def monitored(run: pathlib.Path) -> list[tuple[int, float]]:
  """Steps and figures that a training has monitored so far."""
  try:
    kept = json.loads((run / 'best.json').read_text(encoding='utf-8'))
    found = [(int(step), value) for step, value in kept['monitored']]
  except (OSError, ValueError, KeyError, TypeError):  # not yet there
    return []
  return [(step, value) for step, value in found if value is not None and math.isfinite(value)]
