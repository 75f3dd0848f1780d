"""Weak scaling of one training over processes, whether layouts agree, and the plan for 1,000
devices.

  PYTHONPATH=. python experiments/bench/scaling.py --output=experiments/results/scaling.json

Each process has one core and the same share of showers a step. Numbers of processes take turns,
each time as new processes; with more processes than cores they share cores, and the ideal is the
number of cores. The plan counts what a step of a config really sums over devices: the `all-reduce`
of its compiled program for two, per micro-batch and update as they are. Its times are on paper, of
the stated link and device.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

DEVICES = 1000
# Of the device and the link of the plan: peak of an H100 in bfloat16 is 990 TFLOP/s, in float32
# through its tensor cores half of that; small networks reach some percent. InfiniBand NDR: 400 Gb/s
# a device, and some microseconds a hop.
PLAN = {'flops': 25e12, 'bandwidth': 50e9, 'latency': 5e-6, 'batch_a_device': 128}
SIZES = {'f64': 8, 'f32': 4, 's32': 4, 'u32': 4, 'bf16': 2, 'pred': 1}
LAYOUTS = {'1 process': (1, 1), '1 process, 2 devices': (1, 2), '2 processes': (2, 1)}


def training(config: str, batch: int, mesh: Any) -> tuple[Any, Any, Any]:
  """The compiled step, batches and first state of a shipped config with `batch` showers a step."""
  from calojax.config import shipped
  from calojax.methods.build import build
  from calojax.showers import take
  from calojax.training import feed, loop
  from calojax.training.parts import load_parts

  asked = shipped.changed(shipped.load(config), {'train.batch': batch})
  parts = load_parts(asked)
  method = build(asked, parts.geometry, parts.train)
  batches = feed.batches_of(asked, parts, mesh)
  state = loop.initial_state(method, take(parts.train, slice(2)), asked.seed, mesh)
  return loop.jitted(method.update, mesh), batches, state


def work(given: argparse.Namespace) -> None:
  """One process of a training: seconds of each step, metrics and parameters of the last state."""
  core = given.process % len(os.sched_getaffinity(0))
  if not given.shared:
    os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[core]])
  import jax
  import numpy as np

  from calojax.training import allocation, hosts, sharding
  from calojax.training.place import place_of

  allocation.keep_freed_memory()
  hosts.join(place_of(given.coordinator, given.processes, given.process), {})
  step, batches, state = training(given.config, given.batch, sharding.data_mesh())
  seconds, terms = [], {}
  for number in range(given.steps):
    showers = batches(number, 1)
    jax.block_until_ready(showers)
    start = time.perf_counter()
    state, metrics = step(state, showers)
    jax.block_until_ready(state)
    seconds.append(time.perf_counter() - start)
    terms = {name: float(np.asarray(value)[0]) for name, value in metrics.items()}
  if hosts.is_first():
    weights = jax.tree.leaves(sharding.local(state.generator.params))
    np.savez(given.output, *map(np.asarray, weights))
    with open(f'{given.output}.json', 'w') as file:
      json.dump({'seconds': seconds, 'terms': terms}, file)
  hosts.part()
  os._exit(0)


def started(given: argparse.Namespace, batch: int, layout: tuple[int, int]) -> dict[str, Any]:
  """What the processes of a layout measure: `seconds` a step, `terms`, `weights`."""
  import numpy as np

  from calojax.training.streams import free_port

  processes, devices = layout
  place = f'127.0.0.1:{free_port()}'
  environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'JAX_PLATFORMS': 'cpu'}
  if devices > 1:
    environment['XLA_FLAGS'] = f'--xla_force_host_platform_device_count={devices}'
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'state.npz')
    command = [
      *(sys.executable, __file__, '--worker', f'--config={given.config}', f'--output={path}'),
      *(f'--batch={batch}', f'--steps={given.steps}', f'--coordinator={place}'),
      *(f'--processes={processes}', *['--shared'] * (devices > 1)),
    ]
    running = [
      subprocess.Popen([*command, f'--process={i}'], env=environment) for i in range(processes)
    ]
    if any([process.wait() for process in running]):
      raise SystemExit(f'{processes} processes: one of them failed')
    with open(f'{path}.json') as file:
      found = json.load(file)
    weights = np.load(path)
    return {**found, 'weights': [weights[name] for name in weights.files]}


def scaling(given: argparse.Namespace) -> list[dict[str, Any]]:
  """Rates by number of processes: the median over the rounds, each against one process's there."""
  counts = [int(text) for text in given.counts.split(',')]
  rates: dict[int, list[float]] = {count: [] for count in counts}
  for _ in range(given.rounds):
    for count in counts:
      found = started(given, given.batch * count, (count, 1))
      taken = statistics.median(found['seconds'][len(found['seconds']) // 4 :])
      rates[count].append(given.batch * count / taken)
      print(f'{count} processes: {rates[count][-1]:.0f} showers/s', flush=True)
  cores = len(os.sched_getaffinity(0))
  ratios = {
    count: statistics.median(a / b for a, b in zip(rates[count], rates[counts[0]]))
    for count in counts
  }
  return [
    {
      'processes': count,
      'showers_per_second': statistics.median(rates[count]),
      'ratio': ratios[count],
      'ideal': min(count, cores) / min(counts[0], cores),
    }
    for count in counts
  ]


def agreement(given: argparse.Namespace) -> dict[str, Any]:
  """Largest differences from one process with one device, after the same steps in float32."""
  import numpy as np

  found = {name: started(given, given.batch, layout) for name, layout in LAYOUTS.items()}
  alone, result = found['1 process'], {}
  for name in list(LAYOUTS)[1:]:
    weights = max(
      float(np.abs(a - b).max()) for a, b in zip(found[name]['weights'], alone['weights'])
    )
    terms = max(
      abs(found[name]['terms'][term] - value) / max(1.0, abs(value))
      for term, value in alone['terms'].items()
    )
    result[name] = {'weights': weights, 'terms': terms}
  return {'steps': given.steps, 'batch': given.batch, 'of_layout': result}


def summed(text: str) -> tuple[int, int]:
  """How many sums over devices a compiled program makes, and of how many bytes.

  >>> summed('  %x = (f32[2,3]{1,0}, f32[]) all-reduce(f32[2,3] %a, f32[] %b), replica_groups={}')
  (1, 28)
  """
  count = size = 0
  for line in text.splitlines():
    if match := re.search(r'= (.*?) all-reduce(?:-start)?\(', line):
      count += 1
      for kind, shape in re.findall(r'(\w+)\[([\d,]*)\]', match[1]):
        cells = 1
        for side in filter(None, shape.split(',')):
          cells *= int(side)
        size += SIZES[kind] * cells
  return count, size


def planned(given: argparse.Namespace) -> None:
  """What a step of a config sums and computes, in a process with two devices."""
  import jax

  from calojax.methods.state import players
  from calojax.training import sharding

  batch, mesh = PLAN['batch_a_device'] * 2, sharding.data_mesh()
  step, batches, state = training(given.config, int(batch), mesh)
  program = step.lower(state, batches(0, 1)).compile()
  count, size = summed(program.as_text())
  sizes = {
    name: sum(leaf.size for leaf in jax.tree.leaves(player.params))
    for name, player in players(state).items()
  }
  flops = program.cost_analysis()['flops']  # of one device
  both = 2 * (DEVICES - 1) / DEVICES
  hops = 2 * DEVICES.bit_length()  # up and down a tree
  found = {
    'parameters': sizes,
    'sums': count,
    'summed_bytes': size,
    'sent_bytes': both * size,
    'flops_a_device': flops,
    'compute_ms': 1e3 * flops / PLAN['flops'],
    'link_ms': 1e3 * both * size / PLAN['bandwidth'],
    'latency_ms': 1e3 * count * hops * PLAN['latency'],
  }
  with open(given.output, 'w') as file:
    json.dump(found, file)


def plan(given: argparse.Namespace) -> dict[str, Any]:
  """The plan for 1,000 devices, by config; each in a process of its own."""
  found = {}
  environment = {**os.environ, 'XLA_FLAGS': '--xla_force_host_platform_device_count=2'}
  environment['JAX_PLATFORMS'] = 'cpu'
  for config in filter(None, given.plan.split(',')):
    with tempfile.TemporaryDirectory() as folder:
      path = os.path.join(folder, 'plan.json')
      command = [sys.executable, __file__, '--planner', f'--config={config}', f'--output={path}']
      subprocess.run(command, env=environment, check=True)
      with open(path) as file:
        found[config] = json.load(file)
    print(config, found[config], flush=True)
  return {'devices': DEVICES, **PLAN, 'configs': found}


def main() -> None:
  """Measures and writes all, or is one process of what is measured."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--config', default='cnn_aux')
  parser.add_argument('--counts', default='1,2,4')
  parser.add_argument('--batch', type=int, default=128, help='showers a process and step')
  parser.add_argument('--steps', type=int, default=40)
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--plan', default='cnn_aux,vae_gan,voxel,published/conv2d')
  parser.add_argument('--output')
  for name in ('worker', 'planner', 'shared'):
    parser.add_argument(f'--{name}', action='store_true', help=argparse.SUPPRESS)
  parser.add_argument('--coordinator', help=argparse.SUPPRESS)
  parser.add_argument('--processes', type=int, help=argparse.SUPPRESS)
  parser.add_argument('--process', type=int, help=argparse.SUPPRESS)
  given = parser.parse_args()
  if given.worker:
    work(given)
  elif given.planner:
    planned(given)
  else:
    from calojax import files, provenance

    found = {
      'config': given.config,
      'batch_a_process': given.batch,
      'cores': len(os.sched_getaffinity(0)),
      'load': os.getloadavg()[0],  # of the machine before: it should be near 0
      'scaling': scaling(given),
      'agreement': agreement(given),
      'plan': plan(given),
      **provenance.origin(),
    }
    print(json.dumps(found, indent=1))
    if given.output:
      files.write_text(given.output, json.dumps(found, indent=1) + '\n')


if __name__ == '__main__':
  main()
