"""Mean and spread of single cells in the core of a block of cells (Rehm et al. 2021, figures 7 and
8).
"""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.metrics.profiles import blocks, is_stack
from calojax.evaluation.sets import Figures, Sets, figure
from calojax.geometry import Geometry
from calojax.showers import Shower, take
from calojax.units import GEV

SIDE = 7  # cells
ENERGY, HALF_WIDTH = 250.0 * GEV, 2.0 * GEV  # of the incident particle
ENOUGH = 50  # showers of each set wanted
FEW = 10  # showers, with fewer of which there is no figure


def core_metrics(
  sets: Sets[Shower],
  geometry: Geometry,
  half_width: float = HALF_WIDTH,
  resamples: int = 100,
  seed: int = 0,
) -> Figures:
  """Generated over real mean and standard deviation of a core cell's energy, averaged over the
  cells; nothing unless a stack.

  The core is the central 7 x 7 x 7 cells: of 25, numbers 9 to 15 from 0. The paper's x, y, z in
  [10, 16] are these if it counts from 1, and then lie evenly about the cell that the particle hits;
  counted from 0 they would not. Where a set has less than 50 showers in the window about 250 GeV,
  all windows are doubled until they have, or hold everything: `low` and `high` (GeV) tell. Cells
  are scaled by 250 GeV / E_p, without which a wide window would show the spectrum's spread in
  place of the showers'.

  Args:
    sets: `[n, v]` showers.
    geometry: of all.
    half_width: of the window of incident energies, MeV.
    resamples: of the bootstrap.
    seed: of the bootstrap.

  Returns:
    `core/mean_ratio` and `core/std_ratio` -> `{value, error, reference, reference_error, low, high,
    count}`; count is the number of generated showers.
  """
  if not is_stack(geometry):
    return {}
  rng = generator(seed)
  half_width = window(sets, ENERGY, half_width)
  cores = sets.map(lambda sample: core(sample, geometry, ENERGY, half_width))
  measured, expected = (_ratios(real, other, resamples, rng) for real, other in cores.pairs)
  if measured is None or expected is None:
    return {}
  about = {
    'low': max(ENERGY - half_width, 0) / GEV,
    'high': (ENERGY + half_width) / GEV,
    'count': len(cores.generated),
  }
  rows = zip(('mean_ratio', 'std_ratio'), *measured, *expected)
  return {f'core/{kind}': figure('reference', numbers) | about for kind, *numbers in rows}


def window(sets: tuple[Shower, ...], energy: float, half_width: float) -> float:
  """The half width doubled until each set has `ENOUGH` showers within it of `energy`, or holds
  all.
  """
  distances = [np.abs(np.asarray(sample.condition.energy, np.float64) - energy) for sample in sets]
  # All windows alike: a ratio of cells of different energies would be none of showers.
  while any((away <= half_width).sum() < min(ENOUGH, len(away)) for away in distances):
    half_width *= 2
  return half_width


def core(showers: Shower, geometry: Geometry, energy: float, half_width: float) -> np.ndarray:
  """Energies `[n, cells]` of the core cells of the showers in the window, scaled to `energy`."""
  showers = take(showers, np.abs(np.asarray(showers.condition.energy) - energy) <= half_width)
  block = blocks(showers.energies, geometry)
  middle = tuple(
    slice(max(n - SIDE, 0) // 2, max(n - SIDE, 0) // 2 + SIDE) for n in block.shape[1:]
  )
  scale = energy / np.asarray(showers.condition.energy, np.float64)
  return block[(slice(None), *middle)].reshape(len(block), -1) * scale[:, None]


def cell_ratios(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean and standard deviation of fake over real `[n, cells]` cell by cell, `[cells]`; NaN where
  the real one is 0.
  """
  with np.errstate(invalid='ignore', divide='ignore'):
    ratios = fake.mean(0) / real.mean(0), fake.std(0) / real.std(0)
  mean, spread = (np.where(np.isfinite(ratio), ratio, np.nan) for ratio in ratios)
  return mean, spread


def _ratios(
  real: np.ndarray, fake: np.ndarray, resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
  """Both ratios averaged over the cells `[2]`, and their bootstrap errors `[2]`; None if no cell
  varies or showers are few.
  """
  lit = real.std(0) > 0
  if not lit.any() or min(len(real), len(fake)) < FEW:
    return None
  # About the real mean, where squares do not cancel.
  centre = real.mean(0)[lit]
  samples = [values[:, lit] - centre for values in (real, fake)]

  def averages(weights: list[np.ndarray]) -> np.ndarray:
    """Mean ratios of means and of spreads, with a weight `[n]` for each shower of both sets."""
    means = [w @ values for w, values in zip(weights, samples)]
    spreads = [
      np.sqrt(np.maximum(w @ values**2 - m**2, 0)) for w, values, m in zip(weights, samples, means)
    ]
    fractions = (means[1] + centre, means[0] + centre), (spreads[1], spreads[0])
    # A bootstrap sample may miss the only shower that lit a cell.
    quotients = [
      np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 1e-9 * centre) for a, b in fractions
    ]
    return np.stack([np.nanmean(quotient, axis=-1) for quotient in quotients])

  whole = averages([np.full((1, len(values)), 1 / len(values)) for values in samples])[:, 0]
  drawn = averages(
    [multiplicities(len(values), resamples, rng) / len(values) for values in samples]
  )
  return whole, drawn.std(axis=1, ddof=1)
