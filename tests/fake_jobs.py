"""Jobs of a few lines in the place of trainings, and processes that run sweeps of them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
import time

from conftest import ROOT

# A training of a few lines: what becomes of it is told by its seed and by how often it was started.
JOB = """
import json, os, pathlib, signal, sys, time
given = dict(word[2:].split('=', 1) for word in sys.argv[1:])
folder, seed = pathlib.Path(given['workdir']), int(given['config.seed'])
folder.mkdir(exist_ok=True)
tries = folder / 'tries'
before = len(tries.read_text()) if tries.exists() else 0
tries.write_text('x' * (before + 1))
if seed == 1 and not before:
  sys.exit(75)
if seed == 2 and not before or seed == 4:
  os.kill(os.getpid(), signal.SIGKILL)
if seed == 3:
  sys.exit('calojax: no such shower')
if seed == 5 and not before:
  signal.signal(signal.SIGTERM, lambda *args: sys.exit(75))
  time.sleep(60)
result = folder / 'evaluation' / '8'
result.mkdir(parents=True, exist_ok=True)
figures = {'prd_auc/raw': {'value': 0.1 * seed}, 'curves': {}, 'meta': {'step': 8}}
(result / 'summary.json').write_text(json.dumps(figures))
"""
# A sweep of such jobs as a process of its own: JOB FILE FOLDER ENGINE.
DOOR = """
import sys
from calojax import interruption
interruption.listen()
from calojax.commands import outcome, sweep
from calojax.commands.jobs import local
local.COMMAND = (sys.executable, sys.argv[1])
work = lambda: sweep.sweeping(sys.argv[2], sys.argv[3], 2, sys.argv[4])()
interruption.leave(outcome.outcome(work))
"""


def planned(tmp_path, text) -> str:
  (tmp_path / 'sweep.toml').write_text(text)
  return str(tmp_path / 'sweep.toml')


@contextlib.contextmanager
def process(folder, engine='local', door=DOOR, **environment):
  """A running sweep of `folder/sweep.toml` in `folder/runs`; killed at the end if it still runs."""
  words = [folder / 'job.py', folder / 'sweep.toml', folder / 'runs', engine]
  started = subprocess.Popen(
    [sys.executable, '-c', door, *map(str, words)],
    cwd=ROOT,
    env={**os.environ, **environment},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  try:
    yield started
  finally:
    started.kill()
    started.communicate()


def until(condition):
  limit = time.monotonic() + 100
  while not condition():
    assert time.monotonic() < limit
    time.sleep(0.05)


def alive(number) -> bool:
  """Whether a process is there, and no zombie."""
  with contextlib.suppress(OSError):
    return pathlib.Path(f'/proc/{number}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
  return False
