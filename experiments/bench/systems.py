"""CPU time a shower of every system's generator, one core, in JAX, all in one run.

A generator's time does not hang on what it has learnt, so each is as its config begins it, of the
first training showers; nothing is trained. Batches of 100, noise and particles given, energies in
MeV as numpy; the fastest of the rounds.

  PYTHONPATH=. python experiments/bench/systems.py --output=experiments/results/generation.json
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import time
from typing import Any

import numpy as np

BATCH = 100
SHOWERS = 300  # of the training that a system is begun with
ROUNDS = 7
TURN = 0.3  # seconds, at least


def milliseconds(name: str) -> dict[str, Any]:
  """Of one system, with its calorimeter."""
  import jax

  from calojax import data
  from calojax.config import shipped
  from calojax.methods import build
  from calojax.showers import at, take
  from calojax.training import trained

  settings = shipped.load(name)
  loaded = data.load(settings.data.source)
  few = take(loaded.showers, slice(SHOWERS))
  method = build.build(settings, loaded.geometry, few)
  state = jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))
  generate = trained.compiled(method, state.generator.ema)
  noise = np.random.default_rng(0).standard_normal((BATCH, method.latent), np.float32)
  particles = at(few.condition, slice(BATCH))
  np.asarray(generate(noise, *particles))
  best = np.inf
  for _ in range(ROUNDS):
    start, calls, wall = time.process_time(), 0, time.perf_counter()
    while time.perf_counter() - wall < TURN:
      np.asarray(generate(noise, *particles))
      calls += 1
    best = min(best, (time.process_time() - start) / calls / BATCH)
  return {'geometry': loaded.geometry.name, 'cpu_ms_a_shower': round(1e3 * best, 5)}


def main() -> None:
  """Times all systems and writes the file."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--only', nargs='*', help='these configs')
  parser.add_argument('--output')
  given = parser.parse_args()
  os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
  import jax

  from calojax import provenance
  from calojax.config import shipped
  from calojax.files import write_text
  from calojax.training import allocation

  allocation.keep_freed_memory()
  found = {}
  for name in given.only or shipped.files():
    if shipped.load(name).method != 'library':  # it looks up, and computes nothing
      found[name] = milliseconds(name)
      print(f'{name:28s} {found[name]["cpu_ms_a_shower"]:8.4f} CPU ms a shower', flush=True)
  if given.output:
    path = pathlib.Path(given.output)  # entries of other systems stay
    kept = json.loads(path.read_text())['systems'] if path.exists() else {}
    found = dict(sorted({**kept, **found}.items()))
    origin = {**provenance.origin(), 'jax': jax.__version__, 'batch': BATCH}
    write_text(given.output, json.dumps({**origin, 'systems': found}, indent=1) + '\n')


if __name__ == '__main__':
  main()
