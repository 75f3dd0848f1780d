"""Systems beyond the CNN from the command line: one command trains, judges and samples, in the
formats of their fields.
"""

import json
import os
import subprocess
import sys
from typing import Any

import chex
import h5py
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.methods.build import build
from calojax.showers import take
from calojax.training import loop, sharding, workdir
from calojax.training.checkpoint import Checkpoints
from calojax.training.parts import load_parts
from conftest import ROOT, stored


def calojax(*arguments) -> str:
  """The output of the command, which succeeds."""
  process = subprocess.run(
    [sys.executable, '-m', 'calojax.main', *map(str, arguments)],
    cwd=ROOT,
    capture_output=True,
    text=True,
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
  )
  assert process.returncode == 0, process.stdout + process.stderr
  return process.stdout


def trained(name, folder, **changes) -> str:
  return calojax(f'--config=configs/{name}.py', f'--workdir={folder}', *tiny.flags(name, **changes))


def summary(folder, step=8) -> dict:
  return json.loads((folder / 'evaluation' / str(step) / 'summary.json').read_text())


def test_calogan_is_judged_layer_by_layer_and_sampled_in_its_own_format(tmp_path):
  output = trained('calogan', tmp_path / 'run', evaluation__pictures=True)
  found = summary(tmp_path / 'run')
  for key in (
    'observables/layer_energies_02/mean',
    'observables/response/mean',
    'neighbours/reached',
    'traversals/incident_energy',
    'traversals/impact_x',
    'traversals/theta',
    'prd_auc/raw',
  ):
    assert (
      np.isfinite(found[key]['value'])
      and key.removeprefix('observables/').removeprefix('prd_auc/').replace('_', ' ') in output
    ), key
  pictures = {path.stem for path in (tmp_path / 'run' / 'evaluation' / '8').glob('*.png')}
  assert {'neighbours', 'response'} < pictures and any('traversal' in name for name in pictures), (
    pictures
  )
  assert 'data:image/png' in (tmp_path / 'run' / 'evaluation' / '8' / 'report.html').read_text()
  calojax(
    '--mode=sample',
    f'--workdir={tmp_path}/run',
    '--count=20',
    f'--output={tmp_path}/s.h5',
    '--layout=calogan',
  )
  with h5py.File(tmp_path / 's.h5') as file:
    assert (
      stored(file, 'layer_0').shape == (20, 3, 96)
      and stored(file, 'layer_2').shape == (20, 12, 6)
      and stored(file, 'energy').shape == (20, 1)
    )
  assert data.read(tmp_path / 's.h5').geometry.grids == ((96, 3), (12, 12), (6, 12))


@pytest.mark.parametrize('name', ['vae_gan', 'voxel'])
def test_a_file_of_the_calochallenge_trains_with_a_flag(name, tmp_path):
  rng = np.random.default_rng(0)
  with h5py.File(tmp_path / 'photons.hdf5', 'w') as file:
    incident = 2.0 ** rng.integers(8, 15, (200, 1))
    file['incident_energies'] = incident
    file['showers'] = rng.gamma(0.3, 1.0, (200, 368)) * incident / 150
  trained(name, tmp_path / 'run', data__source=tmp_path / 'photons.hdf5')
  assert workdir.stored_data(str(tmp_path / 'run'))[0].name == 'calochallenge_photons'
  calojax(
    '--mode=sample',
    f'--workdir={tmp_path}/run',
    '--count=7',
    f'--output={tmp_path}/s.hdf5',
    '--layout=calochallenge',
  )
  with h5py.File(tmp_path / 's.hdf5') as file:
    assert stored(file, 'showers').shape == (7, 368)
    assert stored(file, 'incident_energies').shape == (7, 1)


def test_a_shower_library_gives_real_showers_back(tmp_path):
  trained(
    'shower_library',
    tmp_path / 'run',
    train__steps=2,
    train__batch=1000,
    train__log_every=1,
    train__checkpoint_every=2,
    train__monitor_every=2,
  )
  calojax('--mode=sample', f'--workdir={tmp_path}/run', '--count=20', f'--output={tmp_path}/s.h5')
  showers = data.read(tmp_path / 's.h5').showers
  stored = data.load('lhcb_ecal').showers
  # Rescaling keeps the pattern of lit cells: each is that of some stored shower.
  patterns = {lit.tobytes() for lit in stored.energies > 0}
  assert all(lit.tobytes() in patterns for lit in showers.energies > 0)


@pytest.mark.parametrize('name', ['wgan_regressor', 'published/wgan_regressor'])
def test_one_command_trains_the_regressor_freezes_it_and_trains_the_generator(name, tmp_path):
  folder = tmp_path / 'run'
  output = trained(name, folder)
  resolution = json.loads((folder / 'regressor' / 'resolution.json').read_text())
  assert (
    list(resolution) == ['log_energy', 'slope_x', 'slope_y', 'impact_x', 'impact_y']
    and 'log_energy' in output
  )
  assert all(0 < figure['value'] < np.inf and figure['error'] > 0 for figure in resolution.values())
  logged = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
  assert {'generator/outputs', 'generator/perceptual'} < set(logged[-1])
  regressor, generator = (restored(f, folder) for f in (folder / 'regressor', folder))
  assert int(regressor.step) == 4 and int(generator.step) == 8
  chex.assert_trees_all_equal(generator.frozen, regressor.generator.ema)
  before = os.path.getmtime(folder / 'regressor' / 'resolution.json')
  trained(name, folder)  # again: nothing is trained
  assert os.path.getmtime(folder / 'regressor' / 'resolution.json') == before


def restored(folder, main) -> Any:  # each method has a state of its own
  """The newest state of a training or of its regressor's."""
  config = workdir.stored_config(str(main))
  parts = load_parts(config)
  if folder == main:
    method = build(config, parts.geometry, parts.train)
  else:
    from calojax.methods import regressor

    method = regressor.from_config(config, parts.geometry, parts.train)
  checkpoints = Checkpoints(str(folder))
  state = checkpoints.restore(
    loop.shapes(method, take(parts.train, slice(2)), sharding.data_mesh())
  )
  checkpoints.close()
  return state


@pytest.mark.parametrize('name', ['wgan_gp', 'published/wgan_gp'])
def test_a_frozen_loss_without_a_regressor_to_train_is_refused(name):
  config = tiny.config(name, weights__outputs=1.0)
  few, geometry, _ = tiny.showers('lhcb_ecal')
  with pytest.raises(ValueError, match='pretraining.steps is 0'):
    build(config, geometry, few)


def test_a_regressor_of_a_shower_instead_of_its_particle_is_refused():
  config = tiny.config('wgan_regressor', pretraining__targets=('impact', 'response'))
  few, geometry, _ = tiny.showers('lhcb_ecal')
  with pytest.raises(ValueError, match="attribute of a particle 'impact'; did you mean 'impact_"):
    build(config, geometry, few)
