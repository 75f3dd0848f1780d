"""Attacks calojax with faults of the machine and of its input, and counts what comes of it.

  PYTHONPATH=.:tests:configs python experiments/reliability/campaign.py --kinds=flips,inputs
  --scale=0.1 --output=experiments/results/reliability.json

Kinds and their numbers at scale 1: flips 300, inputs 2000, configs 300, disks 40, races 20, kills
200, signals 200. A campaign of several calls adds up: a kind that is run again replaces its row.
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
import collections
import json
import pathlib
import sys
import tempfile

import cases
import processes

from calojax.files import write_text
from calojax.provenance import origin

KINDS = {  # name -> (faults at scale 1, function (count, seed, folder) -> outcomes)
  'flips': (300, cases.flips),
  'inputs': (2000, cases.inputs),
  'configs': (300, cases.configs),
  'disks': (40, processes.disks),
  'races': (20, processes.races),
  'kills': (200, processes.kills),
  'signals': (200, processes.signals),
}
FAILURES = ('silent', 'traceback', 'crash', 'hang')


def main() -> int:
  """Runs the kinds asked for; 1 if a fault failed."""
  parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
  parser.add_argument('--kinds', default=','.join(KINDS))
  parser.add_argument('--scale', type=float, default=1.0)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--output', default='experiments/results/reliability.json')
  flags = parser.parse_args()
  path = pathlib.Path(flags.output)
  stored = json.loads(path.read_text()) if path.exists() else {'kinds': {}}
  failed = False
  for kind in flags.kinds.split(','):
    count, attack = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
      outcomes = attack(max(1, round(count * flags.scale)), flags.seed, pathlib.Path(folder))
    counts = collections.Counter(outcome.word for outcome in outcomes)
    bad = [outcome for outcome in outcomes if outcome.word in FAILURES]
    for outcome in bad:
      print(f'{kind}: {outcome.word}: {outcome.detail}', file=sys.stderr)
    stored['kinds'][kind] = {
      'tried': len(outcomes),
      **counts,
      'seed': flags.seed,
      'failures': [outcome.detail for outcome in bad][:20],
      **origin(),
    }
    print(kind, dict(counts), flush=True)
    failed = failed or bool(bad)
    write_text(path, json.dumps(stored, indent=1) + '\n')
  return int(failed)


if __name__ == '__main__':
  sys.exit(main())
