"""The programs that run an exported generator: ONNX Runtime, OpenVINO, JAX. None is imported before
it is asked for.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

RUNTIMES = {
  'onnxruntime': 'onnxruntime',
  'openvino': 'openvino',
  'jax': 'jax flatbuffers',
}  # in order of preference: what to install
INPUTS = ('noise', 'energy', 'position', 'direction')


def chosen_file(card: dict[str, Any], runtime: str) -> str | None:
  """The file that a runtime reads, of several opsets the oldest; None if there is none."""
  wanted = 'stablehlo' if runtime == 'jax' else 'onnx'
  files = {name: file for name, file in card['files'].items() if file['format'] == wanted}
  return min(files, key=lambda name: files[name].get('opset', 0), default=None)


def chosen(card: dict[str, Any], wanted: str | None, folder: str) -> str:
  """The runtime to use for a model, the wanted one if there is one.

  Raises:
    ValueError: an unknown runtime, one that the folder has no file for, or none that is installed.
  """
  import importlib.util

  if wanted not in (None, *RUNTIMES):
    raise ValueError(f'runtime is {wanted!r}, expected one of {", ".join(RUNTIMES)}')
  fitting = [name for name in RUNTIMES if chosen_file(card, name) and wanted in (None, name)]
  if not fitting:
    raise ValueError(
      f'{folder} has no file for {wanted}: {card.get("onnx_missing") or "it was exported without"}'
    )
  for name in fitting:
    if importlib.util.find_spec(name) and (
      name != 'jax' or importlib.util.find_spec('flatbuffers')
    ):
      return name
  raise ValueError(
    f'{folder} needs {" or ".join(f"`pip install {RUNTIMES[name]}`" for name in fitting)}, which is not installed'
  )


def runner(
  path: str, form: str, threads: int | None = None, runtime: str = 'onnxruntime'
) -> Callable[..., np.ndarray]:
  """A model file as a function `(noise, energy, position, direction) -> energies` of float32
  arrays.

  `form` is `onnx`, which `runtime` tells who reads, or `stablehlo`.
  """
  if form == 'stablehlo':
    return _jax(path)
  return openvino_runner(path, threads) if runtime == 'openvino' else _onnxruntime(path, threads)


def _onnxruntime(path: str, threads: int | None) -> Callable[..., np.ndarray]:
  """The generator in onnxruntime."""
  import onnxruntime

  options = onnxruntime.SessionOptions()
  options.log_severity_level = 3
  if threads:
    options.intra_op_num_threads = threads
  session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
  return lambda *arrays: session.run(None, dict(zip(INPUTS, arrays)))[0]


def openvino_runner(
  path: str, threads: int | None = None, precision: str = 'f32'
) -> Callable[..., np.ndarray]:
  """The generator in OpenVINO; of its own accord it computes in bfloat16 where the processor can,
  which is off by percents of a cell.
  """
  sys.modules.setdefault(
    'openvino_telemetry', None
  )  # which reports the import, from a fork that can hang beside jax's threads
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


def _jax(path: str) -> Callable[..., np.ndarray]:
  """The generator in jax, compiled once for every batch size."""
  import jax
  from jax import export

  with open(path, 'rb') as file:
    call = jax.jit(export.deserialize(bytearray(file.read())).call)
  return lambda *arrays: np.asarray(call(*arrays))
