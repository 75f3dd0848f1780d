"""Measures the peak memory of whole trainings, from the command line to the written evaluation, of
showers of 6,480 cells: few that say what the program itself needs, and 50,000 (1.3 GB) in memory
and streamed.

  PYTHONPATH=.:tests:configs python experiments/reliability/memory.py

A training that is streamed twenty times as long shows whether memory grows with the steps.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any, NamedTuple

import numpy as np

import tiny
from calojax import data
from calojax.detectors import CALOCHALLENGE_2
from calojax.files import write_text
from calojax.provenance import origin
from calojax.showers import Condition, Shower

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIECE = 2000  # showers made at a time
# ru_maxrss is in KiB, on macOS in bytes.
UNIT = 1 if sys.platform == 'darwin' else 2**10


class Case(NamedTuple):
  """A training: how many showers, `data.memory_gib` and steps."""

  showers: int
  memory_gib: float
  steps: int


CASES = {
  'what the program needs': Case(2_000, 4.0, 50),
  'in memory': Case(50_000, 4.0, 50),
  'streamed': Case(50_000, 1.0, 50),
  'streamed, twenty times as long': Case(50_000, 1.0, 1000),
}


def write(path: pathlib.Path, count: int) -> None:
  """A file of showers of data set 2 of the CaloChallenge: one voxel in ten is lit."""
  rng = np.random.default_rng(16)
  cells = CALOCHALLENGE_2.cells
  with data.Writer(path, CALOCHALLENGE_2, {'origin': 'noise in a tenth of the voxels'}) as writer:
    for _ in range(count // PIECE):
      energy = 10 ** rng.uniform(3, 6, PIECE)
      shares = rng.random((PIECE, cells), np.float32)
      shares = np.where(shares < 0.1, shares, 0)
      deposits = shares / shares.sum(1, keepdims=True) * energy[:, None]
      writer.append(Shower(deposits.astype(np.float32), Condition.of(energy)))


def peak(path: pathlib.Path, case: Case, workdir: pathlib.Path) -> float:
  """The largest resident memory of a training, GiB.

  Raises:
    RuntimeError: it fails.
  """
  flags = tiny.flags(
    'voxel',
    data__source=str(path),
    data__binning='',
    data__memory_gib=case.memory_gib,
    train__steps=case.steps,
    train__checkpoint_every=case.steps,
    train__monitor_every=case.steps,
    evaluation__metrics=(),  # all but the networks, as a training has it
  )
  command = [sys.executable, '-m', 'calojax.main', '--config=configs/voxel.py', *flags]
  process = subprocess.Popen(
    [*command, f'--workdir={workdir}'], cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}
  )
  _, status, used = os.wait4(process.pid, 0)
  if status:
    raise RuntimeError(f'the training ends with status {status}: {" ".join(command)}')
  return used.ru_maxrss * UNIT / 2**30


def main() -> None:
  parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
  parser.add_argument('--output', default='experiments/results/memory.json')
  parser.add_argument('--cases', type=int, default=len(CASES), help='the first so many')
  flags = parser.parse_args()
  path = pathlib.Path(flags.output)
  rows: dict[str, Any] = {}
  with tempfile.TemporaryDirectory() as folder:
    for name, case in list(CASES.items())[: flags.cases]:
      showers = pathlib.Path(folder) / f'{case.showers}.h5'
      if not showers.exists():
        write(showers, case.showers)
      rows[name] = {
        **case._asdict(),
        'cells': CALOCHALLENGE_2.cells,
        'showers_gib': case.showers * CALOCHALLENGE_2.cells * 4 / 2**30,
        'peak_gib': peak(showers, case, pathlib.Path(folder) / f'run{len(rows)}'),
      }
      print(name, rows[name], flush=True)
      write_text(path, json.dumps({'meta': origin(), 'rows': rows}, indent=1) + '\n')


if __name__ == '__main__':
  main()
