"""The one sampler: what a shower depends on, when its pieces are made, and that a workdir and its
exported model give the same showers.
"""

import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax import data, inference
from calojax.detectors import LHCB_ECAL
from calojax.inference import sampler, sidecar
from calojax.methods.state import Method
from calojax.showers import Condition, at, concatenate
from calojax.training.trained import Generator, piece, trained
from conftest import ROOT

PARTICLES = Condition.of(np.linspace(1e3, 1e5, 7))


def echo(noise, energy, position, direction):
  """A generator whose shower is its noise and its energy."""
  return np.column_stack([noise, energy])


@pytest.mark.parametrize('batch', [1, 3, 7, 100])
def test_noise_is_one_stream_of_numpys_whatever_the_batch(batch):
  showers = concatenate(list(sampler.stream(echo, 5, PARTICLES, seed=3, batch=batch)))
  expected = np.random.default_rng(3).standard_normal((7, 5), np.float32)
  np.testing.assert_array_equal(showers.energies[:, :5], expected)
  np.testing.assert_array_equal(showers.energies[:, 5], PARTICLES.energy)
  for field, wanted in zip(showers.condition, PARTICLES):
    np.testing.assert_array_equal(field, wanted)


def test_given_noise_goes_with_its_particles():
  noise = np.random.default_rng(0).standard_normal((7, 5), np.float32)
  showers = concatenate(list(sampler.stream(echo, 5, PARTICLES, noise=noise, batch=3)))
  np.testing.assert_array_equal(showers.energies[:, :5], noise)


def test_a_piece_is_fetched_when_the_next_has_been_started():
  told = []

  class Later:
    """An array that is still being computed, as JAX gives it."""

    def __init__(self, number):
      self.number = number
      told.append(f'started {number}')

    def __array__(self, dtype=None, copy=None):
      told.append(f'fetched {self.number}')
      return np.zeros((2, 4), np.float32)

  numbers = iter(range(9))
  pieces = sampler.stream(lambda *arrays: Later(next(numbers)), 1, at(PARTICLES, slice(6)), batch=2)
  assert not told
  assert len(list(pieces)) == 3
  order = ['started 0', 'started 1', 'fetched 0', 'started 2', 'fetched 1', 'fetched 2']
  assert told == order


@pytest.mark.parametrize(
  'changes, message',
  [
    ({'batch': 0}, 'batch is 0, expected at least 1'),
    ({'noise': np.zeros((7, 4))}, r'noise of shape \(7, 4\), expected \(7, 5\)'),
    ({'noise': np.full((7, 5), np.inf)}, 'noise is inf, expected finite'),
  ],
)
def test_bad_requests_are_refused_before_the_first_piece(changes, message):
  with pytest.raises(ValueError, match=message):
    sampler.stream(echo, 5, PARTICLES, **changes)


def test_no_particles_give_no_pieces():
  assert not list(sampler.stream(echo, 5, at(PARTICLES, slice(0))))


def test_a_generator_is_one_program_and_its_filling_is_left_out():
  shapes = []

  def sample(variables, noise, condition):
    shapes.append(noise.shape)  # once a program: when it is traced
    return jnp.zeros((len(noise), LHCB_ECAL.cells)) + condition.energy[:, None]

  def never(*arguments):
    raise AssertionError(arguments)

  method = Method(init=never, update=never, sample=sample, latent=3)
  generator = Generator.of(method, {}, LHCB_ECAL, PARTICLES, step=0, description={})
  energies = np.linspace(1e3, 1e5, 2 * piece() + 5).astype(np.float32)
  counts = [len(part.energies) for part in generator.stream(Condition.of(energies))]
  assert counts == [piece(), piece(), 5]
  np.testing.assert_array_equal(generator.generate(energies)[:, 7], energies)
  np.testing.assert_array_equal(generator.generate(7e3)[:, 7], [7e3])
  assert shapes == [(piece(), 3)]


def command(*arguments, cwd=ROOT):
  """Runs the command line."""
  done = subprocess.run(
    [sys.executable, '-m', 'calojax.main', *map(str, arguments)],
    cwd=cwd,
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """The workdir of a tiny training, and the folder of its exported generator."""
  for needed in ('onnx', 'onnxruntime', 'flatbuffers'):
    pytest.importorskip(needed)
  folder = tmp_path_factory.mktemp('run')
  workdir, model = folder / 'workdir', folder / 'model'
  # A VAE: eight steps of a GAN leave most showers empty.
  command('--config=configs/published/vae.py', f'--workdir={workdir}', *tiny.flags('published/vae'))
  assert f'exported to {model}' in command(
    '--mode=export', f'--workdir={workdir}', f'--output={model}'
  )
  return workdir, model


def same(found, expected, least=1.0):
  """Equal to 1e-5 of the shower's largest cell, which in none of them is below `least`, MeV."""
  largest = expected.max(1, keepdims=True)
  assert found.shape == expected.shape and (largest > least).all()
  assert (np.abs(found - expected) <= 1e-5 * largest).all()


@pytest.mark.parametrize('runtime', ['onnxruntime', 'jax'])
def test_a_workdir_and_its_exported_model_give_the_same_showers(run, runtime):
  workdir, folder = run
  generator, model = trained(str(workdir)), inference.load(folder, runtime, threads=1)
  particles = at(generator.spectrum, slice(3 * piece() // 2))
  expected = generator.generate(*particles, seed=5)
  same(model.generate(*particles, seed=5), expected)
  same(generator.generate(*particles, seed=5, batch=50), expected)
  assert np.abs(generator.generate(*particles, seed=6) - expected).max() > 0.01 * expected.max()


def test_the_command_line_samples_the_same_from_both(run, tmp_path):
  workdir, model = run
  command('--mode=sample', f'--workdir={workdir}', '--count=150', f'--output={tmp_path}/p.h5')
  for name, source in (('w', f'--workdir={workdir.name}'), ('m', f'--model={model.name}')):
    command(
      '--mode=sample',
      source,
      f'--conditions={tmp_path}/p.h5',
      '--seed=5',
      f'--output={tmp_path}/{name}.h5',
      cwd=workdir.parent,
    )
  of_workdir, exported = (data.read(tmp_path / f'{name}.h5') for name in 'wm')
  same(exported.showers.energies, of_workdir.showers.energies)
  for field, wanted in zip(exported.showers.condition, of_workdir.showers.condition):
    np.testing.assert_array_equal(field, wanted)
  step, fingerprint = (of_workdir.provenance[key] for key in ('step', 'trained_on'))
  assert exported.provenance['step'] == step == 8
  assert exported.provenance['trained_on'] == fingerprint
  assert of_workdir.provenance['generator'] == 'workdir'  # as it was given


def test_exported_files_hold_no_folder_of_the_checkout(run):
  for path in run[1].iterdir():
    content = path.read_bytes()
    for folder in (ROOT, sys.prefix, run[0].parent):
      assert str(folder).encode() not in content, f'{path.name} names {folder}'


def test_ranges_are_of_slopes_not_of_components_of_the_direction():
  directions = [(0.6, 0.0, 0.8), (0.0, -0.6, 0.8)]
  particles = Condition.of([1e3, 5e3], [(1.0, -2.0), (3.0, 4.0)], directions)
  found = sidecar.ranges_of(*particles)
  expected = {
    'energy': (1e3, 5e3),
    'x': (1.0, 3.0),
    'y': (-2.0, 4.0),
    'dx/dz': (0.0, 0.75),
    'dy/dz': (-0.75, 0.0),
  }
  assert found.keys() == expected.keys()
  for name, ends in expected.items():
    np.testing.assert_allclose(found[name], ends, rtol=1e-6)
