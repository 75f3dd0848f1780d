"""The energy response, E / E_p against E_p (Rehm et al. 2021, figure 5), on any calorimeter."""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import multiplicities
from calojax.showers import Shower
from calojax.units import GEV

BINS = 5  # of incident energy


def response_metrics(
  reference: Shower, generated: Shower, floor: tuple[Shower, Shower], resamples: int = 100, seed: int = 0,
) -> dict[str, dict[str, float]]:
  """Mean response in bins of incident energy, and how far the worst bin is off.

  Args:
    reference, generated: showers.
    floor: two sets of real showers, whose worst bin is what finite samples allow.
    resamples, seed: of the bootstrap.

  Returns:
    `response/bin_<i>` -> `{value, error, reference, reference_error, low, high}`, the last two in GeV; `response/worst` ->
    `{value, error, floor, floor_error}`, the largest |generated / reference - 1|. The bins hold equal numbers of
    reference showers; a bin that is empty in either set is left out.
  """
  edges = energy_edges(reference)
  rng = np.random.default_rng(seed)
  (real, real_errors), (fake, fake_errors) = (response_profile(sample, edges) for sample in (reference, generated))
  figures = {}
  for number in np.flatnonzero(np.isfinite(real) & np.isfinite(fake)):
    values = fake[number], fake_errors[number], real[number], real_errors[number], *(edges[number : number + 2] / GEV)
    names = ('value', 'error', 'reference', 'reference_error', 'low', 'high')
    figures[f'response/bin_{number}'] = dict(zip(names, map(float, values)))
  pairs = [_worst(*pair, edges, resamples, rng) for pair in ((reference, generated), floor)]
  if not np.isfinite(pairs).all():
    return figures
  names = ('value', 'error', 'floor', 'floor_error')
  return figures | {'response/worst': dict(zip(names, (*pairs[0], *pairs[1])))}


def energy_edges(reference: Shower, bins: int = BINS) -> np.ndarray:
  """Edges `[bins + 1]` of incident energy, MeV, between which there are equal numbers of showers."""
  return np.quantile(np.asarray(reference.condition.energy, np.float64), np.linspace(0, 1, bins + 1))


def response_profile(showers: Shower, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean E / E_p and its error in each bin, `[bins]`; NaN where there is no shower. The outer bins are open."""
  ratio, inside = _binned(showers, edges)
  with np.errstate(invalid='ignore', divide='ignore'):
    mean = ratio @ inside / inside.sum(0)
    square = ((ratio[:, None] - mean) ** 2 * inside).sum(0) / inside.sum(0)
    return mean, np.sqrt(square / inside.sum(0))


def _binned(showers: Shower, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """E / E_p `[n]` and, `[n, bins]`, 1 where the shower is in the bin."""
  energy = np.asarray(showers.condition.energy, np.float64)
  bins = np.searchsorted(edges[1:-1], energy, side='right')
  return showers.energies.sum(-1, dtype=np.float64) / energy, np.eye(len(edges) - 1)[bins]


def _worst(real: Shower, fake: Shower, edges: np.ndarray, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
  """Largest |fake / real - 1| over the bins, and its bootstrap error; NaN if no bin is filled in both."""

  def largest(weights: tuple[np.ndarray, ...]) -> np.ndarray:
    sums = [(w @ (ratio[:, None] * inside), w @ inside) for w, (ratio, inside) in zip(weights, samples)]
    with np.errstate(invalid='ignore', divide='ignore'):
      means = [total / count for total, count in sums]
      deviation = np.abs(means[1] / means[0] - 1)
    deviation = np.where(np.isfinite(deviation), deviation, -1.0).max(-1)
    return np.where(deviation < 0, np.nan, deviation)

  samples = [_binned(sample, edges) for sample in (real, fake)]
  drawn = largest(tuple(multiplicities(len(ratio), resamples, rng).astype(float) for ratio, _ in samples))
  value = largest(tuple(np.ones((1, len(ratio))) for ratio, _ in samples))
  drawn = drawn[np.isfinite(drawn)]
  return float(value[0]), float(drawn.std()) if len(drawn) else np.nan
