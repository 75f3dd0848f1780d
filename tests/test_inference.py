"""Runtimes of exported generators, and the forms of products and convolutions that they are fast
in.
"""

import collections
import concurrent.futures
import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.methods.build import build
from calojax.showers import take
from calojax.training.trained import Generator
from conftest import ROOT

for needed in ('onnx', 'onnxruntime', 'flatbuffers'):
  pytest.importorskip(needed)

from calojax import export, inference
from calojax.export import onnx_file, parity
from calojax.inference import runtimes, sidecar
from calojax.models import convolutions

INSTALLED = [name for name in runtimes.RUNTIMES if importlib.util.find_spec(name)]


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """The folder of an exported convolutional generator."""
  config = tiny.config('published/cnn_aux')
  few, geometry, _ = tiny.showers(config.data.source)
  method = build(config, geometry, few)
  variables = jax.jit(method.init)(jax.random.key(0), take(few, slice(4))).generator.ema
  rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp('export') / 'model'
  # Without a positive offset most showers of an untrained network are empty.
  variables = jax.tree.map(
    lambda leaf: np.asarray(leaf) + 0.05 * rng.random(leaf.shape, np.float32), variables
  )
  described = {'fingerprint': '0123456789abcdef', 'provenance': {}}
  system = Generator.of(method, variables, geometry, few.condition, step=0, description=described)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(parity, 'PIECES', (40,))
    patch.setattr(parity, 'COUNT', 40)
    export.write(system, config, folder, told=lambda line: None)
  return folder, few.condition


@pytest.mark.parametrize('runtime', INSTALLED)
def test_every_runtime_makes_the_same_showers(exported, runtime):
  folder, particles = exported
  model, expected = (
    inference.load(folder, runtime, threads=1),
    inference.load(folder, 'onnxruntime').generate(*particles, seed=1),
  )
  assert model.runtime == runtime and expected.max() > 1
  for batch in (64, 20, 63):
    found = model.generate(*particles, seed=1, batch=batch)
    assert (
      np.abs(found - expected).max(1) <= 1e-5 * expected.max(1)
    ).all()  # bfloat16 is off by 1e-3
  single = model.generate(*(field[:1] for field in particles), seed=1)
  np.testing.assert_allclose(single[0], expected[0], atol=1e-5 * expected[0].max())


@pytest.mark.parametrize('runtime', INSTALLED)
def test_callers_side_by_side_get_their_own_showers(exported, runtime):
  folder, particles = exported
  model = inference.load(folder, runtime, threads=1)
  make = functools.partial(model.generate, *particles)
  expected = [make(seed) for seed in range(8)]
  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for found, wanted in zip(pool.map(make, range(8)), expected):
      np.testing.assert_array_equal(found, wanted)
  assert not np.array_equal(expected[0], expected[1])


def test_onnx_runtime_reports_to_nobody_and_says_nothing():
  pytest.importorskip('onnxruntime')
  code = """import os, calojax; calojax.load('lhcb_ecal', 'onnxruntime')
assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"""
  environment = {k: v for k, v in os.environ.items() if not k.startswith('ORT_')}
  process = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, env=environment
  )
  assert (process.returncode, process.stdout, process.stderr) == (0, '', '')


def test_openvino_reports_to_nobody(exported):
  pytest.importorskip('openvino')
  code = f"""import os; del os.fork; import calojax; calojax.load({str(exported[0])!r}, "openvino")
import openvino.tools.ovc.telemetry_utils as utilities; print(utilities.tm.__name__)"""
  process = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, check=True
  )
  assert process.stdout == 'openvino.tools.ovc.telemetry_stub\n'


def test_openvino_in_bfloat16_is_an_explicit_choice(exported):
  openvino = pytest.importorskip('openvino')
  if 'BF16' not in openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
    pytest.skip('the processor computes in float32 only')
  folder, particles = exported
  _, file = runtimes.chosen(sidecar.read(str(folder)), 'openvino', str(folder))
  path = folder / file
  noise = np.random.default_rng(0).standard_normal((64, 8), np.float32)
  exact, rough = (
    runtimes.openvino_runner(str(path), 1, precision)(noise, *particles)
    for precision in ('f32', 'bf16')
  )
  assert 1e-5 < np.abs(rough - exact).max() / exact.max() < 0.2


def test_the_first_installed_runtime_is_taken(exported, monkeypatch):
  found, missing = importlib.util.find_spec, set()
  monkeypatch.setattr(
    importlib.util, 'find_spec', lambda name, *rest: None if name in missing else found(name, *rest)
  )
  assert inference.load(exported[0]).runtime == 'onnxruntime'
  for name, following in zip(INSTALLED, INSTALLED[1:]):
    missing.add(name)
    assert inference.load(exported[0]).runtime == following
  with pytest.raises(ValueError, match='needs `pip install onnxruntime`, which is not installed'):
    inference.load(exported[0], 'onnxruntime')
  with pytest.raises(ValueError, match="no runtime 'tensorrt'; known: onnxruntime, openvino, jax"):
    inference.load(exported[0], 'tensorrt')


def in_onnx(function, *arrays, tmp_path):
  """What a function gives in onnxruntime, and how many nodes of each kind it has there."""
  (batch,) = jax.export.symbolic_shape('b')
  inputs = {
    name: jax.ShapeDtypeStruct((batch, *array.shape[1:]), jnp.float32)
    for name, array in zip(runtimes.INPUTS, arrays)
  }
  model = onnx_file.model(onnx_file.translate(function, inputs, 'y'), onnx_file.PORTABLE)
  (tmp_path / 'x.onnx').write_bytes(model.SerializeToString())
  run: Callable[..., np.ndarray] = runtimes.runner(str(tmp_path / 'x.onnx'), 'onnxruntime', 1)
  return run(*arrays), collections.Counter(node.op_type for node in model.graph.node)


@pytest.mark.parametrize(
  'space, taps, strides, padding, co',
  [
    ((4, 4), (3, 3), (2, 2), 'SAME', 5),
    ((4, 4), (3, 3), (2, 2), 'SAME', 1),
    ((3, 5), (5, 4), (3, 2), 'VALID', 2),
    ((3, 5), (5, 4), (3, 2), ((3, 1), (2, 2)), 4),
    ((6, 7), (3, 2), (1, 1), 'SAME', 1),
    ((2, 3, 4), (3, 2, 3), (2, 1, 3), 'SAME', 3),
    ((2, 3, 4), (3, 3, 3), (2, 2, 2), 'VALID', 2),
  ],
)
def test_transposed_convolutions_are_products(space, taps, strides, padding, co, tmp_path):
  rng = np.random.default_rng(0)
  x, kernel = (
    rng.standard_normal((3, *space, 6), np.float32),
    jnp.asarray(rng.standard_normal((*taps, 6, co), np.float32)),
  )
  function = lambda x: (
    convolutions.conv_transpose(x, kernel, strides, padding, 'lax') + jnp.arange(1.0, co + 1)
  )
  found, kinds = in_onnx(function, x, tmp_path=tmp_path)
  expected = np.asarray(function(x))
  np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())
  assert not kinds['ConvTranspose'] and not kinds['Conv'] and kinds['Gemm'] + kinds['MatMul']


def test_a_phase_without_a_tap_is_left_to_the_runtime(tmp_path):
  x, kernel = (
    np.random.default_rng(0).standard_normal((3, 4, 4, 6), np.float32),
    jnp.ones((2, 2, 6, 4)),
  )
  function = lambda x: convolutions.conv_transpose(x, kernel, (3, 3))
  found, kinds = in_onnx(function, x, tmp_path=tmp_path)
  np.testing.assert_allclose(found, function(x), atol=1e-5)
  assert kinds['ConvTranspose'] == 1


LAYERS = {
  'dense': lambda x: x @ KERNEL[0, 0],
  'convolution': lambda x: convolutions.conv(x, KERNEL, (1, 1)),
  'transposed convolution': lambda x: convolutions.conv_transpose(x, KERNEL, (2, 2)),
}
KERNEL = jnp.asarray(np.random.default_rng(1).standard_normal((3, 3, 4, 6)).astype(np.float32))
CHANNELS = np.random.default_rng(2).uniform(0.5, 2, (4, 6)).astype(np.float32)


@pytest.mark.parametrize('layer', LAYERS)
def test_batch_norm_goes_into_the_layer_before_it(layer, tmp_path):
  bias, mean, scale, shift = CHANNELS
  function = lambda x: jax.nn.relu(shift + scale * (LAYERS[layer](x) + bias - mean) / 3)
  x = np.random.default_rng(0).standard_normal((3, 5, 5, 4), np.float32)
  found, kinds = in_onnx(function, x, tmp_path=tmp_path)
  np.testing.assert_allclose(found, function(x), atol=2e-6 * found.max())
  assert (
    not any(kinds[kind] for kind in ('Sub', 'Mul', 'Div', 'Max'))
    and kinds['Add'] <= 1
    and kinds['Relu'] == 1
  )


def test_what_is_read_twice_is_made_once_and_keeps_its_numbers(tmp_path):
  function = lambda x: (lambda y: jnp.where(y > 0, y, 0.2 * y) + (y - 1) * x.sum())(
    x @ KERNEL[0, 0]
  )
  x = np.random.default_rng(0).standard_normal((3, 4), np.float32)
  found, kinds = in_onnx(lambda x: function(x), x, tmp_path=tmp_path)
  np.testing.assert_allclose(found, function(x), rtol=1e-5, atol=1e-5)
  assert kinds['MatMul'] == 1


def test_a_constant_of_each_cell_stays_out_of_the_kernel(tmp_path):
  cells = np.random.default_rng(3).standard_normal((5, 5, 6)).astype(np.float32)
  function = lambda x: convolutions.conv(x, KERNEL, (1, 1)) * cells - cells
  x = np.random.default_rng(0).standard_normal((3, 5, 5, 4), np.float32)
  found, kinds = in_onnx(function, x, tmp_path=tmp_path)
  np.testing.assert_allclose(found, function(x), atol=2e-6 * np.abs(found).max())
  assert kinds['Mul'] == 1 and kinds['Sub'] == 1
