"""An update of a method compiled for its stage alone against the one that serves in every stage and
asks on the way, taking turns in one process: what the question costs.

  PYTHONPATH=. python experiments/bench/stages.py conv3d cnn_aux --output=stages.json

Milliseconds of the fastest round, and the ratio; networks as at their start, at the first step of
each stage.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import jax
import numpy as np

from calojax import data
from calojax.config import shipped
from calojax.files import write_text
from calojax.methods.build import build
from calojax.provenance import origin
from calojax.showers import take
from calojax.training import loop, sharding

SHOWERS = 256  # that the frame is found from


def compared(name: str, rounds: int) -> list[dict[str, Any]]:
  """The entries of a config, one a stage."""
  config = shipped.load(name)
  dataset = data.load(config.data.source)
  showers, mesh = take(dataset.showers, slice(SHOWERS)), sharding.data_mesh()
  method = build(config, dataset.geometry, showers)
  batch = jax.tree.map(lambda x: np.asarray(x)[None, None, : config.train.batch], showers)
  kinds = {'general': method.update, **{str(first): update for first, update in method.stages}}
  steps = {kind: loop.jitted(update, mesh) for kind, update in kinds.items()}

  def milliseconds(kind: str, first: int) -> float:
    state: Any = loop.initial_state(method, take(showers, slice(2)), 0, mesh)
    state = state._replace(step=jax.device_put(np.int32(first), state.step.sharding))
    begin = time.perf_counter()
    jax.block_until_ready(steps[kind](state, batch))
    return (time.perf_counter() - begin) * 1e3

  found = []
  for first, _ in method.stages:
    pair = ('general', str(first))
    taken = [[milliseconds(kind, first) for kind in pair] for _ in range(rounds + 1)]
    general, own = np.min(taken[1:], axis=0)  # the first round compiles
    entry = {'config': name, 'stage': first, 'general_ms': general, 'own_ms': own}
    found.append({**entry, 'ratio': general / own, **origin()})
    print({key: found[-1][key] for key in ('config', 'stage', 'general_ms', 'own_ms', 'ratio')})
  return found


def main() -> None:
  """Compares the configs and writes the file."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('configs', nargs='+')
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--output', required=True)
  given = parser.parse_args()
  found = [entry for name in given.configs for entry in compared(name, given.rounds)]
  write_text(given.output, json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
  main()
