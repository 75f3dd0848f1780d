"""What the parts of the Conditional CaloGAN bring (Paganini et al. 2017; de Oliveira et al. 2017):
each left out in turn, as published and at its best, where some are not.

  PYTHONPATH=. python experiments/sweeps/calogan_parts.py --runs=runs/calogan_parts --workers=2

Runs that are in the results are not trained again; --limit=4 trains the next four. Writes
experiments/results/calogan_parts.json and prints a line for each part.
"""

from __future__ import annotations

from typing import Any

from kept import Job, arguments, spread, train

from calojax.config import shipped

SEEDS = 2
PUBLISHED = 'published/calogan_conditional'
# Version -> what is changed of it, by name.
PARTS: dict[str, dict[str, dict[str, Any]]] = {
  PUBLISHED: {
    'all': {},
    'no soft sparsity': {'discriminator.sparsity': False},
    'no minibatch discrimination': {'discriminator.minibatch': False},
    'no flipped labels': {'flips': 0.0},
    'no attention between layers': {'generator.attention': False},
    'no blur': {'generator.blur': []},
  },
  'calogan_conditional': {
    'all': {},
    'no attention between layers': {'generator.attention': False},
    'blur': {'generator.blur': list(map(list, shipped.load(PUBLISHED).generator.blur))},
    'no regressor': {'weights.regression': 0.0, 'weights.regression_fake': 0.0},
    'no summaries': {'summaries': False},
  },
}
LENGTHS: dict[str, dict[str, Any]] = {  # a part of the configs' own
  PUBLISHED: {'train.steps': 1000, 'train.monitor_every': 1000},
  'calogan_conditional': {
    'warm_start.steps': 2000,
    'train.steps': 3500,
    'train.monitor_every': 3500,
  },
}
FIGURES = (
  'prd_auc/raw',
  'prd_auc/physics',
  'classifier/worst_trees',
  'resolution/ratio',
  'traversals/impact_x',
  'traversals/theta',
)


def jobs() -> list[Job]:
  """All trainings, seed by seed, so that the first ones say something of every part."""
  return [
    Job(
      f'{config} {part}'.replace('/', '_').replace(' ', '_'), config, seed, LENGTHS[config] | values
    )
    for seed in range(SEEDS)
    for config, parts in PARTS.items()
    for part, values in parts.items()
  ]


def main() -> None:
  """Trains what is missing and prints the figures of each part."""
  found = train(jobs(), arguments(__doc__, 'experiments/results/calogan_parts.json'))
  for group in dict.fromkeys(job.group for job in jobs()):
    runs = [entry['figures'] for entry in found if entry['group'] == group]
    cells = [
      '{:.3f} +- {:.3f}'.format(*spread([figures[name]['value'] for figures in runs]))
      for name in FIGURES
      if runs
    ]
    print(f'{group:60s}', *cells)


if __name__ == '__main__':
  main()
