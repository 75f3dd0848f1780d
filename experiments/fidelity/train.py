"""Trains a VAE-GAN on the embedded showers and files beside them, one core.

  OMP_NUM_THREADS=1 python experiments/fidelity/train.py --name=a --files=lhcb_ecal_101.h5 \
    --change=train.steps=20000

Leaves OUT/NAME.pkl: config, averaged variables and what the training was made of.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import pickle
import time
from typing import Any

os.environ.setdefault('XLA_FLAGS', '--xla_cpu_multi_thread_eigen=false')

import jax
import jax.numpy as jnp
import numpy as np
from showers import training

from calojax import data
from calojax.files import written_aside
from calojax.methods.build import build
from calojax.showers import take
from calojax.training import allocation, feed, loop, sharding
from configs import vae_gan


def arguments() -> Any:
  """What the command line asks for."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--name', required=True)
  parser.add_argument('--out', default='.')
  parser.add_argument('--data', default='lhcb_ecal')
  parser.add_argument('--files', nargs='*', default=[])
  parser.add_argument('--change', nargs='*', default=[], help='KEY=VALUE of the config')
  parser.add_argument('--save_every', type=int, default=2000)
  parser.add_argument(
    '--warm', default='', help='keep the state at the end of the warm start in, or take it from'
  )
  return parser.parse_args()


def main() -> None:
  """Trains, and keeps the averaged generator on the way."""
  given = arguments()
  config = vae_gan.get_config()
  changes = dict(change.split('=', 1) for change in given.change)
  with config.unlocked():
    for key, value in changes.items():  # a whole room too, of another network's fields
      *rooms, last = key.split('.')
      functools.reduce(getattr, rooms, config)[last] = json.loads(value)
  allocation.keep_freed_memory()
  showers, geometry = training(given.data, given.files)
  method = build(config, geometry, showers)
  mesh = sharding.data_mesh()
  state: Any = loop.initial_state(method, take(showers, slice(2)), config.seed, mesh)
  if os.path.exists(given.warm):
    with open(given.warm, 'rb') as file:
      leaves = pickle.load(file)
    old = state._replace(rng=jax.random.key_data(state.rng))
    state = jax.tree.unflatten(jax.tree.structure(old), [jnp.asarray(leaf) for leaf in leaves])
    state = state._replace(rng=jax.random.key(config.seed))
  step_fn = loop.dispatcher(method, mesh)
  batches = feed.Resident(showers, config.seed, config.train.batch, 1, mesh)
  logs, start = [], time.process_time()

  def report(step, state, metrics):
    logs.append(metrics)
    if given.warm and step == config.warm_start.steps:
      kept = state._replace(rng=jax.random.key_data(state.rng))
      with written_aside(given.warm) as part, open(part, 'wb') as file:
        pickle.dump([np.asarray(leaf) for leaf in jax.tree.leaves(kept)], file)
    if step % 500 == 0:
      means = {k: float(np.mean([np.asarray(log[k])[0] for log in logs])) for k in logs[0]}
      logs.clear()
      minutes = (time.process_time() - start) / 60
      print(step, f'{minutes:.2f} min', {k.split('/')[1]: round(v, 4) for k, v in means.items()})
      if not all(map(np.isfinite, means.values())):
        raise SystemExit(f'step {step}: not finite')
    if step % given.save_every == 0 or step == config.train.steps:
      kept = {
        'config': config.to_json(),
        'variables': jax.tree.map(np.asarray, state.generator.ema),
        'step': step,
        'minutes': (time.process_time() - start) / 60,
        'showers': len(showers.energies),
        'fingerprint': data.fingerprint(showers),
        'files': [os.path.basename(os.path.normpath(f)) for f in given.files],
      }
      name = f'{given.name}.pkl' if step == config.train.steps else f'{given.name}.{step}.pkl'
      with written_aside(os.path.join(given.out, name)) as part, open(part, 'wb') as file:
        pickle.dump(kept, file)

  loop.train(step_fn, batches, state, config.train.steps, 1, [report])


if __name__ == '__main__':
  main()
