"""The house rules: imports go down the levels only, and what is to stay light imports nothing
heavy.
"""

import ast
import pathlib
import subprocess
import sys

import pytest

from conftest import ROOT

LEVELS = [
  {
    '',
    'units',
    'geometry',
    'showers',
    'registry',
    'files',
    'exit_codes',
    'observables',
    'detectors',
    'config',
    'allocation',
    'provenance',
    'spectrum',
    'zoo',
    'runtimes',
    'inference',
  },
  {'data', 'evaluation', 'transforms', 'losses', 'state', 'sharding', 'convolutions', 'kdtree'},
  {'models', 'simulation'},
  {'methods'},
  {
    'build',
    'checkpoint',
    'workdir',
    'train',
    'reports',
    'sample',
    'run',
    'judge',
    'pretrain',
    'comparison',
    'sampling',
    'export',
  },
  {'modes', 'main', 'simulate'},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
JAX = {'jax', 'jaxlib', 'flax', 'optax', 'orbax', 'chex'}
RUN_NETWORKS = ('classifier.py', 'runtimes.py')  # inside a function, where one is asked for
SOURCES = sorted((ROOT / 'calojax').rglob('*.py'))


def room(path: pathlib.Path) -> str:
  """The part of the package a file belongs to."""
  first = path.relative_to(ROOT / 'calojax').parts[0]
  return '' if first == '__init__.py' else first.removesuffix('.py')


def imported(path: pathlib.Path) -> set[str]:
  """Full names of what a file imports."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      names |= {f'{node.module}.{alias.name}' for alias in node.names}
  return names


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
  level = LEVEL[room(path)]
  for name in imported(path):
    parts = name.split('.')
    if parts[0] == 'calojax' and len(parts) > 1 and parts[1] in LEVEL:
      assert LEVEL[parts[1]] <= level, (
        f'{room(path)} (level {level}) imports {name} (level {LEVEL[parts[1]]})'
      )
    if (level == 0 or room(path) in ('data', 'evaluation')) and path.name not in RUN_NETWORKS:
      assert parts[0] not in JAX, f'{path.name} imports {name}'


def test_help_loads_nothing_heavy():
  command = [sys.executable, '-X', 'importtime', '-m', 'calojax.main', '--help']
  process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
  assert '--layout: ' in process.stdout
  loaded = {line.rsplit('|', 1)[-1].strip() for line in process.stderr.splitlines()}
  assert 'absl.flags' in loaded and not loaded & {
    'jax',
    'flax',
    'sklearn',
    'matplotlib',
    'h5py',
    'numpy',
  }
