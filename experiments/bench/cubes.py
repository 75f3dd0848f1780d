"""Both 25x25x25 systems, Conv3D and Conv2D, against the same networks in PyTorch: whole updates and
generation, in one run.

An update is a step of the discriminator and one of the generator on a batch, with the losses of the
configs (score, incident energy, energy sum, mean image) and their optimisers, without the penalty,
which the twin has not; calojax's is the real one, with transform, moving average and scalars.
Generation is from given noise. The contenders take turns; PyTorch's are eager, in both memory
layouts. The last columns are calojax's rate over the contender's.

XLA's convolutions take one core each: beside one device, an update is on as many as threads.

  PYTHONPATH=. python experiments/bench/cubes.py --threads 2 --output=experiments/results/cubes.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
from typing import Any

import contest
import numpy as np
from conv2d_conv3d import parameters, showers

from calojax.files import write_text

SYSTEMS = ('conv3d', 'conv2d')
LAYOUTS = {'PyTorch': False, 'PyTorch channels_last': True}


def system(name: str, batch: int):
  """The method of a config, without penalty, and random showers."""
  from calojax import config, data
  from calojax.config import shipped
  from calojax.methods import build

  geometry = data.load('clic').geometry
  settings = shipped.load(f'published/{name}')
  settings.condition, settings.weights.gradient_penalty = 'energy_root', 0.0
  real = showers(geometry, batch)
  return build.build(config.check(settings), geometry, real), real


def calojax_update(name: str, batch: int, devices: int = 1):
  """A call that makes an update on so many devices."""
  import jax
  from jax.sharding import AxisType

  from calojax.training import loop, sharding

  method, real = system(name, batch)
  some, automatic = jax.devices()[:devices], (AxisType.Auto,)
  mesh = jax.make_mesh((devices,), ('data',), axis_types=automatic, devices=some)
  state, step = [loop.initial_state(method, real, 0, mesh)], loop.dispatcher(method, mesh)
  data = jax.device_put(jax.tree.map(lambda leaf: leaf[None, None], real), sharding.split(mesh, 2))

  def call() -> None:
    state[0], metrics = step(state[0], data)
    jax.block_until_ready(metrics)

  return call


def calojax_generation(name: str, batch: int):
  """A call that makes a batch, and the number of parameters."""
  import jax

  from calojax.training import trained

  method, real = system(name, batch)
  few = jax.tree.map(lambda leaf: np.resize(leaf, (2, *leaf.shape[1:])), real)
  variables = jax.jit(method.init)(jax.random.key(0), few).generator.ema
  generate = trained.compiled(method, variables)
  noise = np.random.default_rng(1).standard_normal((batch, method.latent), np.float32)
  given = (noise, *real.condition)
  return (lambda: np.asarray(generate(*given))), parameters(variables)['parameters']


def twin(name: str, last: bool) -> tuple[Any, Any]:
  """PyTorch's generator and discriminator."""
  import torch

  module = importlib.import_module(f'pytorch_{name}')
  kinds = {'conv3d': torch.channels_last_3d, 'conv2d': torch.channels_last}
  layout = kinds[name] if last else torch.contiguous_format
  without = {'batch_norm': False} if name == 'conv3d' else {}
  players = module.generator(), module.discriminator(**without)
  made = [player.to(memory_format=layout) for player in players]
  return made[0], made[1]


def pytorch_update(name: str, last: bool, batch: int):
  """A call that makes an update."""
  import torch
  from torch.nn import functional

  generator, discriminator = twin(name, last)
  kind = {'conv3d': torch.optim.RMSprop, 'conv2d': torch.optim.Adam}[name]
  optimisers = [kind(player.parameters(), 1e-4) for player in (generator, discriminator)]
  real, energy = torch.rand(batch, 25**3), torch.rand(batch, 1) + 0.1

  def said(x, label: float):
    """Loss of the score against a label, and of the energy that is read off."""
    score, read = discriminator(x).split(1, 1)
    wanted = torch.full_like(score, label)
    adversarial = functional.binary_cross_entropy_with_logits(score, wanted)
    return adversarial + 0.002 * ((read - energy).abs() / energy).mean()

  def made():
    return generator(torch.randn(batch, 200) * energy).flatten(1)

  def call() -> None:
    with torch.no_grad():
      fake = made()
    optimisers[1].zero_grad()
    (said(real, 1.0) + said(fake, 0.0)).backward()
    optimisers[1].step()
    discriminator.requires_grad_(False)
    fake = made()
    sums = [x.sum(1) for x in (real, fake)]
    loss = said(fake, 1.0) + 0.05 * ((sums[1] - sums[0]).abs() / sums[0]).mean()
    loss = loss + 5 * (fake.mean(0) - real.mean(0)).abs().sum()
    optimisers[0].zero_grad()
    loss.backward()
    optimisers[0].step()
    discriminator.requires_grad_(True)

  return call


def pytorch_generation(name: str, last: bool, batch: int):
  """A call that makes a batch, and the number of parameters as Keras counts."""
  import torch

  generator = twin(name, last)[0].eval()
  noise = torch.randn(batch, 200)
  whole = [*generator.parameters(), *generator.buffers()]

  def call() -> None:
    with torch.inference_mode():
      generator(noise)

  return call, sum(leaf.numel() for leaf in whole if leaf.ndim)


def raced(
  title: str, contenders: dict[str, Any], rounds: int, turn: float, batch: int
) -> dict[str, Any]:
  """Prints the table of a race; milliseconds a shower (median, best), and of each round how much
  longer than calojax a contender took, in the median.
  """
  times = contest.seconds(contenders, rounds, turn)
  contest.table(title, times, batch)
  return {
    name: {
      'ms_a_shower': float(1e3 * np.median(t) / batch),
      'best_ms_a_shower': float(1e3 * t.min() / batch),
      'over_calojax': float(np.median(t / times['calojax'])),
    }
    for name, t in times.items()
  }


def updates(name: str, given: argparse.Namespace) -> dict[str, Any]:
  """The race of whole updates."""
  ours = {'calojax': 1, 'calojax, a device a thread': given.threads}
  contenders = {
    title: calojax_update(name, given.train_batch, devices)
    for title, devices in ours.items()
    if devices > 1 or title == 'calojax'
  } | {layout: pytorch_update(name, last, given.train_batch) for layout, last in LAYOUTS.items()}
  title = f'{name} update, batch {given.train_batch}, threads {given.threads}'
  return raced(title, contenders, given.rounds, 0.5, given.train_batch)


def generations(name: str, batch: int, given: argparse.Namespace) -> dict[str, Any]:
  """The race of generators, which are found to be of one size."""
  ours, size = calojax_generation(name, batch)
  contenders: dict[str, Any] = {'calojax': ours}
  for layout, last in LAYOUTS.items():
    contenders[layout], theirs = pytorch_generation(name, last, batch)
    if theirs != size:
      raise ValueError(f"{name}: PyTorch's generator has {theirs} numbers, calojax's {size}")
  title = f'{name} generation, batch {batch}, threads {given.threads}'
  return raced(title, contenders, given.rounds, 0.3, batch)


def others(given: argparse.Namespace) -> list[dict[str, Any]]:
  """What the file has of other numbers of threads."""
  path = pathlib.Path(given.output)
  known = json.loads(path.read_text()) if path.exists() else []
  return [run for run in known if run['threads'] != given.threads]


def main() -> None:
  """Races both systems and writes what they took."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--threads', type=int, default=2)
  parser.add_argument('--train-batch', type=int, default=8)
  parser.add_argument('--batch', type=int, nargs='+', default=[1, 100])
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--output')
  given = parser.parse_args()
  contest.prepare(given.threads)
  import jax
  import torch

  from calojax import provenance

  jax.config.update('jax_num_cpu_devices', given.threads)
  rows = {
    name: {
      'update': updates(name, given),
      'generation': {str(batch): generations(name, batch, given) for batch in given.batch},
    }
    for name in SYSTEMS
  }
  if given.output:
    asked = {key: value for key, value in vars(given).items() if key != 'output'}
    versions = {'jax': jax.__version__, 'torch': torch.__version__}
    found = {**asked, 'versions': versions, **provenance.origin(), 'rows': rows}
    write_text(given.output, json.dumps([*others(given), found], indent=1) + '\n')


if __name__ == '__main__':
  main()
