"""The study of a search: what Optuna keeps of it, and how it draws values."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from calojax.commands.search_space import Choice, Range, Search

JOURNAL = 'study.journal'
NAME = 'search'


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
