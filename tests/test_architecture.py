"""The house rules: imports go down the levels and never in a circle, and what is to stay light
imports nothing heavy.
"""

import ast
import configparser
import pathlib
import subprocess
import sys

import pytest

from conftest import ROOT

# From the ground up; a room may import its own level and those below. docs/developing shows it.
LEVELS = {
  'ground': {
    'units': 'MeV, mm, rad: what loaders and writers multiply by',
    'registry': 'looking a part up by name: a literal dict, and what plug-ins bring',
    'files': 'files and folders that are there whole or not at all',
    'exit_codes': 'what a process tells the batch system',
    'interruption': 'SIGTERM and SIGINT, noted and looked at',
    'config': 'what every system has, a room for each method, checks, migrations, shipped configs',
    'geometry': 'where a cell is',
    'showers': 'a shower and the particle that made it',
    'provenance': 'where a figure comes from: code, machine',
    'zoo': 'trained generators that come with the package',
  },
  'physics': {
    'detectors': 'the detectors known by name',
    'spectrum': 'particles that stand for the training spectrum',
    'observables': 'every observable, defined once for numpy and jax',
  },
  'showers': {
    'data': 'a loader a format, the writer, batches, the embedded showers',
    'inference': 'showers from a trained generator, without its training',
  },
  'judges and sources': {
    'simulation': 'Geant4: calorimeters and guns as data, jobs, chunks, models in its runs',
    'evaluation': 'metrics, figures, report: numpy, and jax for the classifier alone',
    'models': 'networks, and the convolutions that are fast everywhere',
  },
  'methods': {'methods': 'ways to train a generator: losses, transforms, states, build'},
  'runs': {
    'training': 'loop, feed, run, checkpoints, workdir, callbacks, gates, monitor, trackers',
    'export': 'ONNX, StableHLO, card, adapters',
  },
  'commands': {
    'commands': 'the table of flags, and each command: check first, then return the work'
  },
  'doors': {
    '': 'the public names, imported when they are asked for',
    'console': 'the command `calojax`',
    'main': 'the same commands as `python -m calojax.main --mode=COMMAND`',
    'simulate': '`calojax simulate` as `python -m calojax.simulate`',
  },
}
LEVEL = {room: number for number, rooms in enumerate(LEVELS.values()) for room in rooms}
JAX = {'jax', 'jaxlib', 'flax', 'optax', 'orbax', 'chex'}
# Inside a function, where one is asked for.
RUN_NETWORKS = ('classifier.py', 'runtimes.py')
SOURCES = sorted((ROOT / 'calojax').rglob('*.py'))


def name_of(path: pathlib.Path) -> str:
  """The full name of a module."""
  return '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


MODULES = {name_of(path): path for path in SOURCES}


def room(path: pathlib.Path) -> str:
  """The part of the package a file belongs to."""
  first = path.relative_to(ROOT / 'calojax').parts[0]
  return '' if first == '__init__.py' else first.removesuffix('.py')


def imported(path: pathlib.Path) -> set[str]:
  """Full names of what a file imports, wherever in it."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      names |= {f'{node.module}.{alias.name}' for alias in node.names}
  return names


def needed(path: pathlib.Path) -> set[str]:
  """The modules of the package that a file imports: `from a import b` needs a.b if that is a
  module, else a.
  """
  found = set()
  for name in imported(path):
    module = name if name in MODULES else name.rpartition('.')[0]
    if module in MODULES and module != name_of(path):
      found.add(module)
  return found


def test_every_room_has_a_level():
  assert {room(path) for path in SOURCES} == set(LEVEL)


def test_few_files_lie_at_the_top():
  assert len(list((ROOT / 'calojax').glob('*.py'))) <= 14


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
  level = LEVEL[room(path)]
  for name in imported(path):
    parts = name.split('.')
    if parts[0] == 'calojax' and len(parts) > 1 and parts[1] in LEVEL:
      above = LEVEL[parts[1]]
      assert above <= level, f'{room(path)} (level {level}) imports {name} (level {above})'
    light = level <= LEVEL['data'] or room(path) == 'evaluation'
    if light and path.name not in RUN_NETWORKS:
      assert parts[0] not in JAX, f'{path.name} imports {name}'


def circle(arrows: dict[str, set[str]]) -> list[str]:
  """The names on one circle of these arrows, or none."""
  done: set[str] = set()

  def walk(name: str, way: list[str]) -> list[str]:
    if name in way:
      return way[way.index(name) :]
    if name not in done:
      for target in sorted(arrows.get(name, ())):
        if found := walk(target, [*way, name]):
          return found
    done.add(name)
    return []

  return next((found for name in sorted(arrows) if (found := walk(name, []))), [])


def test_no_file_imports_itself_through_others():
  assert circle({'a': {'b'}, 'b': {'c'}, 'c': {'b'}}) == ['b', 'c']
  arrows = {name: needed(path) for name, path in MODULES.items()}
  arrows['calojax'] = set()  # the face hands names on, and everybody may read the version in it
  assert circle(arrows) == []


def test_rooms_do_not_import_each_other_in_a_circle():
  arrows: dict[str, set[str]] = {}
  for path in SOURCES:
    targets = {room(MODULES[name]) for name in needed(path)} - {room(path), ''}
    arrows.setdefault(room(path), set()).update(targets)
  arrows[''] = set()  # as above
  assert circle(arrows) == []


def test_help_loads_nothing_heavy():
  command = [sys.executable, '-X', 'importtime', '-m', 'calojax.main', '--help']
  process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
  assert '--layout=NAME: ' in process.stdout
  loaded = {line.rsplit('|', 1)[-1].strip() for line in process.stderr.splitlines()}
  heavy = {'jax', 'flax', 'sklearn', 'matplotlib', 'h5py', 'numpy'}
  assert 'absl.flags' in loaded and not loaded & heavy


def test_a_wheel_holds_every_package_and_the_configs():
  settings = configparser.ConfigParser()
  settings.read(ROOT / 'setup.cfg')
  listed = set(settings['options']['packages'].split())
  here = {'.'.join(path.parent.relative_to(ROOT).parts) for path in SOURCES}
  assert listed == here | {'calojax.configs', 'calojax.configs.published'}


def test_no_extra_has_a_name_that_setuptools_leaves_out():
  settings = configparser.ConfigParser()
  settings.read(ROOT / 'setup.cfg')
  # In a virtual environment, as pip builds in, `parse_config_files` skips these in every section.
  skipped = {'prefix', 'exec-prefix', 'home', 'user', 'root'}
  assert not skipped & set(settings['options.extras_require'])
