"""PRD in bins of the incident energy and of the impact point: a generator can be right on average
and wrong everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calojax.evaluation.metrics.prd import prd
from calojax.evaluation.metrics.prd_figures import Clusterings, beside_ceiling
from calojax.evaluation.sets import Figures, Progress, Sets
from calojax.showers import Condition
from calojax.units import GEV, MM

ENERGY_BINS = 3
FEWEST = 50  # showers in a bin
SPREAD = 1e-3  # mm, or of the highest energy: below this an attribute does not vary

Bin = tuple[str, Sets[np.ndarray], dict[str, float]]  # name, masks of the sets, edges or middles


def conditional_prd(
  features: dict[str, Sets[np.ndarray]],
  conditions: Sets[Condition],
  asked: Clusterings,
  progress: Progress | None = None,
) -> Figures:
  """PRD-AUC of each third of the incident energies and of each quadrant of the impact points.

  Args:
    features: by name of the score, `[n, d]` of equally many showers of each set.
    conditions: of the same showers.
    asked: how the whole sets are clustered. A bin has as many fewer clusters as it has showers, so
      that as many showers share one, and few runs: there are seven bins.
    progress: called with (stage, bins done, bins).

  Returns:
    `conditional/<score>/energy_<i>` with the edges `low` and `high` in GeV and
    `conditional/<score>/impact_<left|right>_<lower|upper>` with the middles `x` and `y` in mm ->
    `{value, error, ceiling, ceiling_error, count, ...}`. Bins hold equal numbers of the reference's
    energies, and the middles are its medians. Of each set a bin takes as many showers as the
    smallest of the three has; bins of less than 50, and attributes that do not vary, are left out.
  """
  bins = [*_energy_bins(conditions), *_impact_bins(conditions)]
  figures = {}
  for number, (name, masks, edges) in enumerate(bins):
    count = min(int(mask.sum()) for mask in masks)
    if count >= FEWEST:
      # A finer clustering of fewer showers would lower score and ceiling alike.
      few = max(2, round(asked.clusters * count / len(masks.reference)))
      of_bin = asked.few(few)
      for score, sets in features.items():
        chosen = Sets(*(values[mask][:count] for values, mask in zip(sets, masks)))
        value, ceiling = (
          prd(*pair, of_bin.clusters, of_bin.runs, of_bin.seed) for pair in chosen.pairs
        )
        about = {'count': count, 'clusters': few} | edges
        figures[f'conditional/{score}/{name}'] = beside_ceiling(value, ceiling) | about
    if progress:
      progress('PRD in bins', number + 1, len(bins))
  return figures


def _energy_bins(conditions: Sets[Condition]) -> Iterator[Bin]:
  """Each third of the incident energies."""
  energies = conditions.map(lambda condition: np.asarray(condition.energy))
  reference = np.asarray(energies.reference, np.float64)
  edges = np.quantile(reference, np.linspace(0, 1, ENERGY_BINS + 1))
  if edges[-1] - edges[0] > SPREAD * edges[-1]:
    places = energies.map(lambda energy: np.searchsorted(edges[1:-1], energy, side='right'))
    for number, (low, high) in enumerate(zip(edges, edges[1:])):
      masks = Sets(*(place == number for place in places))
      yield f'energy_{number}', masks, {'low': float(low / GEV), 'high': float(high / GEV)}


def _impact_bins(conditions: Sets[Condition]) -> Iterator[Bin]:
  """Each quadrant of the impact points."""
  positions = conditions.map(lambda condition: np.asarray(condition.position))
  middle = np.median(np.asarray(positions.reference, np.float64), axis=0)
  if np.ptp(positions.reference, axis=0).min() > SPREAD:
    for right in (False, True):
      for upper in (False, True):
        masks = Sets(*(((position > middle) == (right, upper)).all(1) for position in positions))
        name = f'impact_{"right" if right else "left"}_{"upper" if upper else "lower"}'
        yield name, masks, {'x': float(middle[0] / MM), 'y': float(middle[1] / MM)}
