"""One accelerator: the training step by precision and steps a dispatch, with the share of the
card's peak, the data on the device or handed over; generation a shower. Beside PyTorch, eager and
compiled, and ONNX Runtime, where they are installed and have the device.

  python experiments/bench/accelerator.py --peak 67 --output experiments/results/accelerator.json
  JAX_PLATFORMS=cpu python experiments/bench/accelerator.py --quick     tries all of it anywhere

All in one run, the contenders taking turns; `configs/cnn.py` without the penalty, as in
`training_step.py`. `--peak` is that of the card in float32, TFLOP/s, from its data sheet. `--trace`
keeps a profile of some steps for TensorBoard or Perfetto: between two dispatches nothing but the
rows of the next batches travels to the device.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import tempfile
from collections.abc import Callable
from typing import Any

import contest
import jax
import numpy as np
import training_step

from calojax import config, provenance
from calojax.files import write_text
from calojax.methods import build
from calojax.training import feed, loop, sharding, trained

Contenders = dict[str, Callable[[], None]]
STEPS = (1, 10, 100)  # a dispatch


def settings(dtype: str) -> Any:
  """The config of the step."""
  found = config.gan()
  found.weights.gradient_penalty = 0.0  # the twin has none
  found.dtype = dtype
  return found


def steps(dtype: str, batch: int, count: int, resident: bool) -> tuple[Callable[[], None], float]:
  """A call of one dispatch of so many steps with the batches that a training gives it, from
  showers that lie on the device or are handed over; and its floating-point operations, as XLA
  counts them.
  """
  real, geometry = training_step.showers(max(10_000, 4 * batch))
  method, mesh = build.build(settings(dtype), geometry), sharding.data_mesh()
  step = loop.jitted(method.update, mesh)
  state = [loop.initial_state(method, jax.tree.map(lambda leaf: leaf[:2], real), 0, mesh)]
  on_device = feed.Resident(real, 0, batch, 1, mesh)
  rng, split = np.random.default_rng(0), sharding.split(mesh, 2)

  def handed(_: int, n: int) -> Any:
    rows = rng.integers(0, len(real.energies), (n, 1, batch))
    return jax.device_put(jax.tree.map(lambda leaf: leaf[rows], real), split)

  batches: Any = on_device if resident else handed
  made = [0]

  def call() -> None:
    state[0], metrics = step(state[0], batches(made[0], count))
    made[0] += count
    jax.block_until_ready(metrics)

  cost = step.lower(state[0], batches(0, 1)).compile().cost_analysis() or {}
  return call, float(cost.get('flops', 0.0))


def pytorch_steps(batch: int, count: int, compiled: bool) -> Callable[[], None]:
  """A call of so many steps in PyTorch."""
  import torch  # pyright: ignore[reportMissingImports] # of the contender, not of calojax
  from pytorch_cnn import Training

  device = 'cuda' if torch.cuda.is_available() else 'cpu'
  training = Training(device)
  step = torch.compile(training.step) if compiled else training.step
  real = torch.rand(batch, 1, 30, 30, device=device)
  condition = torch.rand(batch, 5, device=device)

  def call() -> None:
    for _ in range(count):
      step(real, condition)
    if device == 'cuda':
      torch.cuda.synchronize()

  return call


def generators(dtype: str, batch: int) -> Contenders:
  """Calls that make a batch of showers, noise and particles in the host's memory, showers too."""
  real, geometry = training_step.showers(batch)
  method = build.build(settings(dtype), geometry)
  variables = jax.jit(method.init)(jax.random.key(0), real).generator.ema
  run = trained.compiled(method, variables)
  noise = np.random.default_rng(1).standard_normal((batch, method.latent), np.float32)

  def call() -> None:
    np.asarray(run(noise, *real.condition))

  return {f'calojax {dtype}': call}


def pytorch_generators(batch: int) -> Contenders:
  """The same in PyTorch, to network space."""
  import torch  # pyright: ignore[reportMissingImports] # of the contender, not of calojax
  from pytorch_cnn import Generator

  device = 'cuda' if torch.cuda.is_available() else 'cpu'
  plain = Generator().eval().to(device)
  z, condition = torch.randn(batch, 256), torch.rand(batch, 5)

  def call(generator: Any) -> None:
    with torch.inference_mode():
      generator(z.to(device), condition.to(device)).cpu()

  return {
    'PyTorch eager': functools.partial(call, plain),
    'PyTorch compile': functools.partial(call, torch.compile(plain)),
  }


def onnx_generators(batch: int) -> Contenders:
  """The model of the package in ONNX Runtime, on each provider of the device."""
  import onnxruntime

  from calojax import zoo

  known = onnxruntime.get_available_providers()
  wanted = [p for p in ('TensorrtExecutionProvider', 'CUDAExecutionProvider') if p in known]
  path = f'{zoo.find("lhcb_ecal")}/generator.opset17.onnx'
  real, _ = training_step.showers(batch)
  found: Contenders = {}
  for provider in wanted or ['CPUExecutionProvider']:
    session = onnxruntime.InferenceSession(path, providers=[provider])
    width = session.get_inputs()[0].shape[1]
    noise = np.random.default_rng(1).standard_normal((batch, width), np.float32)
    values = dict(zip((entry.name for entry in session.get_inputs()), (noise, *real.condition)))
    found[f'lhcb_ecal, {provider}'] = functools.partial(_discarded, session, values)
  return found


def _discarded(session: Any, values: dict[str, np.ndarray]) -> None:
  session.run(None, values)


def trainings(given: argparse.Namespace) -> list[dict[str, Any]]:
  """A row a contender of the training step."""
  calls: Contenders = {}
  made: dict[str, dict[str, Any]] = {}
  counts = STEPS[:2] if given.quick else STEPS
  for dtype in ('float32', 'bfloat16'):
    for count in counts:
      name = f'calojax {dtype}, {count} a dispatch'
      calls[name], flops = steps(dtype, given.batch, count, True)
      made[name] = {'dtype': dtype, 'steps': count, 'resident': True, 'flops_a_step': flops}
  name = 'calojax float32, 1 a dispatch, data handed over'
  calls[name], flops = steps('float32', given.batch, 1, False)
  made[name] = {'dtype': 'float32', 'steps': 1, 'resident': False, 'flops_a_step': flops}
  if importlib.util.find_spec('torch'):
    for compiled in (False, True):
      name = 'PyTorch ' + ('compile' if compiled else 'eager')
      calls[name] = pytorch_steps(given.batch, 10, compiled)
      made[name] = {'dtype': 'float32', 'steps': 10}
  times = contest.seconds(calls, given.rounds, given.turn)
  rows = []
  for name, row in made.items():
    seconds = float(np.median(times[name])) / row['steps']
    share = row.get('flops_a_step', 0.0) / seconds / (given.peak * 1e12) if given.peak else None
    rows.append({'name': name, **row, 'milliseconds_a_step': 1e3 * seconds, 'share_of_peak': share})
  return rows


def generation(given: argparse.Namespace) -> list[dict[str, Any]]:
  """A row a contender and batch."""
  rows = []
  for batch in (1, 100) if given.quick else (1, 100, 10_000):
    calls = generators('float32', batch) | generators('bfloat16', batch)
    if importlib.util.find_spec('torch'):
      calls |= pytorch_generators(batch)
    if importlib.util.find_spec('onnxruntime'):
      calls |= onnx_generators(batch)
    for name, t in contest.seconds(calls, given.rounds, given.turn).items():
      microseconds = 1e6 * float(np.median(t)) / batch
      rows.append({'name': name, 'batch': batch, 'microseconds_a_shower': microseconds})
  return rows


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--batch', type=int, default=512)
  parser.add_argument('--peak', type=float, default=0.0, help='TFLOP/s of the card in float32')
  parser.add_argument('--rounds', type=int, default=15)
  parser.add_argument('--turn', type=float, default=0.3, help='seconds')
  parser.add_argument('--quick', action='store_true', help='small batches, one short round')
  parser.add_argument('--trace', help='folder of a profile')
  parser.add_argument('--output')
  given = parser.parse_args()
  if given.quick:
    given.batch, given.rounds, given.turn = 16, 1, 0.01
  device = jax.devices()[0]
  found = {
    'meta': provenance.origin() | {'device': device.device_kind, 'jax': jax.__version__},
    'batch': given.batch,
    'peak_tflops': given.peak or None,
    'training': trainings(given),
    'generation': generation(given),
  }
  with tempfile.TemporaryDirectory() as unwanted:
    call, _ = steps('float32', given.batch, 10, True)
    call()
    with jax.profiler.trace(given.trace or unwanted):
      call()
      call()
  text = json.dumps(found, indent=1) + '\n'
  print(text)
  if given.output:
    write_text(given.output, text)


if __name__ == '__main__':
  main()
