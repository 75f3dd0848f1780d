"""Nonsense values in configs, read in this process and by whole commands."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from outcomes import Outcome, Seed, of_process
from processes import command, ended, training

import tiny
from calojax import data
from calojax.showers import take

NONSENSE = (math.nan, math.inf, -math.inf, -1, -1e9, 'nonsense', '', [], None, {'a': 1})


def nonsense(rng: np.random.Generator, config: Any) -> tuple[str, Any]:
  """A key of the config and a value that is seldom meant."""
  from calojax.config import flatten

  keys = sorted(flatten(config.to_dict()))
  return keys[rng.integers(len(keys))], NONSENSE[rng.integers(len(NONSENSE))]


def begun(config: Any) -> None:
  """All that a training does with a config before it writes anything, but for the division of the
  data.
  """
  from calojax.training import run, sharding
  from calojax.training.loop import steps_per_dispatch

  found = data.load(config.data.source)
  few = take(found.showers, slice(64))
  steps_per_dispatch(config)
  run.built(config, found.geometry, few, sharding.data_mesh())


def configs(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Single nonsense values in configs of all systems, in this process.

  A value that a config may hold (-1 as a seed, say) counts as unchanged.
  """
  from calojax.config import check

  rng = np.random.default_rng((3, *seed))
  for number in range(count):
    name = tiny.SYSTEMS[number % len(tiny.SYSTEMS)]
    config = tiny.full_config(name)
    key, value = nonsense(rng, config)
    words = f'{name} {key}={value!r}'
    try:
      config.update_from_flattened_dict({key: value})
      begun(check(config))
      yield Outcome('unchanged', words)
    except (ValueError, TypeError, KeyError) as error:  # TypeError is the type check of the flag
      yield Outcome('refused', f'{words}: {error}')
    except Exception as error:
      yield Outcome('traceback', f'{words}: {error!r}')


def asked(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Single nonsense values as flags of a whole command, a small training that may begin."""
  rng = np.random.default_rng((8, *seed))
  for number in range(count):
    small = training(folder, f'run{number}')
    key, value = nonsense(rng, tiny.config('published/cnn'))
    process = ended(command(*small, f'--config.{key}={value}'))
    yield of_process(process, f'--config.{key}={value}', 'unchanged')
