"""Attacks calojax with faults of the machine and of its input, and counts what comes of it.

  PYTHONPATH=.:tests:configs python experiments/reliability/campaign.py --kinds=flips,inputs
  --scale=0.1 --output=experiments/results/reliability.json

Kinds and their numbers at scale 1: flips 300, inputs 2000, configs 300, commands 60, disks 40,
races 20, kills 200, signals 200. What came of each fault is written as it comes: a kind that was
interrupted goes on by the same command (with `--again`, all of it is done again), if the code is
the same; another commit or seed begins its row anew.

Every fault ends in one of

  refused    one line that names what is wrong, exit code 2 (or 3, 75, where that is the answer)
  recovered  what was there before is taken, or the same command goes on and ends bitwise the same
  unchanged  the fault hits nothing that matters: the same numbers, the same code
  unknowable other numbers from a file that has no digest to tell them by, as others write it
  silent     other numbers where a digest could have told
  traceback, crash, hang

and the last four fail the campaign. Full disks are small tmpfs mounts, which needs root; without, a
limit of the size of a file takes their place.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tempfile
from typing import Any

import cases
import commands
import processes
import values

from calojax.files import write_text
from calojax.provenance import origin

KINDS = {  # name -> (faults at scale 1, function (count, (seed, faults before), folder))
  'flips': (300, cases.flips),
  'inputs': (2000, cases.inputs),
  'configs': (300, values.configs),
  'commands': (60, commands.commands),
  'disks': (40, processes.disks),
  'races': (20, processes.races),
  'kills': (200, processes.kills),
  'signals': (200, processes.signals),
}
FAILURES = ('silent', 'traceback', 'crash', 'hang')
WORDS = ('refused', 'recovered', 'unchanged', 'unknowable', *FAILURES)


def main() -> int:
  """Runs the kinds asked for; 1 if a fault failed."""
  parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
  parser.add_argument('--kinds', default=','.join(KINDS))
  parser.add_argument('--scale', type=float, default=1.0)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--again', action='store_true')
  parser.add_argument('--output', default='experiments/results/reliability.json')
  flags = parser.parse_args()
  path = pathlib.Path(flags.output)
  failed = False
  for kind in flags.kinds.split(','):
    asked = max(1, round(KINDS[kind][0] * flags.scale))
    row = attacked(kind, asked, flags.seed, path, flags.again)
    print(kind, {word: row[word] for word in WORDS if row.get(word)}, flush=True)
    failed = failed or bool(row['failures'])
  return int(failed)


def attacked(kind: str, asked: int, seed: int, path: pathlib.Path, again: bool) -> dict[str, Any]:
  """The row of a kind, which is stored at `path` after each fault."""
  stored = json.loads(path.read_text()) if path.exists() else {'kinds': {}}
  row = stored['kinds'].get(kind, {})
  new = {'seed': seed, **origin()}
  # A row that is stored in the checkout itself makes that commit a changed one.
  if again or any(str(row.get(key)).rstrip('+') != str(new[key]).rstrip('+') for key in new):
    row = {'tried': 0, **new, 'failures': []}
  stored['kinds'][kind] = row
  if row['tried'] >= asked:
    return row
  with tempfile.TemporaryDirectory() as folder:
    attack = KINDS[kind][1]
    for outcome in attack(asked - row['tried'], (seed, row['tried']), pathlib.Path(folder)):
      row['tried'] += 1
      row[outcome.word] = row.get(outcome.word, 0) + 1
      if outcome.word in FAILURES:
        print(f'{kind}: {outcome.word}: {outcome.detail}', file=sys.stderr, flush=True)
        row['failures'] = [*row['failures'], outcome.detail][:20]
      write_text(path, json.dumps(stored, indent=1) + '\n')
  return row


if __name__ == '__main__':
  sys.exit(main())
