"""Whole commands that are given nonsense values and damaged files."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import cases
import numpy as np
import values
from outcomes import Outcome, Seed, of_process
from processes import command, ended

GIVEN = {  # by reader of `cases`, a command that reads the file or its folder
  'showers': lambda path, output: (
    '--mode=evaluate',
    f'--reference={path}',
    f'--generated={path}',
    '--noclassifier',
    f'--output={output}',
  ),
  'particles': lambda path, output: (
    '--mode=sample',
    '--model=lhcb_ecal',
    f'--conditions={path}',
    f'--output={output}',
  ),
  'workdir': lambda path, output: (
    '--mode=sample',
    f'--workdir={path.parent}',
    '--count=10',
    f'--output={output}',
  ),
  'exported': lambda path, output: (
    '--mode=sample',
    f'--model={path.parent}',
    '--count=10',
    f'--output={output}',
  ),
}


def commands(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Half nonsense values of a training, half damaged files of a sampling or an evaluation."""
  yield from values.asked(count // 2, seed, folder)
  yield from damaged(count - count // 2, seed, folder)


def damaged(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Files of others, of version 0.1.0 and exported models, damaged and given to a whole command;
  where it ends well the file's numbers are as they were or cannot be known.
  """
  rng = np.random.default_rng((9, *seed))
  for place in ('old', 'new'):
    (folder / place).mkdir()
  sources = cases.others(folder / 'old')
  sources = {
    'showers': sources['showers'],
    'particles': sources['particles'],
    'workdir': sources['workdir'],
    'exported': cases.written(folder / 'new')['exported'],
  }
  for number in range(count):
    reader = list(sources)[number % len(sources)]
    path = sources[reader][rng.integers(len(sources[reader]))]
    whole = path.read_bytes()
    path.write_bytes(cases.mutate(rng, whole))
    process = ended(command(*GIVEN[reader](path, folder / f'output{number}')))
    path.write_bytes(whole)
    yield of_process(process, f'{reader} {path.name} fault {number}', 'unknowable')
