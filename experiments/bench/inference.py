"""Showers a second of one generator by every route there is, on one core: JAX, its export in JAX,
ONNX Runtime, OpenVINO, C++.

The generator comes from a workdir, or is an untrained one of a config: the weights matter for the
errors of bfloat16, and can for the speed (JAX is half as fast with an untrained wgan_gp). Noise and
particles are arrays in memory, and the routes take turns in one process; the C++ program comes
after them. A route gets a large batch in the pieces that a workdir (JAX) or
`calojax.load(...).generate` (all others) would cut it into; `in one call` gives it to ONNX Runtime
whole.

The time of the processor is the one to compare: the clock counts what else runs on the machine.

  python experiments/bench/inference.py --workdir runs/cnn_aux --output inference.json
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:  # importing it imports jax, whose threads follow the affinity of that moment
  from calojax.training.trained import Generator

ROOT = pathlib.Path(__file__).parents[2]
ONE_CALL = 'ONNX Runtime in one call'
REFERENCE = 'JAX jit'
ROUGH = 'OpenVINO bfloat16'
CPP_SHOWERS = {1: 1000, 100: 5000}  # at least, a turn of the C++ program

Route = Callable[..., np.ndarray]


class Times(NamedTuple):
  """Milliseconds a shower `[rounds]`, by the clock and of the processor."""

  wall: list[float]
  cpu: list[float]


def generator(config: str, folder: str | None) -> Generator:
  """A trained generator of a workdir, or an untrained one of `configs/CONFIG.py`."""
  import jax

  from calojax import data, showers
  from calojax.methods import build
  from calojax.training.trained import Generator, trained

  if folder:
    return trained(folder)
  sys.path.append(str(ROOT / 'configs'))
  settings = importlib.import_module(config).get_config()
  real, geometry = data.load(settings.data.source)[:2]
  method = build.build(settings, geometry, real)
  variables = jax.jit(method.init)(jax.random.key(0), showers.take(real, slice(8))).generator.ema
  assert variables is not None, 'every method keeps an average of its generator'
  return Generator.of(method, variables, geometry, real.condition, step=0, description={})


def write(system: Generator, folder: str) -> dict[str, str]:
  """Paths of the generator's StableHLO and ONNX file, written to the folder."""
  from calojax.export import onnx_file, program

  generate, latent = program.function(system), system.latent
  graph = onnx_file.translate(generate, program.inputs(latent), program.OUTPUT)
  contents = {
    'stablehlo': program.stablehlo(generate, latent),
    'onnx': onnx_file.model(graph, onnx_file.PORTABLE).SerializeToString(),
  }
  paths = {form: os.path.join(folder, f'generator.{form}') for form in contents}
  for form, content in contents.items():
    pathlib.Path(paths[form]).write_bytes(content)
  return paths


def routes(system: Generator, paths: dict[str, str]) -> dict[str, tuple[Route, int]]:
  """Each way to make showers, and how many it makes at a time."""
  from calojax.inference import runtimes
  from calojax.inference.sampler import BATCH
  from calojax.training.trained import compiled

  generate = compiled(system.method, system.variables)
  found = {
    REFERENCE: (lambda *arrays: np.asarray(generate(*arrays)), system.batch),
    'StableHLO in JAX': (runtimes.runner(paths['stablehlo'], 'jax'), BATCH),
    'ONNX Runtime': (runtimes.runner(paths['onnx'], 'onnxruntime', 1), BATCH),
  }
  found[ONE_CALL] = found['ONNX Runtime'][0], sys.maxsize
  if importlib.util.find_spec('openvino'):
    found['OpenVINO'] = runtimes.openvino_runner(paths['onnx'], 1), BATCH
    if instructions():
      found[ROUGH] = runtimes.openvino_runner(paths['onnx'], 1, 'bf16'), BATCH
  return found


def instructions() -> str | None:
  """The processor's instructions for products in bfloat16."""
  line = re.search(r'^flags\s*:(.*)$', pathlib.Path('/proc/cpuinfo').read_text(), re.M)
  flags = line[1].split() if line else []
  return next((name for name in ('amx_bf16', 'avx512_bf16') if name in flags), None)


def requests(system: Generator, count: int) -> tuple[np.ndarray, ...]:
  """Noise and particles of the generator's spectrum."""
  from calojax import spectrum

  noise = np.random.default_rng(1).standard_normal((count, system.latent), np.float32)
  return noise, *(
    np.asarray(field, np.float32) for field in spectrum.draw(system.spectrum, count, 0)
  )


def call(route: Route, piece: int, arrays: tuple[np.ndarray, ...]) -> np.ndarray:
  """The showers `[b, v]` of one route, made in pieces."""
  count = len(arrays[0])
  if count <= piece:
    return route(*arrays)
  return np.concatenate(
    [route(*(array[start : start + piece] for array in arrays)) for start in range(0, count, piece)]
  )


def measure(
  contenders: dict[str, Callable[[], Any]], showers: int, rounds: int, turn: float
) -> dict[str, Times]:
  """The times of each contender; in every round each has one turn of at least `turn` seconds."""
  times = {name: Times([], []) for name in contenders}
  for _ in range(rounds):
    for name, contender in contenders.items():
      contender()  # the first call after another's turn finds cold caches
      wall, cpu, calls = time.perf_counter(), time.process_time(), 0
      while not calls or time.perf_counter() - wall < turn:
        contender()
        calls += 1
      times[name].wall.append(1e3 * (time.perf_counter() - wall) / calls / showers)
      times[name].cpu.append(1e3 * (time.process_time() - cpu) / calls / showers)
  return times


def cpp(program: str, model: str, batch: int, rounds: int) -> Times:
  """The times of the C++ program, as it states them for the inference alone."""
  from calojax.inference.sampler import BATCH

  times, pattern = Times([], []), r'inference ([\d.]+) ms a shower .*, ([\d.]+) ms of the processor'
  with tempfile.TemporaryDirectory() as folder:
    command = [
      program,
      model,
      '--output',
      f'{folder}/showers.npy',
      '--energy',
      20000,
      '--threads',
      1,
      '--count',
      max(batch, CPP_SHOWERS.get(batch, 0)),
      '--batch',
      min(batch, BATCH),
    ]
    for _ in range(rounds):
      done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
      told = re.search(pattern, done.stdout)
      if told is None:
        raise ValueError(f'{program} says {done.stdout!r}, expected a time of the inference')
      times.wall.append(float(told[1]))
      times.cpu.append(float(told[2]))
  return times


def errors(
  found: dict[str, tuple[Route, int]], arrays: tuple[np.ndarray, ...]
) -> dict[str, dict[str, float]]:
  """How far each route's showers are off those of JAX, at most: of the shower's largest cell, and
  of its energy; and the mean energy.
  """
  from calojax.export import parity

  expected = call(*found[REFERENCE], arrays)
  total, figures = expected.sum(1, dtype=np.float64), {}
  for name, route in found.items():
    showers = call(*route, arrays)
    off = parity.compare(expected, showers, arrays[1], np.inf, name)
    figures[name] = {key: off[key] for key in ('cells', 'energy')} | {
      'mean energy': float(showers.sum(dtype=np.float64) / total.sum() - 1)
    }
  return figures


def table(times: dict[int, dict[str, Times]], off: dict[str, dict[str, float]]) -> str:
  """A Markdown table: CPU ms a shower (median, range), showers/s by the clock, the ratio to the
  fastest exact one.
  """
  lines = [
    '| Batch | Route | CPU ms a shower | Range | Showers/s by the clock '
    '| To the fastest of float32 | Off by, of the largest cell |',
    '| ---: | --- | ---: | --- | ---: | ---: | ---: |',
  ]
  for batch, each in times.items():
    fastest = min(np.median(t.cpu) for name, t in each.items() if name != ROUGH)
    for name, t in each.items():
      cell = f'{off[name]["cells"]:.1g}' if name in off else ''
      lines.append(
        f'| {batch:,} | {name} | {np.median(t.cpu):.4f} | {min(t.cpu):.4f} to {max(t.cpu):.4f} '
        f'| {1e3 / np.median(t.wall):,.0f} | {np.median(t.cpu) / fastest:.2f} | {cell} |'
      )
  return '\n'.join(lines)


def versions() -> dict[str, str]:
  names = ('jax', 'onnxruntime', 'openvino', 'onnx', 'numpy')
  return {
    name: importlib.metadata.version(name) for name in names if importlib.util.find_spec(name)
  }


def arguments() -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--config', default='cnn_aux', help='of an untrained generator')
  parser.add_argument('--workdir', help='of a trained one instead')
  parser.add_argument('--batches', type=int, nargs='+', default=[1, 100, 10_000])
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--turn', type=float, default=0.2, help='seconds')
  parser.add_argument('--cpp', help='the program of experiments/cpp')
  parser.add_argument('--output', type=pathlib.Path, help='JSON')
  return parser.parse_args()


def main() -> None:
  given = arguments()
  # Before jax is imported: its threads follow the affinity.
  os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
  import jax

  from calojax import files, provenance
  from calojax.training import allocation

  allocation.keep_freed_memory()
  system, times = generator(given.config, given.workdir), {}
  with tempfile.TemporaryDirectory() as folder:
    paths = write(system, folder)
    found = routes(system, paths)
    off = errors(found, requests(system, 1000))
    for batch in given.batches:
      arrays = requests(system, batch)
      contenders = {name: functools.partial(call, *route, arrays) for name, route in found.items()}
      if batch <= found['ONNX Runtime'][1]:
        del contenders[ONE_CALL]
      times[batch] = measure(contenders, batch, given.rounds, given.turn)
      if given.cpp:
        times[batch]['C++'] = cpp(given.cpp, paths['onnx'], batch, given.rounds)
  print(table(times, off))
  parameters = sum(leaf.size for leaf in jax.tree.leaves(system.variables['params']))
  name = os.path.basename(os.path.normpath(given.workdir or given.config))
  result = {
    'config': name,
    'parameters': parameters,
    'bfloat16': instructions(),
    'versions': versions(),
    'pieces': {name: route[1] for name, route in found.items() if name != ONE_CALL},
    'errors': off,
    'ms a shower': {
      batch: {name: t._asdict() for name, t in each.items()} for batch, each in times.items()
    },
  }
  print(json.dumps({key: value for key, value in result.items() if key != 'ms a shower'}, indent=1))
  if given.output:
    files.write_text(given.output, json.dumps({**result, **provenance.origin()}, indent=1) + '\n')


if __name__ == '__main__':
  main()
