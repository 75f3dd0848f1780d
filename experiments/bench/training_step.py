"""One full training step of the CNN baseline (one D and one G step, float32), calojax against
PyTorch eager.

The contenders take turns in one process, all with freed memory kept (`calojax.allocation`, from
which PyTorch gains as well). The last columns are calojax's rate over the contender's: median over
the rounds, and of the best rounds. calojax's step is the real one, with moving average, transform
and metrics; PyTorch's has none of them.

  python experiments/bench/training_step.py --threads 2
"""

from __future__ import annotations

import argparse

import contest
import numpy as np


def showers(batch: int):
  """Random showers `[batch]` as sparse as real ones, and their geometry."""
  from calojax.geometry import Geometry, Layer
  from calojax.showers import Condition, Shower

  rng = np.random.default_rng(0)
  energies = rng.exponential(30.0, (batch, 900)) * (rng.random((batch, 900)) < 0.16)
  direction = np.tile([0.0, 0.0, 1.0], (batch, 1))
  condition = Condition(rng.uniform(1e3, 1e5, batch), rng.uniform(-10, 10, (batch, 2)), direction)
  shower = Shower(
    energies.astype(np.float32), Condition(*(field.astype(np.float32) for field in condition))
  )
  return shower, Geometry('bench', (Layer((30, 30), (20.2, 20.2), 150.0),))


def calojax_step(batch: int):
  """A call that makes one step of calojax."""
  import jax

  from calojax import config
  from calojax.methods import build
  from calojax.training import loop, sharding

  real, geometry = showers(batch)
  settings = config.gan()
  settings.weights.gradient_penalty = 0.0  # the twin has none
  method, mesh = build.build(settings, geometry), sharding.data_mesh()
  state = [loop.initial_state(method, real, 0, mesh)]
  data = jax.device_put(jax.tree.map(lambda leaf: leaf[None, None], real), sharding.split(mesh, 2))
  step = loop.dispatcher(method, mesh)

  def call() -> None:
    state[0], metrics = step(state[0], data)
    jax.block_until_ready(metrics)

  return call


def pytorch_step(batch: int, channels_last: bool):
  """A call that makes one step of PyTorch."""
  import torch
  from pytorch_cnn import Training

  training = Training(channels_last=channels_last)
  real, condition = torch.rand(batch, 1, 30, 30), torch.rand(batch, 5)
  return lambda: training.step(real, condition)


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--threads', type=int, default=2)
  parser.add_argument('--batch', type=int, default=128)
  parser.add_argument('--rounds', type=int, default=15)
  arguments = parser.parse_args()
  contest.prepare(arguments.threads)
  contenders = {
    'calojax': calojax_step(arguments.batch),
    'PyTorch': pytorch_step(arguments.batch, False),
    'PyTorch channels_last': pytorch_step(arguments.batch, True),
  }
  times = contest.seconds(contenders, arguments.rounds, turn=0.5)
  contest.table(
    f'training step, batch {arguments.batch}, threads {arguments.threads}', times, arguments.batch
  )


if __name__ == '__main__':
  main()
