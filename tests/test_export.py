"""Exported generators: the same showers from the same noise, files that cannot be mistaken,
requests that are refused.
"""

import functools
import json
import os
import pathlib
import shutil
import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.methods import kdtree
from calojax.methods.build import build
from calojax.showers import Condition, take
from calojax.training.trained import Generator

for needed in ('onnx', 'onnxruntime', 'flatbuffers'):
  pytest.importorskip(needed)

from jax import export as jax_export

from calojax import export, inference
from calojax.export import flatten, onnx_file, parity, program
from calojax.export.graph import Unsupported
from calojax.inference import runtimes, sidecar

# One of every kind of network; the others differ from these in numbers only.
NETWORKS = (
  'published/cnn_aux_sa_sn',
  'wgan_gp',
  'published/vae',
  'vae_gan',
  'calogan',
  'calogan_conditional',
  'published/calogan',
  'published/calogan_conditional',
  'conv3d',
  'conv2d',
  'published/conv3d',
  'published/conv2d',
  'voxel',
)


@functools.cache
def generator(name):
  """A tiny system with random weights, as `trained` gives it."""
  config = tiny.config(name)
  few, geometry, _ = tiny.showers(config.data.source)
  method = build(config, geometry, few)
  like = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(4))).generator.ema
  assert like is not None
  rng = np.random.default_rng(0)

  def random(path, leaf):
    if path[-1].key == 'var':
      return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
    numbers = rng.standard_normal(leaf.shape).astype(np.float32)
    # Mostly positive: otherwise a random network leaves all cells of some showers empty.
    return (
      np.abs(numbers) / 2
      if path[-1].key == 'bias'
      else (numbers + 0.2) / max(1, np.prod(leaf.shape[:-1])) ** 0.5
    )

  if name == 'shower_library':
    variables = library(few, method)
  else:
    variables = jax.tree_util.tree_map_with_path(random, like)
  if 'frame' in like:  # numbers of the training showers, not weights: random ones are no frame
    started = method.init(jax.random.key(0), take(few, slice(4))).generator.ema
    assert started is not None
    variables['frame'] = started['frame']
  described = {'fingerprint': '0123456789abcdef', 'provenance': {}}
  return Generator.of(method, variables, geometry, few.condition, step=8, description=described)


def library(showers, method):
  """A library of these showers, by their energy and slopes."""
  width = (
    jax.eval_shape(method.init, jax.random.key(0), take(showers, slice(4)))
    .generator.ema['library']['features']
    .shape[1]
  )
  features = (
    np.random.default_rng(0).standard_normal((len(showers.energies), width)).astype(np.float32)
  )
  return {
    'library': {
      'energies': showers.energies,
      'incident': showers.condition.energy,
      'features': features,
      'spread': np.ones(width, np.float32),
      'tree': kdtree.build(jnp.asarray(features)),
    }
  }


def requests(generator, count=17):
  """Noise and particles as a runtime takes them."""
  noise = np.random.default_rng(1).standard_normal((count, generator.latent), np.float32)
  return noise, *(np.asarray(field[:count], np.float32) for field in generator.spectrum)


def onnx_runner(tmp_path, generate, inputs, opset=onnx_file.PORTABLE) -> Callable[..., np.ndarray]:
  """A function of the exported program in onnxruntime."""
  import onnx

  model = onnx_file.model(onnx_file.translate(generate, inputs, program.OUTPUT), opset)
  onnx.checker.check_model(model, full_check=True)
  (tmp_path / 'x.onnx').write_bytes(model.SerializeToString())
  return runtimes.runner(str(tmp_path / 'x.onnx'), 'onnxruntime', 1)


@pytest.mark.parametrize('name', NETWORKS)
def test_every_network_makes_its_showers_in_onnxruntime_and_from_stablehlo(name, tmp_path):
  system = generator(name)
  generate, arrays = program.function(system), requests(system)
  (tmp_path / 'x.stablehlo').write_bytes(program.stablehlo(generate, system.latent))
  expected = runtimes.runner(str(tmp_path / 'x.stablehlo'), 'jax')(*arrays)
  if name in ('voxel', 'wgan_gp'):  # each further program costs seconds of compilation
    np.testing.assert_array_equal(expected, jax.jit(generate)(*arrays))
  assert expected.shape == (17, system.geometry.cells) and expected.max() > 0
  run = onnx_runner(tmp_path, generate, program.inputs(system.latent))
  for count in (1, 3, 17):
    found = run(*(array[:count] for array in arrays))
    parity.compare(expected[:count], found, arrays[1][:count], parity.TOLERANCES['onnx'], name)
  shifted = (np.roll(arrays[0], 1, axis=0), *arrays[1:])
  assert np.abs(run(*shifted) - expected).max() > 1e-3 * expected.max()  # the noise is not ignored


def test_a_library_is_written_as_stablehlo_alone_and_says_why(tmp_path, monkeypatch):
  monkeypatch.setattr(parity, 'PIECES', (40,))
  monkeypatch.setattr(parity, 'COUNT', 40)
  system, lines = generator('shower_library'), []
  described = export.write(
    system, tiny.config('shower_library'), tmp_path / 'model', told=lines.append
  )
  assert (
    list(described['files']) == ['generator.stablehlo']
    and described['files']['generator.stablehlo']['parity']['cells'] <= 1e-6
  )
  assert 'scan' in described['onnx_missing'] and described['onnx_missing'] in lines[0]
  assert 'There is no ONNX file' in (tmp_path / 'model' / 'README.md').read_text()
  assert inference.load(tmp_path / 'model').runtime == 'jax'
  with pytest.raises(ValueError, match='no file for onnxruntime: ONNX has no counterpart'):
    inference.load(tmp_path / 'model', 'onnxruntime')


X, Y = (
  np.linspace(-3, 3, 24).reshape(2, 3, 4).astype(np.float32),
  np.cos(np.arange(24.0)).reshape(2, 3, 4).astype(np.float32),
)
KERNEL = jnp.asarray(np.random.default_rng(0).standard_normal((3, 2, 4, 5)).astype(np.float32))
LAYOUT = ('NHWC', 'HWIO', 'NHWC')
PROGRAMS = {
  'expm1': lambda x, y: jnp.expm1(x * 1e-4),
  'log1p': lambda x, y: jnp.log1p(x * x * 1e-4),
  'atan2': lambda x, y: jnp.arctan2(y * (x > 0), x),
  'softmax': lambda x, y: jax.nn.softmax(x + y, axis=1),
  'softplus': lambda x, y: jax.nn.softplus(10 * x),
  'reductions': lambda x, y: x.max((1, 2)) + y.min(-1).sum(-1) + jnp.prod(x, (1, 2)),
  'powers': lambda x, y: x**3 + jnp.abs(y) ** 0.3,
  'batched product': lambda x, y: jnp.einsum('bij,bkj->bik', x, y),
  'product from the left': lambda x, y: jnp.asarray(KERNEL[:, 0, 0, :3]) @ x,
  'product of many axes': lambda x, y: jnp.einsum('bij,jcd->bidc', x, KERNEL[0].transpose(1, 0, 2)),
  'broadcast constants': lambda x, y: jnp.concatenate(
    [jnp.zeros((x.shape[0], 1, 4)), x * jnp.arange(4.0)], axis=1
  ),
  'slices': lambda x, y: jax.lax.pad(
    jax.lax.slice(x, (0, 1, 0), x.shape, (1, 1, 2)), 2.0, ((0, 0, 0), (1, 2, 0), (-1, 3, 0))
  ),
  'one column': lambda x, y: x[:, 0, 1],
  'folded batch': lambda x, y: (x.reshape(-1, 4) + 1).reshape(-1, 2, 6),
  'stack': lambda x, y: jnp.stack([x, y], 2),
  'choice': lambda x, y: jnp.where((x > 0) & ~(y < 0.5), x, 7.0),
  'clip': lambda x, y: jnp.clip(x, -1, 0.5),
  'split': lambda x, y: jnp.split(x, [1], -1)[1],
  'strided convolution': lambda x, y: jax.lax.conv_general_dilated(
    x[:, None], KERNEL, (1, 2), ((1, 1), (0, 2)), rhs_dilation=(1, 2), dimension_numbers=LAYOUT
  ),
  'transposed convolution': lambda x, y: jax.lax.conv_transpose(
    x[:, None], KERNEL, (2, 3), 'SAME', dimension_numbers=LAYOUT
  ),
  'transposed, valid': lambda x, y: jax.lax.conv_transpose(
    x[:, None], KERNEL, (2, 1), 'VALID', dimension_numbers=LAYOUT
  ),
}


@pytest.mark.parametrize('name', PROGRAMS)
def test_primitives_mean_the_same_in_onnx(name, tmp_path):
  (batch,) = jax_export.symbolic_shape('b')
  inputs = {
    'noise': jax.ShapeDtypeStruct((batch, 3, 4), jnp.float32),
    'energy': jax.ShapeDtypeStruct((batch, 3, 4), jnp.float32),
  }
  newest = onnx_file.newest_opset()
  for opset in {onnx_file.PORTABLE, newest}:
    run = onnx_runner(tmp_path, PROGRAMS[name], inputs, opset)
    for count in (1, 2):
      expected = np.asarray(PROGRAMS[name](jnp.asarray(X[:count]), jnp.asarray(Y[:count])))
      np.testing.assert_allclose(
        run(X[:count], Y[:count]), expected, rtol=2e-6, atol=1e-6 * np.abs(expected).max()
      )


@pytest.mark.parametrize(
  'function, message',
  [
    (lambda x: jnp.sort(x), "primitive 'sort'"),
    (lambda x: x.astype(jnp.bfloat16).astype(jnp.float32), 'bfloat16'),
    (lambda x: jnp.concatenate([x, jnp.zeros((x.shape[0] + 1, 4))]), 'no multiple of the batch'),
    (lambda x: x[:, x[:, 0].astype(int)], 'places that the program computes'),
  ],
)
def test_what_onnx_cannot_express_is_named(function, message):
  (batch,) = jax_export.symbolic_shape('b', constraints=['mod(b, 2) == 0'])
  with pytest.raises(Unsupported, match=message):
    onnx_file.translate(function, {'noise': jax.ShapeDtypeStruct((batch, 4), jnp.float32)}, 'y')


def test_what_depends_on_constants_alone_is_computed_beforehand():
  weights = np.ones((4, 4), np.float32)
  closed = jax.make_jaxpr(
    lambda x: x @ jax.jit(lambda w: jnp.sqrt(w + 3).T)(weights) + jnp.ones(4)
  )(jnp.ones((2, 4)))
  flat, _, _ = flatten.flatten(closed)
  assert {equation.primitive.name for equation in flat.equations} <= {
    'dot_general',
    'broadcast_in_dim',
    'reshape',
    'add',
  }
  assert any(np.array_equal(array, 2 * weights) for array in flat.constants.values())


def test_inputs_without_influence_are_told_apart():
  assert program.reads(program.function(generator('voxel')), 8) == ['noise', 'energy']
  assert program.reads(program.function(generator('published/wgan_gp')), 8) == [
    'noise',
    'energy',
    'position',
    'direction',
  ]


def test_draws_hold_the_corners_of_the_range():
  system = generator('published/wgan_gp')
  noise, conditions = parity.draws(system.spectrum, 8)
  ranges, drawn = (sidecar.ranges_of(*c) for c in (system.spectrum, conditions))
  assert noise.shape == (1000, 8) and conditions.energy.shape == (1000,)
  for name in ranges:
    np.testing.assert_allclose(drawn[name], ranges[name], rtol=1e-5, atol=1e-6)
  assert (
    len(np.unique(conditions.energy[:32])) == 2
    and len(np.unique(np.column_stack([f[:32] for f in conditions]), axis=0)) == 32
  )


def test_deviations_are_relative_to_the_shower_and_refused():
  expected = np.array([[100.0, 0.0], [1.0, 0.5]])
  figures = parity.compare(
    expected, expected + [[0, 1e-4], [0, 0]], np.array([1e3, 1e3]), 1e-5, 'x'
  )
  assert (
    figures['cells'] == pytest.approx(1e-6)
    and figures['energy'] == pytest.approx(1e-6)
    and not figures['bitwise']
  )
  with pytest.raises(
    ValueError, match='x is refused: its showers are off by 0.0001 of the largest cell'
  ):
    parity.compare(expected, expected + [[0, 0], [0, 1e-4]], np.array([1e3, 1e3]), 1e-5, 'x')
  with pytest.raises(ValueError, match='refused'):
    parity.compare(expected, expected * np.nan, np.array([1e3, 1e3]), 1e-5, 'x')


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """The folder of an exported system, and the system."""
  system, folder = generator('voxel'), tmp_path_factory.mktemp('export') / 'model'
  workdir = tmp_path_factory.mktemp('run')
  for step, score in ((9, 0.25), (10, 0.75)):
    (workdir / 'evaluation' / str(step)).mkdir(parents=True)
    summary = {
      'prd_auc/min': {'value': score, 'error': 0.01, 'ceiling': 0.9},
      'meta': {'count': 100, 'workdir': '/home/me/run'},
    }
    (workdir / 'evaluation' / str(step) / 'summary.json').write_text(json.dumps(summary))
  export.write(system, tiny.config('voxel'), folder, str(workdir), told=lambda line: None)
  return folder, system


def test_the_description_is_complete(exported):
  folder, system = exported
  card = sidecar.read(str(folder))
  assert sorted(os.listdir(folder)) == sorted(
    ['README.md', 'model.json', 'spectrum.npz', *card['files']]
  )
  assert not os.path.exists(f'{folder}.part')
  assert {file.get('opset') for file in card['files'].values()} == {
    None,
    17,
    onnx_file.newest_opset(),
  }
  assert all(
    file['parity']['draws'] == 1000 and file['parity']['cells'] <= file['parity']['tolerance']
    for file in card['files'].values()
  )
  assert (
    card['quality']['step'] == 10 and card['quality']['figures']['prd_auc/min']['value'] == 0.75
  )  # 10 is newer than 9
  assert card['conditions']['ranges']['energy'] == [
    system.spectrum.energy.min(),
    system.spectrum.energy.max(),
  ]
  assert (
    card['noise']['variables'] == 8
    and card['config']['latent'] == 8
    and card['data']['fingerprint'] == '0123456789abcdef'
  )
  assert [i['used'] for i in card['inputs']] == [True, True, False, False]
  text = (folder / 'README.md').read_text()
  assert (
    '0.75 +- 0.01' in text
    and 'Apache-2.0' in text
    and '/home/me' not in text + (folder / 'model.json').read_text()
  )


@pytest.mark.parametrize('runtime', ['onnxruntime', 'jax'])
def test_a_loaded_model_makes_the_showers(exported, runtime):
  folder, system = exported
  noise, *particles = requests(system)
  model = inference.load(folder, runtime, threads=1)
  expected = np.asarray(
    jax.jit(system.method.sample)(system.variables, noise, Condition(*particles))
  )
  energy, position, direction = particles
  found = model.generate(energy, position, direction, noise=noise)
  assert (
    model.runtime == runtime and found.dtype == np.float32 and model.geometry == system.geometry
  )
  np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


def test_a_shower_depends_on_its_seed_and_number_only(exported):
  folder, system = exported
  model = inference.load(folder, 'onnxruntime')
  _, energy, position, direction = requests(system)
  make = functools.partial(model.generate, energy, position, direction)
  showers = make(seed=3)
  np.testing.assert_allclose(make(seed=3, batch=5), showers, rtol=1e-5, atol=1e-5 * showers.max())
  assert np.abs(make(seed=4) - showers).max() > 0.01 * showers.max()
  none = model.generate(energy[:0], position[:0], direction[:0])
  assert none.shape == (0, system.geometry.cells)


def test_particles_are_given_as_one_makes_conditions(exported):
  folder, _ = exported
  model = inference.load(folder, 'onnxruntime')
  energies = [2e4, 5e4]
  expected = model.generate(energies, np.zeros((2, 2)), np.tile([0.0, 0, 1], (2, 1)), seed=3)
  np.testing.assert_array_equal(model.generate(energies, seed=3), expected)
  np.testing.assert_array_equal(model.generate(energies, (0, 0), (0, 0, 1), seed=3), expected)
  alone = model.generate(2e4, seed=3)  # a batch of one is rounded in another order
  np.testing.assert_allclose(alone, expected[:1], rtol=0, atol=1e-5 * expected[0].max())


def test_bad_requests_are_refused_and_strange_ones_warned_of(exported):
  folder, system = exported
  model = inference.load(folder, 'onnxruntime')
  noise, energy, position, direction = requests(system, 3)
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    model.generate(energy, position, direction)
  high = system.spectrum.energy.max()
  with pytest.warns(
    UserWarning, match=f'energy from .* to {2 * high:g} MeV is outside the range .* to {high:g} MeV'
  ) as caught:
    model.generate(np.full(3, 2 * high), position, direction)
    model.stream(Condition(np.full(3, 2 * high), position, direction))
  assert [warning.filename for warning in caught] == [__file__] * 2
  with pytest.warns(UserWarning, match='dx/dz'):
    model.generate(energy, position, np.tile([0.6, 0, 0.8], (3, 1)))
  for bad, message in [
    ((energy * np.nan, position, direction), 'energy is nan'),
    ((energy, position[:, :1], direction), r'position of shape \(3, 1\)'),
    ((energy, position[:2], direction), '2 values of position for 3 particles'),
    ((-energy, position, direction), 'expected a value > 0'),
    ((energy, position, -direction), 'z of the direction is .* expected a value > 0'),
    ((energy, position, 2 * direction), 'length of the direction is 2 '),
  ]:
    with pytest.raises(ValueError, match=message):
      model.generate(*bad)
  with pytest.raises(ValueError, match=r'noise of shape \(3, 7\), expected \(3, 8\)'):
    model.generate(energy, position, direction, noise=noise[:, :7])
  with pytest.raises(ValueError, match='batch is 0'):
    model.generate(energy, position, direction, batch=0)


@pytest.mark.parametrize('name', ['generator.stablehlo', 'generator.opset17.onnx', 'model.json'])
def test_altered_and_truncated_files_are_detected(exported, tmp_path, name):
  path = tmp_path / 'model' / name
  for damage in (lambda b: b[:-200], lambda b: b.replace(b'a', b'e', 1), lambda b: b''):
    shutil.copytree(exported[0], tmp_path / 'model', dirs_exist_ok=True)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f'{name}.* (altered|truncated)'):
      inference.load(tmp_path / 'model')
  path.unlink()
  with pytest.raises(ValueError, match='missing|no model.json'):
    inference.load(tmp_path / 'model')


def test_a_sidecar_cannot_point_out_of_its_folder(exported, tmp_path):
  shutil.copytree(exported[0], tmp_path / 'model')
  card = sidecar.read(str(tmp_path / 'model'))
  card['files']['../secret'] = {
    **card['files'].pop('generator.stablehlo'),
    'opset': 1,
    'format': 'onnx',
  }
  (tmp_path / 'model' / 'model.json').write_text(
    json.dumps({**card, 'sha256': sidecar.digest(card)})
  )
  with pytest.raises(ValueError, match='secret'):
    inference.load(tmp_path / 'model')


def test_missing_packages_give_one_line(exported, tmp_path, monkeypatch):
  import importlib.util

  found = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda name, *rest: None if name in ('onnxruntime', 'openvino', 'onnx') else found(name, *rest),
  )
  with pytest.raises(
    ValueError, match=r'needs onnx, onnxruntime, .* pip install "calojax\[export\]"'
  ):
    export.check(tmp_path / 'new')
  assert inference.load(exported[0]).runtime == 'jax'
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *rest: None)
  with pytest.raises(
    ValueError,
    match='needs `pip install onnxruntime` or `pip install openvino` or '
    '`pip install jax flatbuffers`',
  ):
    inference.load(exported[0])


def test_an_export_that_misses_is_refused_and_leaves_what_was_there(
  exported, tmp_path, monkeypatch
):
  shutil.copytree(exported[0], tmp_path / 'model')
  before = sorted((file.name, file.read_bytes()) for file in (tmp_path / 'model').iterdir())
  monkeypatch.setattr(parity, 'PIECES', (40,))
  monkeypatch.setattr(parity, 'COUNT', 40)
  monkeypatch.setitem(parity.TOLERANCES, 'onnx', 1e-12)
  with pytest.raises(
    ValueError, match=r'generator.opset17.onnx is refused: .* expected at most 1e-12'
  ):
    export.write(exported[1], tiny.config('voxel'), tmp_path / 'model', told=lambda line: None)
  assert sorted((file.name, file.read_bytes()) for file in (tmp_path / 'model').iterdir()) == before
  assert os.listdir(tmp_path) == ['model']
  (tmp_path / 'mine').mkdir()
  (tmp_path / 'mine' / 'thesis.tex').write_text('x')
  with pytest.raises(ValueError, match='is there already and is no exported model'):
    export.write(exported[1], tiny.config('voxel'), tmp_path / 'mine')


def test_inference_imports_nothing_of_the_training():
  import subprocess
  import sys

  code = (
    'import sys, calojax.inference; '
    'print(sorted({"jax", "flax", "optax", "h5py", "onnxruntime"} & set(sys.modules)))'
  )
  root = pathlib.Path(__file__).parents[1]
  assert (
    subprocess.run(
      [sys.executable, '-c', code], capture_output=True, text=True, cwd=root, check=True
    ).stdout
    == '[]\n'
  )
