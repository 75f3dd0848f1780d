"""Generators that come with the package: used without the training stack, from the command line and
from Python.
"""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from conftest import ROOT

pytest.importorskip('onnxruntime')

import calojax
from calojax import data, inference, spectrum, zoo
from calojax.showers import Condition

TRAINING = (
  'jax',
  'flax',
  'optax',
  'orbax',
  'sklearn',
  'scipy',
  'matplotlib',
  'tensorboardX',
  'jaxtyping',
  'onnx',
)
WITHOUT = (
  f'import sys; sys.modules.update(dict.fromkeys({TRAINING})); '
  'from calojax import main; sys.exit(main.command_line(sys.argv))'
)
NAMES = ('calogan', 'clic', 'lhcb_ecal')


def command(*arguments):
  """The command line where nothing of the training can be imported."""
  return subprocess.run(
    [sys.executable, '-c', WITHOUT, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT
  )


def test_the_three_calorimeters_are_there():
  assert tuple(zoo.names()) == NAMES


@pytest.mark.parametrize('name', NAMES)
def test_a_generator_of_the_package_is_that_of_its_card(name):
  model = inference.load(name, threads=1)
  real = data.load(name)
  assert (
    model.geometry == real.geometry
    and model.card['licence'] == 'Apache-2.0'
    and model.card['commit']
  )
  assert 0 < model.card['quality']['figures']['prd_auc/raw']['value'] < 1
  card = (zoo.ROOT / name / 'README.md').read_text()
  assert f'{model.card["data"]["fingerprint"]}' in card and str(ROOT.parent) not in card
  wanted = spectrum.draw(model.spectrum, 200, 3)
  energies = model.generate(*wanted, seed=3)
  assert np.isfinite(energies).all() and (energies >= 0).all()
  response, expected = (
    np.mean(e.sum(1) / c.energy)
    for e, c in ((energies, wanted), (real.showers.energies, real.showers.condition))
  )
  assert response == pytest.approx(expected, rel=0.15)


def test_sampling_needs_nothing_of_the_training_and_is_seeded(tmp_path):
  for file, seed in (('a.h5', 1), ('b.h5', 1), ('c.h5', 2)):
    done = command(
      '--mode=sample',
      '--model=lhcb_ecal',
      '--count=600',
      f'--seed={seed}',
      f'--output={tmp_path / file}',
    )
    assert done.returncode == 0 and '600 showers in' in done.stdout, done.stderr
  a, b, c = (data.read(tmp_path / file) for file in ('a.h5', 'b.h5', 'c.h5'))
  np.testing.assert_array_equal(a.showers.energies, b.showers.energies)
  assert np.abs(a.showers.energies - c.showers.energies).max() > 1
  assert a.provenance['generator'] == 'lhcb_ecal_vae_gan' and a.provenance['seed'] == 1
  model = calojax.load('lhcb_ecal')
  np.testing.assert_allclose(
    a.showers.energies,
    model.generate(*a.showers.condition, seed=1),
    atol=1e-5 * a.showers.energies.max(),
  )


def test_given_particles_and_another_layout(tmp_path):
  few = Condition.of([5e3, 2e4])
  model = calojax.load('lhcb_ecal')
  with data.Writer(tmp_path / 'particles.h5', model.geometry, {}) as writer:
    for piece in model.stream(few, 5, batch=1):
      writer.append(piece)
  done = command(
    '--mode=sample',
    '--model',
    zoo.ROOT / 'lhcb_ecal',
    '--conditions',
    tmp_path / 'particles.h5',
    '--layout=lhcb',
    '--seed=5',
    '--output',
    tmp_path / 'showers.h5',
  )
  assert done.returncode == 0, done.stderr
  np.testing.assert_allclose(
    data.read(tmp_path / 'showers.h5').showers.energies,
    data.read(tmp_path / 'particles.h5').showers.energies,
    rtol=1e-4,
    atol=1e-3,
  )


@pytest.mark.parametrize(
  'arguments, message',
  [
    (
      ('--mode=sample', '--model=lhcb', '--count=5', '--output=x.h5'),
      "model 'lhcb' is neither one of the package nor the folder of an exported one or of a run; "
      'did you mean lhcb_ecal?',
    ),
    (
      ('--mode=sample', '--model=lhcb_ecal', '--workdir=runs/x', '--count=5', '--output=x.h5'),
      'neither --workdir nor --config',
    ),
    (('--mode=evaluate', '--model=lhcb_ecal'), 'expected --mode=sample'),
    (
      ('--model=lhcb_ecal', '--config=configs/published/cnn.py'),
      '--model=lhcb_ecal with --mode=train, expected --mode=sample',
    ),
    (
      ('--mode=sample', '--model=lhcb_ecal', '--adapters=par04', '--count=5', '--output=x.h5'),
      '--adapters=par04 with --mode=sample',
    ),
    (
      ('--mode=sample', '--model=lhcb_ecal', '--output=x.h5'),
      'either --conditions=FILE or --count=N',
    ),
    (('--mode=sample', '--model=lhcb_ecal', '--count=0', '--output=x.h5'), 'count is 0'),
    (
      ('--mode=sample', '--model=lhcb_ecal', '--count=5', '--output=nowhere/x.h5'),
      'nowhere/x.h5: expected the name of a file',
    ),
    (
      ('--mode=sample', '--model=configs', '--count=5', '--output=x.h5'),
      'configs is not an exported model',
    ),
    (
      ('--mode=sample', '--workdir=runs/x', '--count=5', '--output=x.h5'),
      'pip install "calojax[train]"',
    ),
  ],
)
def test_bad_requests_are_refused_in_one_line(arguments, message):
  refused = command(*arguments)
  assert refused.returncode == 2 and message in refused.stderr and refused.stderr.count('\n') == 1
  assert not pathlib.Path(ROOT / 'x.h5').exists()


@pytest.mark.parametrize('name', ['spectrum.npz', 'generator.opset17.onnx'])
def test_an_altered_file_is_refused(name, tmp_path):
  folder = shutil.copytree(zoo.ROOT / 'lhcb_ecal', tmp_path / 'model')
  content = bytearray((folder / name).read_bytes())
  content[len(content) // 2] ^= 1
  (folder / name).write_bytes(content)
  with pytest.raises(ValueError, match=f'{name} is truncated or altered'):
    inference.load(folder)


def test_particles_are_kept_evenly_and_read_without_pickle(tmp_path):
  many = Condition(np.arange(1.0, 101), np.zeros((100, 2)), np.tile([0.0, 0, 1], (100, 1)))
  spectrum.save(tmp_path / 'few.npz', many, 10)
  np.testing.assert_array_equal(spectrum.load(tmp_path / 'few.npz').energy, np.arange(1, 101, 10))
  pickled = np.array([{}], object)
  np.savez(tmp_path / 'bad.npz', energy=pickled, position=pickled, direction=pickled)
  with pytest.raises(ValueError, match='does not hold particles'):
    spectrum.load(tmp_path / 'bad.npz')
