"""The energy response: linearity, E / E_p against E_p (Rehm et al. 2021, figure 5), and resolution,
on any calorimeter.
"""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.sets import Figures, Sets, figure
from calojax.showers import Shower
from calojax.units import GEV

BINS = 5  # of incident energy
KINDS = ('response', 'resolution')


def response_metrics(sets: Sets[Shower], resamples: int = 100, seed: int = 0) -> Figures:
  """Mean and relative spread of the response in bins of incident energy, and how far the worst bins
  are off.

  Args:
    sets: showers; only the energies of a shower together count, so cells may have been summed.
    resamples: of the bootstrap.
    seed: of the bootstrap.

  Returns:
    `response/bin_<i>`, the mean of E / E_p, and `resolution/bin_<i>`, its standard deviation over
    its mean -> `{value, error, reference, reference_error, low, high}`, the last two in GeV;
    `response/worst` and `resolution/worst` -> `{value, error, floor, floor_error}`, the largest
    |generated / reference - 1|; `response/ratio` and `resolution/ratio` -> `{value, error,
    reference, reference_error}`, the mean over the bins of generated / reference, which sees what
    all bins share sooner; its reference is that of two sets of real showers. The bins hold equal
    numbers of reference showers; a bin that is empty in either set is left out. In a bin the
    resolution is a mean over its energies: equal spectra are understood.
  """
  edges = energy_edges(sets.reference)
  rng = generator(seed)
  pairs = [[_drawn(sample, edges, resamples, rng) for sample in pair] for pair in sets.pairs]
  figures = {}
  for row, kind in enumerate(KINDS):
    (real, fake), others = ([drawn[:, row] for drawn in pair] for pair in pairs)
    figures |= _bins(kind, real, fake, edges)
    for name, function, beside in (('worst', _worst, 'floor'), ('ratio', _ratio, 'reference')):
      numbers = [f(function(*pair)) for pair in ((real, fake), others) for f in (_value, _error)]
      if np.isfinite(numbers).all():
        figures[f'{kind}/{name}'] = figure(beside, numbers)
  return figures


def energy_edges(reference: Shower, bins: int = BINS) -> np.ndarray:
  """Edges `[bins + 1]` of incident energy, MeV, between which there are equal numbers of
  showers.
  """
  return np.quantile(
    np.asarray(reference.condition.energy, np.float64), np.linspace(0, 1, bins + 1)
  )


def response_profile(showers: Shower, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean E / E_p and its error in each bin, `[bins]`; NaN where there is no shower. The outer bins
  are open.
  """
  ratio, inside = _binned(showers, edges)
  mean, resolution = _moments(np.ones((1, len(ratio))), ratio, inside)[0]
  with np.errstate(invalid='ignore', divide='ignore'):
    return mean, resolution * mean / np.sqrt(inside.sum(0))


def _bins(kind: str, real: np.ndarray, fake: np.ndarray, edges: np.ndarray) -> Figures:
  """`<kind>/bin_<i>` of moments `[1 + resamples, bins]`; bins that are empty in either are left
  out.
  """
  figures = {}
  for number, (low, high) in enumerate(zip(edges / GEV, edges[1:] / GEV)):
    numbers = [f(drawn[:, number]) for drawn in (fake, real) for f in (_value, _error)]
    if np.isfinite(numbers).all():
      about = {'low': float(low), 'high': float(high)}
      figures[f'{kind}/bin_{number}'] = figure('reference', numbers) | about
  return figures


def _binned(showers: Shower, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """E / E_p `[n]` and, `[n, bins]`, 1 where the shower is in the bin."""
  energy = np.asarray(showers.condition.energy, np.float64)
  bins = np.searchsorted(edges[1:-1], energy, side='right')
  return showers.energies.sum(-1, dtype=np.float64) / energy, np.eye(len(edges) - 1)[bins]


def _moments(weights: np.ndarray, ratio: np.ndarray, inside: np.ndarray) -> np.ndarray:
  """Mean and relative standard deviation in each bin, `[r, 2, bins]`, of showers of weights `[r,
  n]`; NaN in empty bins.
  """
  # About the mean, where squares do not cancel.
  centre = ratio.mean()
  counts, first, second = (
    weights @ ((ratio - centre)[:, None] ** power * inside) for power in range(3)
  )
  with np.errstate(invalid='ignore', divide='ignore'):
    mean, square = first / counts, second / counts
    return np.stack(
      [mean + centre, np.sqrt(np.maximum(square - mean**2, 0)) / (mean + centre)], axis=1
    )


def _drawn(
  showers: Shower, edges: np.ndarray, resamples: int, rng: np.random.Generator
) -> np.ndarray:
  """The moments `[1 + resamples, 2, bins]`, first of the showers, then of bootstrap samples of
  them.
  """
  ratio, inside = _binned(showers, edges)
  weights = np.concatenate([np.ones((1, len(ratio))), multiplicities(len(ratio), resamples, rng)])
  return _moments(weights, ratio, inside)


def _worst(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
  """Largest |fake / real - 1| over the bins, `[1 + resamples]`; NaN if no bin is filled in both."""
  with np.errstate(invalid='ignore', divide='ignore'):
    deviation = np.abs(fake / real - 1)
  # -1 loses against every deviation and marks a row in which no bin is filled.
  largest = np.where(np.isfinite(deviation), deviation, -1.0).max(-1)
  return np.where(largest < 0, np.nan, largest)


def _ratio(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
  """Mean of fake / real over the bins that are filled in both, `[1 + resamples]`; NaN if there is
  none.
  """
  with np.errstate(invalid='ignore', divide='ignore'):
    ratio = fake / real
    known = np.isfinite(ratio)
    return np.where(known, ratio, 0).sum(-1) / known.sum(-1)


def _value(values: np.ndarray) -> float:
  return values[0]


def _error(values: np.ndarray) -> float:
  drawn = values[1:][np.isfinite(values[1:])]  # a bootstrap sample may leave a bin empty
  return drawn.std(ddof=1) if len(drawn) > 1 else np.nan
