"""Conv2D against Conv3D as in Table 1 of Rehm et al. (2021): parameters, time of generation, time
of a training epoch.

Generation: `--steps` times 20 batches of `--batch` showers after `--warmup` batches, noise and
conditions given, energies left on the device. Training: `--train-steps` real steps of each config
(data on the device, one D and one G step), extrapolated to `--epoch` showers. The paper's numbers
are from a V100; on a CPU shorten it:

  python experiments/bench/conv2d_conv3d.py --steps 1 --warmup 1 --batch 32 --train-steps 2
  --train-batch 8
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import sys
import time

import numpy as np

PAPER = {
  'conv2d': {'parameters': 2.05e6, 'dense': 0.12e6, 'generation_s': 5.4, 'epoch_s': 105.0},
  'conv3d': {'parameters': 0.87e6, 'dense': 0.63e6, 'generation_s': 7.0, 'epoch_s': 291.0},
}
BATCHES = 20  # a step


def showers(geometry, batch: int):
  """Random showers `[batch]`, a quarter of the cells hit."""
  from calojax.showers import Condition, Shower

  rng = np.random.default_rng(0)
  energies = rng.exponential(1.0, (batch, geometry.cells)) * (
    rng.random((batch, geometry.cells)) < 0.25
  )
  condition = Condition(
    rng.uniform(2e3, 5e5, batch), np.zeros((batch, 2)), np.tile([0.0, 0.0, 1.0], (batch, 1))
  )
  return Shower(
    energies.astype(np.float32), Condition(*(field.astype(np.float32) for field in condition))
  )


def parameters(variables) -> dict[str, int]:
  """Parameters as Keras counts, running moments among them, and those of the dense layer."""
  import jax

  count = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(tree))
  return {'parameters': count(variables), 'dense': count(variables['params']['Dense_0'])}


def generation(method, variables, real, steps: int, warmup: int) -> float:
  """Seconds of `steps` times 20 batches."""
  import jax

  from calojax.training import trained

  generate = trained.compiled(method, variables)
  noise = np.random.default_rng(1).standard_normal((len(real.energies), method.latent), np.float32)
  given = jax.device_put((noise, *real.condition))
  for _ in range(warmup):
    jax.block_until_ready(generate(*given))
  start = time.perf_counter()
  for _ in range(steps):
    jax.block_until_ready([generate(*given) for _ in range(BATCHES)])
  return time.perf_counter() - start


def training(method, real, steps: int) -> float:
  """Seconds a training step, by the fastest: a shared machine only ever adds to it."""
  import jax

  from calojax.training import loop, sharding

  mesh = sharding.data_mesh()
  state, step = loop.initial_state(method, real, 0, mesh), loop.dispatcher(method, mesh)
  data = jax.device_put(jax.tree.map(lambda leaf: leaf[None, None], real), sharding.split(mesh, 2))
  seconds = []
  for _ in range(steps + 1):  # the first compiles
    start = time.perf_counter()
    state, metrics = step(state, data)
    jax.block_until_ready(metrics)
    seconds.append(time.perf_counter() - start)
  return min(seconds[1:])


def measured(name: str, arguments: argparse.Namespace) -> dict[str, float]:
  """One column of the table."""
  import jax

  from calojax import data
  from calojax.methods import build

  config = importlib.import_module(f'published.{name}').get_config()
  config.condition = (
    'energy_root'  # the paper's one number: our configs have a second, and so a few more parameters
  )
  geometry = data.load('clic').geometry
  real, small = showers(geometry, arguments.batch), showers(geometry, arguments.train_batch)
  method = build.build(config, geometry, real)
  variables = jax.jit(method.init)(
    jax.random.key(0), jax.tree.map(lambda leaf: leaf[:2], real)
  ).generator.ema
  row: dict[str, float] = {**parameters(variables)}
  row['generation_s'] = generation(method, variables, real, arguments.steps, arguments.warmup)
  row['ms_a_shower'] = 1e3 * row['generation_s'] / (arguments.steps * BATCHES * arguments.batch)
  row['epoch_s'] = (
    training(method, small, arguments.train_steps) * arguments.epoch / arguments.train_batch
  )
  return row


def main() -> None:
  """Measures both systems and prints and writes the table."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--steps', type=int, default=100)
  parser.add_argument('--batch', type=int, default=128)
  parser.add_argument('--warmup', type=int, default=20)
  parser.add_argument('--train-steps', type=int, default=10)
  parser.add_argument('--train-batch', type=int, default=128)
  parser.add_argument('--epoch', type=int, default=200_000, help='showers')
  parser.add_argument('--output', type=pathlib.Path)
  arguments = parser.parse_args()
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'configs'))
  import jax

  from calojax import provenance
  from calojax.files import write_text
  from calojax.training import allocation

  allocation.keep_freed_memory()
  device = jax.devices()[0].device_kind
  print(
    f'{arguments.steps} x {BATCHES} batches of {arguments.batch} after '
    f'{arguments.warmup}, on {device}; an epoch of '
    f'{arguments.epoch} showers from {arguments.train_steps} steps of {arguments.train_batch}',
    flush=True,
  )
  rows = {name: measured(name, arguments) for name in PAPER}
  rows['conv2d / conv3d'] = {
    key: rows['conv2d'][key] / value for key, value in rows['conv3d'].items()
  }
  rows['paper conv2d / conv3d'] = {
    key: PAPER['conv2d'][key] / value for key, value in PAPER['conv3d'].items()
  }
  for name, row in rows.items():
    print(f'{name:22}' + '  '.join(f'{key} {value:.4g}' for key, value in row.items()))
  if arguments.output:
    options = {key: value for key, value in vars(arguments).items() if key != 'output'}
    found = {'device': device, **options, 'rows': rows, 'paper': PAPER, **provenance.origin()}
    write_text(arguments.output, json.dumps(found, indent=2) + '\n')


if __name__ == '__main__':
  main()
