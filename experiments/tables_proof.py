"""Tables of what was proved: the simulation against other numbers, faults, memory, the rooms of the
package.
"""

from __future__ import annotations

import ast
import math

from results_table import rows
from stored import ROOT, stored

FAULTS = {  # of reliability.json: kind -> what was done
  'flips': 'a bit flipped in a file of calojax: showers, checkpoint, workdir, exported model',
  'inputs': 'a file of others or of version 0.1.0 cut, overwritten, doubled, emptied',
  'configs': 'a value of a config that is nonsense',
  'commands': 'the same two, given to a whole command',
  'disks': 'a disk that fills up under a sampling or a training',
  'races': 'two trainings in one workdir',
  'kills': 'SIGKILL at a random time, then the same command',
  'signals': 'SIGTERM or SIGINT at a random time, from the first imports on',
}


def validation() -> str:
  """What the simulated calorimeter has, and what such a one should have."""
  body = []
  for check in stored('simulation.json')['checks']:
    digits = max(0, 1 - math.floor(math.log10(check['error'])))  # two digits of the error
    value = f'{check["value"]:.{digits}f} ± {check["error"]:.{digits}f}'
    body.append([check['quantity'], value, f'{check["expected"]:g} ± {check["within"]:g}'])
  return rows(['`lhcb_ecal`', 'Geant4 here', 'expected'], body)


def side_by_side() -> str:
  """The same particles in Geant4 and in Geant4 with a model."""
  found, body = stored('side_by_side.json'), []
  for each in found['rows']:
    digits = max(0, 1 - math.floor(math.log10(each['full']['error'])))
    sides = [
      f'{each[side]["value"]:.{digits}f} ± {each[side]["error"]:.{digits}f}'
      for side in ('full', 'fast')
    ]
    unit = f', {each["unit"]}' if each['unit'] else ''
    body.append([each['quantity'] + unit, *sides, f'{each["pull"]:+.1f}'])
  for energies, taken in found['cpu_ms'].items():
    full, fast = (f'{taken[side]:.3g}' for side in ('full', 'fast'))
    # Of the model each shower has its share of a batch: their spread says nothing.
    full = f'{full} ± {taken["full_error"]:.2g}'
    body.append([f'CPU ms a shower, {energies}', full, fast, ''])
  return rows([f'`{found["detector"]}`', 'Geant4', 'with the model', 'pull'], body)


def reliability() -> str:
  """What came of the faults of the campaign."""
  words = ('refused', 'recovered', 'unchanged', 'unknowable')
  failures = ('silent', 'traceback', 'crash', 'hang')
  body = []
  for kind, found in stored('reliability.json')['kinds'].items():
    counts = [f'{found.get(word, 0):,}' for word in words]
    failed = ', '.join(f'{found[word]} {word}' for word in failures if found.get(word)) or '0'
    body.append([FAULTS[kind], f'{found["tried"]:,}', *counts, failed])
  return rows(['fault', 'tried', *words, 'failed'], body)


def memory() -> str:
  """Peak memory of whole trainings."""
  body = [
    [
      name,
      f'{found["showers"]:,} x {found["cells"]:,}',
      f'{found["showers_gib"]:.2f}',
      f'{found["memory_gib"]:g}',
      f'{found["steps"]:,}',
      f'{found["peak_gib"]:.2f}',
    ]
    for name, found in stored('memory.json')['rows'].items()
  ]
  head = ['training', 'showers x cells', 'GiB of showers', '`data.memory_gib`', 'steps']
  return rows([*head, 'peak, GiB'], body)


def levels() -> str:
  """The rooms from the ground up: the literal table of the test that holds them."""
  tree = ast.parse((ROOT / 'tests' / 'test_architecture.py').read_text(encoding='utf-8'))
  table = next(
    ast.literal_eval(node.value)
    for node in tree.body
    if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'LEVELS'
  )
  body = [
    [level * (number == 0), f'`calojax{"." * bool(room)}{room}`', what]
    for level, rooms in table.items()
    for number, (room, what) in enumerate(rooms.items())
  ]
  return rows(['level', 'room', 'what is in it'], body)
