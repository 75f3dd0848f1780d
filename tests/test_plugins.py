"""Plug-ins: the example of docs/extend installed by pip and used from data to exported file, and
packages that are at fault.
"""

import json
import os
import subprocess
import sys

import h5py
import pytest

from calojax import data, models, registry
from calojax.config import shipped
from conftest import ROOT, stored

for needed in ('jax', 'onnx', 'onnxruntime', 'setuptools'):
  pytest.importorskip(needed)

TINY = {
  'train.steps': 4,
  'train.batch': 8,
  'train.log_every': 2,
  'train.checkpoint_every': 4,
  'train.monitor_every': 4,
  'evaluation.clusters': 5,
  'evaluation.runs': 1,
  'evaluation.metrics': ('core', 'response'),
  'evaluation.pictures': False,
}
# The showers of the middle of the embedded calorimeter, in the plug-in's own format.
BEAM = """
from calojax import data, detectors
from calojax.showers import Shower, take
(energies, condition), _, _ = data.load('lhcb_ecal')
middle = energies.reshape(-1, 30, 30)[:, 9:21, 9:21].reshape(-1, 144)
with data.Writer('beam.h5', detectors.DETECTORS['testbeam'], {}, 'towers') as writer:
  writer.append(take(Shower(middle, condition), slice(200)))
from calojax.simulation import calorimeters
assert calorimeters.load('testbeam').geometry.cells == 144
"""


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
  """A folder to work in and the environment in which the example is installed."""
  folder = tmp_path_factory.mktemp('plugins')
  source = folder / 'source'  # pip builds beside the sources
  subprocess.run(['cp', '-r', ROOT / 'docs' / 'extend', source], check=True)
  options = ['--no-deps', '--no-build-isolation', '--no-index', '--quiet', '--target']
  pip = [sys.executable, '-m', 'pip', 'install', *options, folder / 'site', source]
  done = subprocess.run(pip, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  paths = os.pathsep.join(map(str, (folder / 'site', ROOT)))
  return folder, {**os.environ, 'PYTHONPATH': paths, 'JAX_PLATFORMS': 'cpu'}


def run(installed, *words, plain=False):
  """What a Python command prints, in the folder; `plain` is without the plug-in."""
  folder, environment = installed
  environment = {**environment, 'PYTHONPATH': str(ROOT)} if plain else environment
  command = [sys.executable, *map(str, words)]
  done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  return done.stdout


def test_a_package_brings_detector_format_network_and_metric(installed):
  folder, _ = installed
  run(installed, '-c', BEAM)
  command = ('-m', 'calojax.console')
  assert 'generator of calojax-testbeam 1.0' in run(installed, *command, 'list', 'plug-ins')
  flags = [f'--config.{key}={value}' for key, value in TINY.items()]
  run(installed, *command, 'train', 'testbeam', *flags, '--workdir=run')
  (summary,) = (folder / 'run' / 'evaluation').glob('*/summary.json')
  figures = json.loads(summary.read_text())
  assert {'value', 'error', 'floor'} <= set(figures['testbeam/core'])
  assert json.loads((folder / 'run' / 'config.json').read_text())['generator']['name'] == 'profiles'
  (began,) = json.loads((folder / 'run' / 'history.json').read_text())
  assert began['plugins'] == ['calojax-testbeam 1.0']

  run(installed, *command, 'sample', 'run', '--count=30', '--output=made.h5', '--layout=towers')
  with h5py.File(folder / 'made.h5') as file:
    assert stored(file, 'towers').shape == (30, 12, 12) and file.attrs['format'] == 'towers'
  assert 'layout towers' in run(installed, *command, 'show', 'made.h5')
  run(installed, *command, 'export', 'run', '--output=model')
  # What is exported needs nothing of the plug-in.
  code = 'import calojax; print(calojax.load("model").generate([2e4] * 3).shape)'
  assert run(installed, '-c', code, plain=True).strip() == '(3, 144)'


def test_a_run_whose_plug_in_is_missing_says_so(tmp_path):
  with pytest.raises(ValueError, match="no generator 'profiles'.* plug-in"):
    registry.find(models.GENERATORS, 'profiles', 'generator')


@pytest.fixture
def package(tmp_path, monkeypatch):
  """A function that installs a package of these modules and entry points, by hand."""
  monkeypatch.syspath_prepend(str(tmp_path))
  registry.plugins.cache_clear()

  def install(name, entries, **modules):
    folder = tmp_path / f'{name}-1.0.dist-info'
    folder.mkdir()
    (folder / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n')
    lines = [f'{key} = {value}' for key, value in entries.items()]
    (folder / 'entry_points.txt').write_text('\n'.join([f'[{registry.GROUP}]', *lines]))
    for module, text in modules.items():
      (tmp_path / f'{module}.py').write_text(text)

  yield install
  registry.plugins.cache_clear()


def test_nothing_is_imported_before_it_is_asked_for(package):
  package('lazy', {'generator.lazy': 'calojax_lazy:make'}, calojax_lazy='def make(): return 7')
  assert 'lazy' in models.GENERATORS and 'calojax_lazy' not in sys.modules
  assert registry.find(models.GENERATORS, 'lazy', 'generator')() == 7
  assert 'calojax_lazy' in sys.modules


def test_a_name_that_is_taken_is_refused(package):
  package('greedy', {'generator.cnn': 'json:loads', 'generator.own': 'json:loads'})
  package('other', {'generator.own': 'json:dumps'})
  expected = "plug-in package greedy 1.0: generator 'cnn' has the name of one of calojax"
  with pytest.raises(ValueError, match=expected):
    registry.find(models.GENERATORS, 'cnn', 'generator')
  with pytest.raises(ValueError, match="greedy 1.0: generator 'own' .* one of other 1.0"):
    registry.find(models.GENERATORS, 'own', 'generator')
  assert registry.find(models.GENERATORS, 'voxel', 'generator')  # who needs neither goes on
  assert list(models.GENERATORS).count('cnn') == 1


@pytest.mark.parametrize(
  'text, reason',
  [
    ('import no_such_library', "ModuleNotFoundError: No module named 'no_such_library'"),
    ('def f(:', 'SyntaxError'),
    ('x = 1', "AttributeError: module 'calojax_broken' has no attribute 'part'"),
    ('part = 1', 'is of type int, expected a calojax.data.layouts.Layout'),
  ],
)
def test_a_broken_package_stops_only_who_needs_it(
  package, few, tmp_path, text, reason, monkeypatch
):
  monkeypatch.delitem(sys.modules, 'calojax_broken', raising=False)
  package('broken', {'layout.broken': 'calojax_broken:part'}, calojax_broken=text)
  with pytest.raises(ValueError, match='plug-in package broken 1.0: layout .broken. ') as refused:
    registry.find(data.LAYOUTS, 'broken', 'layout')
  assert reason in str(refused.value) and '\n' not in str(refused.value)
  path = tmp_path / 'showers.h5'
  with data.Writer(path, data.load('lhcb_ecal').geometry, {}) as writer:
    writer.append(few)
  with pytest.warns(UserWarning, match='plug-in package broken 1.0.*it is left out'):
    assert len(data.read(path).showers.energies) == len(few.energies)


def test_an_unknown_kind_is_told(package):
  package('strange', {'generater.mine': 'json:loads'})
  with pytest.warns(UserWarning, match="package strange 1.0: entry point 'generater.mine'"):
    assert registry.plugins() == ()


def test_systems_of_packages_are_configs(package):
  package('systems', {'system.mine': 'calojax_mine'}, calojax_mine='"""A system."""')
  assert shipped.path('mine').endswith('calojax_mine.py')
  assert shipped.path('cnn').endswith('cnn.py')


def test_metrics_of_packages_are_in_every_report(package):
  from calojax.evaluation import named

  metric = 'from calojax.evaluation.named import Metric\nmine = Metric(lambda study: {})'
  entries = {'metric.mine': 'calojax_metric:mine', 'metric.lost': 'calojax_metric:lost'}
  package('metrics', entries, calojax_metric=metric)
  with pytest.warns(UserWarning, match="package metrics 1.0: metric 'lost'.*left out"):
    assert named.usual() == (*named.FAST, 'mine')
