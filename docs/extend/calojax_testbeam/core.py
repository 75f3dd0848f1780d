"""A metric: how much of a shower lies in the tower that is hit most."""

from __future__ import annotations

from calojax.evaluation.named import Metric
from calojax.evaluation.sets import Figures
from calojax.evaluation.subject import Study
from calojax.showers import Shower


def core(study: Study) -> Figures:
  """Difference of the mean shares of the hottest tower, of generated and of real showers."""
  real, fake, other = study.cells.map(_shares)
  error = (real.var() / len(real) + fake.var() / len(fake)) ** 0.5
  return {
    'testbeam/core': {
      'value': float(fake.mean() - real.mean()),
      'error': float(error),
      'floor': float(other.mean() - real.mean()),
    }
  }


def _shares(showers: Shower):
  """`[b]`, of showers with any energy."""
  energies = showers.energies[showers.energies.sum(1) > 0]
  return energies.max(1) / energies.sum(1)


METRIC = Metric(core, fewest=2)
