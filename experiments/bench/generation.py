"""Generation with the CNN baseline (float32), calojax against PyTorch eager, at batch 1, 100 and
10,000.

Noise and conditions are given to both as arrays in memory, so neither draws random numbers. calojax
turns its output into MeV and hands over numpy; it makes large batches in pieces of
`training.trained.piece()`. PyTorch's whole batch goes through `torch.inference_mode` at once, and
stays in network space. The contenders take turns as in `training_step.py`.

  python experiments/bench/generation.py --threads 2
"""

from __future__ import annotations

import argparse
import functools

import contest
import numpy as np
import training_step


@functools.cache
def network():
  """The compiled generator `(noise, energy, position, direction) -> energies [b, v]`; XLA lays out
  constant weights in advance.
  """
  import jax

  from calojax import config
  from calojax.methods import build
  from calojax.training import trained

  real, geometry = training_step.showers(1)
  method = build.build(config.gan(), geometry)
  variables = jax.jit(method.init)(jax.random.key(0), real).generator.ema
  return trained.compiled(method, variables)


def calojax_generation(batch: int, noise: np.ndarray):
  """A call that makes `batch` showers with calojax."""
  from calojax.training import trained

  real, _ = training_step.showers(batch)
  generate, piece = network(), min(batch, trained.piece())
  starts = range(0, batch, piece)
  pieces = [[array[i : i + piece] for array in (noise, *real.condition)] for i in starts]

  def call() -> None:
    out = np.empty_like(real.energies)
    # All pieces are sent before the first is fetched, so that they run side by side.
    for i, part in enumerate([generate(*arguments) for arguments in pieces]):
      out[i * piece : (i + 1) * piece] = part

  return call


def pytorch_generation(noise: np.ndarray, channels_last: bool):
  """A call that makes as many showers with PyTorch."""
  import torch  # pyright: ignore[reportMissingImports] # of the contender, not of calojax
  from pytorch_cnn import Generator

  layout = torch.channels_last if channels_last else torch.contiguous_format
  generator = Generator().eval().to(memory_format=layout)
  z, condition = torch.from_numpy(noise), torch.rand(len(noise), 5)

  def call() -> None:
    with torch.inference_mode():
      generator(z, condition)

  return call


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--threads', type=int, default=2)
  parser.add_argument('--batch', type=int, nargs='+', default=[1, 100, 10_000])
  parser.add_argument('--rounds', type=int, default=15)
  arguments = parser.parse_args()
  contest.prepare(arguments.threads)
  for batch in arguments.batch:
    noise = np.random.default_rng(1).standard_normal((batch, 256), np.float32)
    contenders = {
      'calojax': calojax_generation(batch, noise),
      'PyTorch': pytorch_generation(noise, False),
      'PyTorch channels_last': pytorch_generation(noise, True),
    }
    times = contest.seconds(contenders, arguments.rounds, turn=0.3)
    contest.table(f'generation, batch {batch}, threads {arguments.threads}', times, batch)


if __name__ == '__main__':
  main()
