"""PRD in bins of the incident energy and of the impact point: a generator can be right on average
and wrong everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calojax.evaluation.metrics.prd import prd
from calojax.units import GEV, MM

ENERGY_BINS = 3
FEWEST = 50  # showers in a bin
RUNS = 4  # clusterings at most: there are seven bins


def conditional_prd(
  features: dict[str, tuple[np.ndarray, ...]],
  energies: tuple[np.ndarray, ...],
  positions: tuple[np.ndarray, ...],
  clusters: int,
  runs: int,
  seed: int = 0,
  progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, dict[str, float]]:
  """PRD-AUC of each third of the incident energies and of each quadrant of the impact points.

  Args:
    features: by name of the score, those of the reference, generated and independent showers, `[n,
      d]` each.
    energies, positions: of the same three sets, `[n]` MeV and `[n, 2]` mm.
    clusters: of the whole sets; a bin has as many fewer as it has showers, so that as many showers
      share a cluster.
    runs, seed: of each PRD; at most 4 runs.
    progress: called with (stage, bins done, bins).

  Returns:
    `conditional/<score>/energy_<i>` with the edges `low` and `high` in GeV and
    `conditional/<score>/impact_<left|right>_<lower|upper>` with the middles `x` and `y` in mm ->
    `{value, error, ceiling, ceiling_error, count, ...}`. Bins hold equal numbers of the reference's
    energies, and the middles are its medians. Of each set a bin takes as many showers as the
    smallest of the three has; bins of less than 50, and attributes that do not vary, are left out.
  """
  bins = [*_energy_bins(energies), *_impact_bins(positions)]
  figures = {}
  for number, (name, masks, edges) in enumerate(bins):
    count = min(int(mask.sum()) for mask in masks)
    if count >= FEWEST:
      few = max(2, round(clusters * count / len(masks[0])))
      for score, sets in features.items():
        real, fake, other = (values[mask][:count] for values, mask in zip(sets, masks))
        value, ceiling = (prd(real, sample, few, min(runs, RUNS), seed) for sample in (fake, other))
        numbers = {
          'value': value.value,
          'error': value.error,
          'ceiling': ceiling.value,
          'ceiling_error': ceiling.error,
        }
        figures[f'conditional/{score}/{name}'] = numbers | {'count': count, 'clusters': few} | edges
    if progress:
      progress('PRD in bins', number + 1, len(bins))
  return figures


def _energy_bins(energies: tuple[np.ndarray, ...]):
  """Name, the masks of all sets and the edges of each third."""
  edges = np.quantile(np.asarray(energies[0], np.float64), np.linspace(0, 1, ENERGY_BINS + 1))
  if edges[-1] - edges[0] > 1e-3 * edges[-1]:
    for number, (low, high) in enumerate(zip(edges, edges[1:])):
      masks = [np.searchsorted(edges[1:-1], energy, side='right') == number for energy in energies]
      yield f'energy_{number}', masks, {'low': float(low / GEV), 'high': float(high / GEV)}


def _impact_bins(positions: tuple[np.ndarray, ...]):
  """Name, the masks of all sets and the middle of each quadrant."""
  middle = np.median(np.asarray(positions[0], np.float64), axis=0)
  if np.ptp(positions[0], axis=0).min() > 1e-3:
    for right in (False, True):
      for upper in (False, True):
        masks = [((position > middle) == (right, upper)).all(1) for position in positions]
        name = f'impact_{"right" if right else "left"}_{"upper" if upper else "lower"}'
        yield name, masks, {'x': float(middle[0] / MM), 'y': float(middle[1] / MM)}
