"""The C++ example, compiled and run: the showers of Python for the same noise, noise that is
normal, requests that are refused; the model of Geant4's fast simulation.
"""

import hashlib
import importlib
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

for needed in ('onnx', 'onnxruntime', 'flatbuffers'):
  pytest.importorskip(needed)

import onnx
from onnx import helper
from test_export import generator, requests

import tiny
from calojax import export, inference, zoo
from calojax.inference import runtimes, sidecar

SOURCE = pathlib.Path(__file__).parents[1] / 'experiments' / 'cpp'
MODEL = 'generator.opset17.onnx'


def tool(name):
  """Path of a program, which may come with the Python environment."""
  found = shutil.which(name, path=str(pathlib.Path(sys.executable).parent)) or shutil.which(name)
  return found or pytest.skip(f'no {name} is installed')


@pytest.fixture(scope='module')
def program(tmp_path_factory):
  """The compiled example; warnings are errors."""
  cmake, ninja, _ = tool('cmake'), tool('ninja'), tool('c++')
  folder = tmp_path_factory.mktemp('cpp')
  fetched = subprocess.run(
    [sys.executable, SOURCE / 'fetch_runtime.py', folder / 'onnxruntime'],
    capture_output=True,
    text=True,
  )
  if fetched.returncode:  # what it says in one line cannot be had; a traceback is its own fault
    assert fetched.stderr.startswith('fetch_runtime.py: '), fetched.stderr
    pytest.skip(fetched.stderr.strip())
  options = [
    '-GNinja',
    f'-DCMAKE_MAKE_PROGRAM={ninja}',
    f'-DONNXRUNTIME_ROOT={folder}/onnxruntime',
    '-DCMAKE_CXX_FLAGS=-Werror',
  ]
  for command in (
    [cmake, '-S', SOURCE, '-B', folder / 'build', *options],
    [cmake, '--build', folder / 'build', '--parallel', '2'],
  ):
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
  return folder / 'build' / 'generate'


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """The folder of an exported system, and the system."""
  folder, system = tmp_path_factory.mktemp('export') / 'model', generator('voxel')
  export.write(system, tiny.config('voxel'), folder, told=lambda line: None)
  return folder, system


def run(program, *words):
  return subprocess.run([program, *map(str, words)], capture_output=True, text=True)


def made(program, folder, *words):
  """The showers, which have to be the only file in `folder`."""
  done = run(program, *words, '--output', folder / 'showers.npy')
  assert done.returncode == 0 and not done.stderr, done.stderr
  assert [file.name for file in folder.iterdir()] == ['showers.npy']
  return np.load(folder / 'showers.npy')


def new(tmp_path, name='out'):
  (tmp_path / name).mkdir()
  return tmp_path / name


@pytest.fixture
def asked(exported, tmp_path):
  """The words that ask for the showers that Python has made, and these showers."""
  folder, system = exported
  noise, energy, position, direction = requests(system)
  columns = np.column_stack([energy, position, direction])
  np.savetxt(
    tmp_path / 'particles.txt', columns, fmt='%.9g', header='energy x y dx dy dz'
  )  # 9 digits: the same float32
  noise.tofile(tmp_path / 'noise.f32')
  expected = inference.load(folder, 'onnxruntime', threads=1).generate(
    energy, position, direction, noise=noise
  )
  return [
    folder / MODEL,
    '--particles',
    tmp_path / 'particles.txt',
    '--noise',
    tmp_path / 'noise.f32',
  ], expected


@pytest.mark.parametrize('batch', [1, 5, 100])
def test_the_showers_are_those_of_python(program, asked, tmp_path, batch):
  words, expected = asked
  showers = made(program, new(tmp_path), *words, '--batch', batch)
  assert showers.dtype == np.float32 and showers.shape == expected.shape
  np.testing.assert_allclose(showers, expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize('name, columns', [('position', slice(1, 3)), ('direction', slice(3, 6))])
def test_position_and_direction_arrive(program, tmp_path, name, columns):
  particles = np.array([[5, 1, 2, 0, 0.6, 0.8], [6, 3, 4, 0.6, 0, 0.8], [7, -5, 6, 0, 0, 1]])
  np.savetxt(tmp_path / 'particles.txt', particles)
  words = [
    planted(tmp_path / 'x.onnx', result=name),
    '--particles',
    tmp_path / 'particles.txt',
    '--batch',
    2,
  ]
  run(program, *words, '--output', tmp_path / 'x.npy')
  np.testing.assert_array_equal(
    np.load(tmp_path / 'x.npy'), particles[:, columns].astype(np.float32)
  )


def test_showers_depend_on_their_seed_only(program, exported, tmp_path):
  gun = [exported[0] / MODEL, '--count', 30, '--energy', 20000]
  showers = made(program, new(tmp_path, '0'), *gun)
  again = made(program, new(tmp_path, '1'), *gun, '--seed', 0, '--batch', 7)
  other = made(program, new(tmp_path, '2'), *gun, '--seed', 1)
  np.testing.assert_allclose(again, showers, rtol=0, atol=1e-6 * showers.max())
  assert (
    np.abs(other - showers).max() > 0.01 * showers.max()
    and np.ptp(showers, axis=0).max() > 0.01 * showers.max()
  )


def test_the_speed_is_told(program, exported, tmp_path):
  told = run(
    program,
    exported[0] / MODEL,
    '--output',
    tmp_path / 'x.npy',
    '--count',
    30,
    '--energy',
    2e4,
    '--batch',
    10,
  ).stdout
  line = (
    '30 showers of 504 cells: X showers/s; inference X ms a shower (median of 3 batches), '
    'X ms of the processor\n'
  )
  found = re.fullmatch(re.escape(line).replace('X', r'(\d+\.\d+)'), told)
  assert found, told
  rate, clock, processor = map(float, found.groups())
  assert clock > 0 and processor >= 0 and rate > 0


def planted(
  path, shapes=((16,), (), (2,), (3,)), names=runtimes.INPUTS, output='energies', result='noise'
):
  """A model that returns one of its inputs, whatever they are called."""
  info = lambda name, shape: helper.make_tensor_value_info(
    name, onnx.TensorProto.FLOAT, ['batch', *shape]
  )
  node = helper.make_node('Identity', [result], [output])
  graph = helper.make_graph(
    [node],
    'planted',
    list(map(info, names, shapes)),
    [info(output, shapes[list(names).index(result)])],
  )
  onnx.save(
    helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path
  )
  return path


@pytest.fixture
def echo(tmp_path):
  """The words for a model that returns its noise."""
  return [planted(tmp_path / 'echo.onnx'), '--energy', 1, '--output', tmp_path / 'noise.npy']


def test_the_noise_is_standard_normal(program, echo, tmp_path):
  done = run(program, *echo, '--count', 20_000, '--seed', 5)
  assert done.returncode == 0 and 'no model.json beside' in done.stderr
  noise = np.load(tmp_path / 'noise.npy').astype(float)
  error = noise.size**-0.5
  assert abs(noise.mean()) < 5 * error and abs((noise**2).mean() - 1) < 5 * 2**0.5 * error
  assert (
    abs((noise**4).mean() - 3) < 5 * 96**0.5 * error
    and abs((noise**3).mean()) < 5 * 15**0.5 * error
  )
  correlation = np.corrcoef(noise.T) - np.eye(
    16
  )  # Box and Muller's numbers come in pairs, which have to be independent
  assert np.abs(correlation).max() < 5 * 20_000**-0.5
  assert abs(np.corrcoef(noise[1:, 0], noise[:-1, 15])[0, 1]) < 5 * 20_000**-0.5


def test_the_noise_is_that_of_the_formula(program, echo, tmp_path):
  """First output of the standard's Mersenne twister for the seed 5489, from the standard: its
  10,000th is 9981545732273789042.
  """
  run(program, *echo, '--count', 1250, '--seed', 5489)
  noise = np.load(tmp_path / 'noise.npy').ravel()
  angle = (
    2 * np.pi * ((9981545732273789042 >> 11) + 1) / 2**53
  )  # two uniform numbers for two normal ones
  radius = np.hypot(*noise[9998:10000].astype(float))
  np.testing.assert_allclose(
    noise[9998:10000], radius * np.array([np.cos(angle), np.sin(angle)]), rtol=1e-5
  )


def test_particles_outside_the_training_are_warned_of(program, exported, tmp_path):
  ranges = sidecar.read(str(exported[0]))['conditions']['ranges']
  high, x = ranges['energy'][1], ranges['x'][1]
  (tmp_path / 'particles.txt').write_text(
    f'{high} {x} 0 0 0 1\n\n  # no particle\n{2 * high} {x + 50} 0 0.6 0 0.8\n'
  )
  done = run(
    program,
    exported[0] / MODEL,
    '--particles',
    tmp_path / 'particles.txt',
    '--output',
    tmp_path / 'x.npy',
  )
  lines = done.stderr.splitlines()
  assert done.returncode == 0 and len(lines) == 3 and np.load(tmp_path / 'x.npy').shape == (2, 504)
  assert f'to {2 * high:g} MeV is outside the range' in lines[0] and f'to {high:g} MeV' in lines[0]
  assert f'x from {x:g} to {x + 50:g} mm' in lines[1] and 'dx/dz from 0 to 0.75' in lines[2]


def refused(program, folder, message, *words):
  """The program says one line with `message`, exits with 2 and leaves nothing in `folder`."""
  done = run(program, *words, '--output', folder / 'showers.npy')
  assert (
    done.returncode == 2
    and not done.stdout
    and done.stderr.count('\n') == 1
    and message in done.stderr
  ), done
  assert not list(folder.iterdir())


@pytest.mark.parametrize(
  'line, message',
  [
    ('nan 0 0 0 0 1', 'line 2: energy (MeV) is nan, expected finite'),
    ('-5 0 0 0 0 1', 'line 2: energy (MeV) is -5, expected a value > 0'),
    ('0 0 0 0 0 1', 'energy (MeV) is 0, expected'),
    ('5 inf 0 0 0 1', 'position (mm) is inf'),
    ('5 0 0 0 nan 1', 'direction is nan'),
    ('5 0 0 0 0 2', 'direction is 0 0 2, expected a unit vector'),
    ('5 0 0 0 0 -1', 'with z > 0'),
    ('5 0 0 0 1', '5 numbers, expected 6'),
    ('5 0 0 0 0 1x', "'1x' is no number"),
  ],
)
def test_impossible_particles_are_refused(program, exported, tmp_path, line, message):
  (tmp_path / 'particles.txt').write_text(f'20000 0 0 0 0 1\n{line}\n')
  refused(
    program, new(tmp_path), message, exported[0] / MODEL, '--particles', tmp_path / 'particles.txt'
  )


@pytest.mark.parametrize(
  'words, message',
  [
    (['--count', 0], "count is '0', expected a whole number from 1"),
    (['--count', '-1'], "count is '-1'"),
    (['--energy', 'nan'], 'energy (MeV) is nan'),
    (['--energy', '2e4x'], "energy is '2e4x'"),
    (['--batch', 0], "batch is '0'"),
    (['--seed', 1.5], "seed is '1.5'"),
    (['--threads', 0], "threads is '0'"),
    (['--noise', '/no/noise'], 'cannot read /no/noise'),
    (['--particles', 'p.txt'], 'either --particles or both of --count and --energy'),
    (['--colour', 'red'], "'--colour' is not known"),
    (['second.onnx'], "'second.onnx' is not known"),
  ],
)
def test_impossible_requests_are_refused(program, exported, tmp_path, words, message):
  refused(
    program, new(tmp_path), message, exported[0] / MODEL, '--count', 3, '--energy', 2e4, *words
  )


def test_noise_of_another_length_is_refused(program, exported, tmp_path):
  gun = [exported[0] / MODEL, '--count', 3, '--energy', 2e4, '--noise', tmp_path / 'noise.f32']
  np.zeros(23, np.float32).tofile(tmp_path / 'noise.f32')
  refused(program, new(tmp_path, 'short'), 'has 92 bytes, expected 96', *gun)
  np.full(24, np.nan, np.float32).tofile(tmp_path / 'noise.f32')
  refused(program, new(tmp_path, 'nan'), 'has nan, expected finite', *gun)


@pytest.mark.parametrize(
  'shapes, changes, message',
  [
    (((16,), (2,), (2,), (3,)), {}, 'energy has shape [any, 2], expected float32 [any]'),
    (((16,), (), (3,), (3,)), {}, 'position has shape [any, 3]'),
    (((4, 4), (), (2,), (3,)), {}, 'noise has shape [any, 4, 4]'),
    (
      ((16,), (), (2,), (3,)),
      {'output': 'images'},
      '-> images, expected noise energy position direction -> energies',
    ),
    (
      ((16,), (), (2,), (3,)),
      {'names': ('noise', 'energy', 'place', 'direction')},
      'noise energy place direction',
    ),
    (((16,), ()), {'names': ('noise', 'energy')}, 'it computes noise energy -> energies'),
  ],
)
def test_other_models_are_refused(program, tmp_path, shapes, changes, message):
  model = planted(tmp_path / 'x.onnx', shapes, **changes)
  refused(program, new(tmp_path), message, model, '--count', 3, '--energy', 2e4)


def test_models_that_cannot_be_read_are_refused(program, exported, tmp_path):
  gun = ['--count', 3, '--energy', 2e4]
  refused(program, new(tmp_path, '0'), 'cannot read /no/model.onnx', '/no/model.onnx', *gun)
  refused(program, new(tmp_path, '1'), 'is no ONNX file', exported[0] / 'model.json', *gun)
  shutil.copytree(exported[0], tmp_path / 'model')
  model = onnx.load(tmp_path / 'model' / MODEL)
  weights = max(model.graph.initializer, key=lambda each: len(each.raw_data))
  weights.raw_data = weights.raw_data[:-1] + bytes([weights.raw_data[-1] ^ 1])
  onnx.save(model, tmp_path / 'model' / MODEL)
  refused(
    program,
    new(tmp_path, '2'),
    'was altered or truncated: model.json names no file of sha256',
    tmp_path / 'model' / MODEL,
    *gun,
  )


@pytest.mark.parametrize('remainder', [0, 1, 55, 56, 63])
def test_the_hash_is_sha256(program, tmp_path, remainder):
  """Of files that end near the end of a block of 64 bytes, or where its length no longer fits."""
  model = onnx.load(planted(tmp_path / 'x.onnx'))
  model.doc_string = 'x'
  model.doc_string += 'x' * ((remainder - model.ByteSize()) % 64)
  onnx.save(model, tmp_path / 'x.onnx')
  content = (tmp_path / 'x.onnx').read_bytes()
  assert len(content) % 64 == remainder
  (tmp_path / 'model.json').write_text('{}')
  done = run(
    program, tmp_path / 'x.onnx', '--count', 1, '--energy', 1, '--output', tmp_path / 'x.npy'
  )
  assert done.returncode == 2 and done.stderr.split()[-1] == hashlib.sha256(content).hexdigest()


def test_what_is_there_survives_a_failure(program, exported, tmp_path):
  gun = [exported[0] / MODEL, '--count', 300, '--energy', 2e4]
  made(program, new(tmp_path), *gun)
  before = (tmp_path / 'out' / 'showers.npy').read_bytes()

  small_disk = ['-c', 'ulimit -f 400; trap "" XFSZ; exec "$@"', 'sh']  # blocks of 512 or 1024 bytes
  done = run('sh', *small_disk, program, *gun, '--output', tmp_path / 'out' / 'showers.npy')
  assert (
    done.returncode == 2
    and 'cannot write' in done.stderr
    and 'File too large' in done.stderr
    and done.stderr.count('\n') == 1
  )
  assert [file.name for file in (tmp_path / 'out').iterdir()] == ['showers.npy']
  assert (tmp_path / 'out' / 'showers.npy').read_bytes() == before


@pytest.mark.parametrize(
  'output, message',
  [('no/showers.npy', 'No such file or directory'), ('.', 'is there already and is no file')],
)
def test_outputs_that_cannot_be_written_are_refused(program, exported, tmp_path, output, message):
  done = run(
    program, exported[0] / MODEL, '--count', 3, '--energy', 2e4, '--output', tmp_path / output
  )
  assert done.returncode == 2 and message in done.stderr and not list(tmp_path.iterdir())


def test_a_model_that_makes_no_numbers_is_refused(program, tmp_path):
  model = onnx.load(planted(tmp_path / 'x.onnx'))
  model.graph.node[0].CopyFrom(helper.make_node('Log', ['noise'], ['energies']))
  onnx.save(model, tmp_path / 'x.onnx')
  (tmp_path / 'out').mkdir()
  done = run(
    program,
    tmp_path / 'x.onnx',
    '--count',
    3,
    '--energy',
    2e4,
    '--output',
    tmp_path / 'out' / 'x.npy',
  )
  assert (
    done.returncode == 2
    and 'the model made an energy of' in done.stderr
    and not list((tmp_path / 'out').iterdir())
  )


@pytest.mark.parametrize('mode', ['single', 'batched'])
def test_the_fast_simulation_model_makes_the_showers_of_python(program, tmp_path, mode):
  """The model of Geant4's fast simulation, through a stub of Geant4, with the shipped generator."""
  shipped = inference.load('lhcb_ecal', 'onnxruntime', threads=1)
  energy = np.array([2e3, 2e4, 9e4, 5e3], np.float32)
  position = np.array([[1, 2], [-20, 15], [8, -3], [0, 0]], np.float32)
  slope = np.array([[0, 0], [0.13, -0.1], [-0.05, 0.02], [0.01, 0]])
  direction = np.column_stack([slope, np.ones(4)]).astype(np.float32)
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  noise = np.random.default_rng(3).standard_normal((4, shipped.latent), np.float32)
  expected = shipped.generate(energy, position, direction, noise=noise)
  np.savetxt(tmp_path / 'p.txt', np.column_stack([energy, position, direction]), fmt='%.9g')
  noise.tofile(tmp_path / 'noise.f32')
  fast = program.parent / 'geant4' / 'test_fast_model'
  model = zoo.find('lhcb_ecal')
  words = [f'{model}/{MODEL}', tmp_path / 'p.txt', tmp_path / 'noise.f32', tmp_path / 'x.f64']
  done = run(fast, *words, mode)
  assert done.returncode == 0, done.stderr
  showers = np.fromfile(tmp_path / 'x.f64').reshape(4, 900)
  np.testing.assert_allclose(showers, expected, rtol=0, atol=1e-6 * expected.max())


def test_a_fast_simulation_model_needs_the_description(program, tmp_path):
  planted(tmp_path / 'x.onnx')
  fast = program.parent / 'geant4' / 'test_fast_model'
  (tmp_path / 'p.txt').write_text('20000 0 0 0 0 1\n')
  done = run(fast, tmp_path / 'x.onnx', tmp_path / 'p.txt', 'none', tmp_path / 'out', 'single')
  assert done.returncode == 2 and 'no model.json beside' in done.stderr


def test_the_fetch_says_what_is_missing(tmp_path, monkeypatch):
  monkeypatch.syspath_prepend(str(SOURCE))
  module = importlib.import_module('fetch_runtime')
  monkeypatch.setattr(module, 'APT', '/no/apt-helper')
  with pytest.raises(ValueError, match='/no/apt-helper is not there'):
    module.fetch(tmp_path / 'x')
  monkeypatch.setattr(module.importlib.util, 'find_spec', lambda name: None)
  with pytest.raises(ValueError, match='pip install onnxruntime'):
    module.fetch(tmp_path / 'x')
  assert not (tmp_path / 'x').exists()
