"""What version 0.1.0 wrote is read with the numbers that it gave: workdirs, files of every layout,
an exported model.
"""

import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import calojax
from calojax import config, data
from calojax.showers import Condition

STORED = pathlib.Path(__file__).parent / 'data' / 'written_by_0.1.0'
PARTICLES = Condition.of(
  np.array([5000.0, 20000.0, 80000.0]),
  np.array([[0.0, 0.0], [1.0, 2.0], [-3.0, 4.0]]),
  np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 0.99498744], [0.0, -0.1, 0.99498744]]),
)
WORKDIRS = ('cnn_aux', 'vae', 'shower_library')

# Of each file, as 0.1.0 read it: detector, shape, the sum of all cells in MeV, how many are lit,
# the brightest of the first shower; its particle's energy in MeV, position in mm and direction.
FILES = {
  'lhcb_ecal_calojax.h5': (
    ('lhcb_ecal', (64, 900), 259124.971474, 9500, 435),
    (77102.398438, (-23.947849, 42.688492), (0.130657, -0.236233, 0.962872)),
  ),
  'lhcb_ecal_lhcb.h5': (
    ('lhcb_ecal', (64, 900), 259124.971474, 9500, 435),
    (77102.406250, (-23.947849, 42.688492), (0.130657, -0.236233, 0.962872)),
  ),
  'calogan_calogan.h5': (
    ('calogan', (40, 504), 373133.101963, 6431, 341),
    (40673.324219, (-42.608341, -10.839616), (-0.030694, -0.086876, 0.995746)),
  ),
  'clic_threedgan.h5': (
    ('clic', (16, 15625), 39613.801313, 11804, 5312),
    (91985.25, (0.0, 0.0), (0.0, 0.0, 1.0)),
  ),
  'calochallenge_photons.h5': (
    ('calochallenge_photons', (20, 368), 10449.178933, 2107, 249),
    (814.016418, (0.0, 0.0), (0.0, 0.0, 1.0)),
  ),
}


@pytest.mark.parametrize('name', WORKDIRS)
def test_a_workdir_gives_the_showers_that_it_gave(name):
  from calojax.training.trained import trained

  generator = trained(str(STORED / name))
  assert generator.step == 4
  z = jnp.asarray(
    np.random.default_rng(7).standard_normal((3, generator.method.latent), np.float32)
  )
  showers = np.asarray(generator.method.sample(generator.variables, z, PARTICLES))
  with np.load(STORED / 'workdirs.npz') as expected:
    np.testing.assert_allclose(showers, expected[name], rtol=1e-5, atol=1e-4)
  assert showers.sum() > 0


@pytest.mark.parametrize('name', WORKDIRS)
def test_the_same_command_resumes_a_workdir(name, tmp_path, monkeypatch):
  """Its config of today, that of the system as published, is that of the workdir; its whole state
  is restored, and another step is made of it.
  """
  import tiny
  from calojax.training import run, workdir

  stored = json.loads((STORED / name / 'config.json').read_text())
  today = name if name == 'shower_library' else f'published/{name}'
  asked = tiny.full_config(today)
  for key, value in config.flatten(stored).items():
    if key not in ('train.generator_steps', 'optimiser.discriminator') or stored['method'] == 'gan':
      asked.update_from_flattened_dict({key: tuple(value) if isinstance(value, list) else value})
  shutil.copytree(STORED / name, tmp_path / name)
  monkeypatch.chdir(STORED)  # its config names its data by the file alone
  workdir.check_config(str(tmp_path / name), asked)
  trainer = run.prepare(asked, str(tmp_path / name), lambda config, parts: None)
  try:
    assert int(trainer.state.step) == 4
    batch = jax.tree.map(lambda leaf: leaf[0], trainer.batches(4, 1))
    after, metrics = jax.jit(trainer.method.update)(trainer.state, batch)
    assert int(after.step) == 5 and all(np.isfinite(value) for value in metrics.values())
  finally:
    trainer.checkpoints.close()


def test_every_stored_file_is_read():
  assert {path.name for path in STORED.glob('*.h5')} == set(FILES)


@pytest.mark.parametrize('name', FILES)
def test_a_file_is_read_with_the_numbers_that_it_had(name):
  (detector, shape, total, lit, brightest), particle = FILES[name]
  showers, geometry, _ = data.read(STORED / name)
  energies = np.asarray(showers.energies, np.float64)
  assert (geometry.name, energies.shape, int((energies > 0).sum())) == (detector, shape, lit)
  assert energies[0].argmax() == brightest and geometry.cells == shape[1]
  np.testing.assert_allclose(energies.sum(), total, rtol=1e-9)
  for found, expected in zip(showers.condition, particle):
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)


def test_an_exported_model_gives_the_showers_that_it_gave():
  pytest.importorskip('onnxruntime')
  showers = calojax.load(STORED / 'exported').generate(*PARTICLES, seed=3)
  np.testing.assert_allclose(
    showers, np.load(STORED / 'exported.showers.npy'), rtol=1e-5, atol=1e-4
  )
