"""`calojax.NAME`: what Python code is offered."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import calojax
import tiny
from calojax.commands import interface
from calojax.data import Dataset
from calojax.showers import take
from conftest import ROOT

NAMES = {'load', 'read', 'write', 'evaluate', 'train', 'Condition', 'Shower', 'Geometry'}


def test_the_names_are_listed_typed_and_documented():
  assert set(dir(calojax)) >= NAMES and set(calojax.__all__) >= NAMES
  assert calojax.__all__ == interface.__all__
  for name in calojax.__all__:
    found = getattr(calojax, name)
    assert found.__doc__
    if inspect.isfunction(found):
      signature = inspect.signature(found)
      parameters = signature.parameters.values()
      assert all(p.annotation is not p.empty for p in parameters)
      assert signature.return_annotation is not signature.empty
      assert 'Raises:' in found.__doc__ and all(f'{p.name}: ' in found.__doc__ for p in parameters)
  with pytest.raises(AttributeError, match='nothing'):
    _ = calojax.nothing  # pyright: ignore[reportAttributeAccessIssue]


def test_the_import_is_light():
  code = 'import sys, calojax; dir(calojax); print(*sys.modules)'
  done = subprocess.run(
    [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
  )
  assert not set(done.stdout.split()) & {'numpy', 'h5py', 'jax', 'calojax.commands.interface'}
  code = 'import sys, calojax; calojax.load; calojax.read; print(*sys.modules)'
  done = subprocess.run(
    [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
  )
  assert not set(done.stdout.split()) & {'jax', 'matplotlib', 'sklearn', 'scipy'}


def test_showers_are_written_and_read(tmp_path, few, embedded):
  path = tmp_path / 'a.npz'
  calojax.write(path, few, embedded.geometry, {'by': 'me'})
  found = calojax.read(path)
  np.testing.assert_array_equal(found.showers.energies, few.energies)
  assert found.geometry == embedded.geometry and found.provenance == {'by': 'me'}
  with pytest.raises(ValueError, match='is there'):
    calojax.write(path, few, embedded.geometry)
  calojax.write(path, *found, overwrite=True)
  with pytest.raises(ValueError, match='one of .h5, .hdf5'):
    calojax.write(tmp_path / 'a.txt', few, embedded.geometry)
  assert [found.name for found in tmp_path.iterdir()] == ['a.npz']


def test_showers_in_memory_are_judged(tmp_path, capsys, embedded):
  pytest.importorskip('sklearn')
  real = Dataset(take(embedded.showers, slice(400)), embedded.geometry, {})
  made = real._replace(showers=take(embedded.showers, slice(400, 800)))
  found = calojax.evaluate(real, made, output=tmp_path / 'report', clusters=20, classifier=False)
  assert 0 < found['prd_auc/raw']['value'] <= 1 and 'PRD-AUC' in capsys.readouterr().out
  assert (tmp_path / 'report' / 'report.html').is_file()


def test_a_model_broadcasts():
  pytest.importorskip('onnxruntime')
  model = calojax.load('lhcb_ecal', threads=1)
  showers = model.sample(energy=[5e3, 2e4], theta=10.0, phi=45.0, x=0.0, y=3.0)
  assert showers.energies.shape == (2, 900)
  assert showers.condition.energy.tolist() == [5e3, 2e4]
  ranged = model.sample(50, seed=2, energy=calojax.Range(5e3, 5e4))
  assert ranged.condition.energy.min() >= 5e3 and ranged.condition.energy.max() <= 5e4
  np.testing.assert_array_equal(ranged.energies, model.generate(*ranged.condition, seed=2))


def test_a_system_is_trained_and_loaded(tmp_path):
  pytest.importorskip('jax')
  changes = tiny.values('published/vae')
  model = calojax.train('published/vae', tmp_path / 'run', changes)
  again = calojax.load(tmp_path / 'run', checkpoint='8')
  judged = calojax.evaluate(tmp_path / 'run', output=tmp_path / 'report', metrics=['response'])
  assert judged['response/ratio']['value'] > 0 and (tmp_path / 'report' / 'summary.json').is_file()
  one = calojax.Condition.of([5e3, 2e4])
  np.testing.assert_array_equal(model.generate(*one, seed=1), again.generate(*one, seed=1))
  with pytest.raises(ValueError, match='did you mean train.steps'):
    calojax.train('published/vae', tmp_path / 'x', {'train.step': 3})
  with pytest.raises(ValueError, match=r"train.steps is 'many'"):
    calojax.train('published/vae', tmp_path / 'x', {'train.steps': 'many'})
  with pytest.raises(ValueError, match="did you mean 'vae'"):
    calojax.train('vea', tmp_path / 'x')
  with pytest.raises(ValueError, match='runtime jax'):
    calojax.load(tmp_path / 'run', runtime='jax')
  assert not (tmp_path / 'x').exists()
