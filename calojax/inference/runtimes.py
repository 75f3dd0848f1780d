"""The programs that run an exported generator: ONNX Runtime, OpenVINO, JAX. None is imported before
it is asked for.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from calojax import registry
from calojax.inference.sampler import Run

INPUTS = ('noise', 'energy', 'position', 'direction')


def chosen_file(card: dict[str, Any], runtime: str) -> str | None:
  """The file that a runtime reads, of several opsets the oldest; None if there is none."""
  wanted = registry.find(RUNTIMES, runtime, 'runtime').form
  files = {name: file for name, file in card['files'].items() if file['format'] == wanted}
  # The newest opset is for programs that want it; the oldest is what every version reads.
  return min(files, key=lambda name: files[name].get('opset', 0), default=None)


def chosen(card: dict[str, Any], wanted: str | None, folder: str) -> tuple[str, str]:
  """The runtime to use for a model, the wanted one if one is, and its file.

  Raises:
    ValueError: an unknown runtime, one that the folder has no file for, or none that is installed.
  """
  names = RUNTIMES if wanted is None else [wanted]
  fitting = {name: file for name in names if (file := chosen_file(card, name))}
  if not fitting:
    why = card.get('onnx_missing') or 'it was exported without'
    raise ValueError(f'{folder} has no file for {wanted}: {why}')
  # Looked up, not imported: a runtime that is not taken costs nothing.
  for name, file in fitting.items():
    if all(importlib.util.find_spec(package) for package in RUNTIMES[name].packages):
      return name, file
  needed = ' or '.join(f'`pip install {" ".join(RUNTIMES[name].packages)}`' for name in fitting)
  raise ValueError(f'{folder} needs {needed}, which is not installed')


def runner(path: str, runtime: str, threads: int | None = None) -> Run:
  """A model file in a runtime, as a function `(noise, energy, position, direction) -> energies` of
  float32 arrays.
  """
  return registry.find(RUNTIMES, runtime, 'runtime').open(path, threads)


def onnx_runtime() -> Any:
  """The package `onnxruntime`, told not to report to its maker, nor to print a notice that it does:
  newer builds do, unless the environment says otherwise before they are imported.
  """
  os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
  import onnxruntime

  return onnxruntime


def onnx_session(path: str, threads: int | None = None) -> Any:
  """A session of ONNX Runtime on the processor."""
  onnxruntime = onnx_runtime()
  options = onnxruntime.SessionOptions()
  options.log_severity_level = 3  # errors: its warnings tell of optimisations that it does without
  if threads:
    options.intra_op_num_threads = threads
  return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def _onnxruntime(path: str, threads: int | None) -> Run:
  """The generator in ONNX Runtime."""
  session = onnx_session(path, threads)
  return lambda *arrays: session.run(None, dict(zip(INPUTS, arrays)))[0]


def openvino_runner(path: str, threads: int | None = None, precision: str = 'f32') -> Run:
  """The generator in OpenVINO; of its own accord it computes in bfloat16 where the processor can,
  which is off by percents of a cell.
  """
  # Its telemetry reports the import, from a fork that can hang beside jax's threads.
  sys.modules.setdefault('openvino_telemetry', None)  # pyright: ignore[reportArgumentType] # as Python documents it: the import fails
  import openvino

  options = {
    'INFERENCE_PRECISION_HINT': precision,
    'PERFORMANCE_HINT': 'LATENCY',
    'ENABLE_CPU_PINNING': False,
  }
  if threads:
    options['INFERENCE_NUM_THREADS'] = threads
  compiled = openvino.Core().compile_model(path, 'CPU', options)
  request, turn = compiled.create_infer_request(), threading.Lock()

  def run(*arrays: np.ndarray) -> np.ndarray:
    with turn:  # a request is for one caller at a time
      return request.infer(dict(zip(INPUTS, arrays)), share_inputs=True, share_outputs=False)[0]

  return run


def _jax(path: str, threads: int | None) -> Run:
  """The generator in JAX, which compiles it for every size of a piece and has its own threads."""
  import jax
  from jax import export

  with open(path, 'rb') as file:
    call = jax.jit(export.deserialize(bytearray(file.read())).call)
  return lambda *arrays: np.asarray(call(*arrays))


class Runtime(NamedTuple):
  """A program that runs model files.

  Attributes:
    form: the files' format in the sidecar.
    packages: to install.
    open: `(path, threads) -> run`.
  """

  form: str
  packages: tuple[str, ...]
  open: Callable[[str, int | None], Run]


RUNTIMES = {  # in order of preference
  'onnxruntime': Runtime('onnx', ('onnxruntime',), _onnxruntime),
  'openvino': Runtime('onnx', ('openvino',), openvino_runner),
  'jax': Runtime('stablehlo', ('jax', 'flatbuffers'), _jax),
}
