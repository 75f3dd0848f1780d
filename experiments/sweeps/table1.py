"""Table 1 of Rogachev and Ratnikov 2022 as an experiment: its five rows, each at its best and as
published, with several seeds, and what becomes of its claims.

  calojax simulate --detector=lhcb_ecal --events=40000 --seed=101 --output=data/lhcb_ecal_101.h5
  calojax simulate --detector=lhcb_ecal --events=10000 --seed=201 --output=data/lhcb_ecal_201.h5
  python experiments/fidelity/showers.py lhcb_ecal --files data/lhcb_ecal_101.h5 \
    data/lhcb_ecal_201.h5 --output=data/table1.h5
  PYTHONPATH=. python experiments/sweeps/table1.py --runs=runs/table1 --workers=2

Of these 64,000 showers each seed has others for training, validation and test, 51,200, 1,280 and
11,520. Runs that are in the results are not trained again; --limit=4 trains the next four. Writes
experiments/results/table1.json; experiments/tables.py shows it.
"""

from __future__ import annotations

import math
from typing import Any

from kept import PRD, Entry, Job, arguments, spread, train

ROWS = ('cnn', 'cnn_aux', 'cnn_aux_sn', 'cnn_sa', 'cnn_aux_sa_sn')
SEEDS = {'': 5, 'published/': 3}  # of each version
SHOWERS = {'data.source': 'data/table1.h5', 'data.split': (0.8, 0.02, 0.18)}
# What the paper's table says: that the first row is better than the second.
CLAIMS = {
  'the regressor helps': ('cnn_aux', 'cnn'),
  'spectral normalisation helps': ('cnn_aux_sn', 'cnn_aux'),
  'self-attention helps': ('cnn_sa', 'cnn'),
  'self-attention helps more than the regressor': ('cnn_sa', 'cnn_aux'),
  'all together is best': ('cnn_aux_sa_sn', 'cnn_sa'),
}


def jobs() -> list[Job]:
  """All trainings, first of the best version, seed by seed, so that the first ones say something of
  every row.
  """
  return [
    Job((version + row).replace('/', '_'), version + row, seed, SHOWERS)
    for version, seeds in SEEDS.items()
    for seed in range(seeds)
    for row in ROWS
  ]


def values(found: list[Entry], config: str, figure: str) -> list[float]:
  """A figure of all seeds of a config."""
  return [e['figures'][figure]['value'] for e in found if e['config'] == config]


def statement(found: list[Entry], better: str, worse: str, figure: str) -> dict[str, Any]:
  """Whether one row is better than another: the difference of the means, the 95 % intervals of both
  in quadrature, and in words what follows; `not decided` also of one seed.
  """
  sides = [values(found, row, figure) for row in (better, worse)]
  if min(map(len, sides)) < 2:
    return {'seeds': list(map(len, sides)), 'says': 'not decided'}
  (a, wide), (b, narrow) = map(spread, sides)
  difference, margin = a - b, math.hypot(wide, narrow)
  says = 'holds' if difference > margin else 'does not hold' if difference < -margin else ''
  return {
    'seeds': list(map(len, sides)),
    'difference': difference,
    'margin': margin,
    'says': says or 'not decided',
  }


def statements(found: list[Entry]) -> dict[str, dict[str, Any]]:
  """What becomes of each claim, at best and as published, by the corrected PRD-AUC."""
  return {
    f'{claim}, {"as published" if version else "at its best"}': statement(
      found, version + a, version + b, 'prd_auc/physics_corrected'
    )
    for version in SEEDS
    for claim, (a, b) in CLAIMS.items()
  }


def main() -> None:
  """Trains what is missing and prints the table and the claims."""
  found = train(jobs(), arguments(__doc__, 'experiments/results/table1.json'))
  for config in [version + row for version in SEEDS for row in ROWS]:
    cells = []
    for kind in PRD:
      known = values(found, config, f'prd_auc/{kind}')
      cells.append('{:.3f} +- {:.3f}'.format(*spread(known)) if known else '-')
    print(f'{config:28s}', *cells)
  for claim, said in statements(found).items():
    print(f'{claim}: {said["says"]}', {k: v for k, v in said.items() if k != 'says'})


if __name__ == '__main__':
  main()
