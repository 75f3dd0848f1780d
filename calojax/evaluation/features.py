"""What of a shower is compared: the features of the PRD scores, and the observables' means and
spreads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.geometry import Geometry, Layer
from calojax.observables import OBSERVABLES, evaluate_observables, find_observable, total_width
from calojax.showers import Shower, take

# The two sets of LHCb statistics are features of the PRD, and the deviation is a function of
# response and E_p.
UNCOMPARED = ('lhcb_corrected', 'lhcb_reference', 'energy_deviation')
OF_LAYERS = ('depth', 'depth_width', *(name for name in OBSERVABLES if name.startswith('layer_')))
CHUNK = 460_800  # cells in memory at a time: more are slower


def compared(geometry: Geometry) -> tuple[str, ...]:
  """The observables compared one by one: those of layers only where there are several, rings only
  on regular grids.
  """
  left_out = set(UNCOMPARED)
  if len(geometry.layers) == 1:
    left_out |= set(OF_LAYERS)
  if not all(isinstance(layer, Layer) for layer in geometry.layers):
    left_out |= {name for name in OBSERVABLES if name.startswith('ring_')}
  return tuple(name for name in OBSERVABLES if name not in left_out)


def scalars(geometry: Geometry) -> tuple[str, ...]:
  """Those of `compared` that have one value a shower."""
  return tuple(name for name in compared(geometry) if OBSERVABLES[name].width == 1)


def observe(
  names: str | Sequence[str], showers: Shower, geometry: Geometry, chunk: int | None = None
) -> np.ndarray:
  """The named observables of `[n, v]` showers side by side, `[n, m]` float64; in chunks, so that
  memory is bounded.
  """
  chunk = chunk or max(1, CHUNK // geometry.cells)
  starts = range(0, len(showers.energies), chunk)
  parts = [
    evaluate_observables(names, take(showers, slice(start, start + chunk)), geometry)
    for start in starts
  ]
  return np.concatenate(parts).astype(np.float64)


def default_variant(geometry: Geometry) -> str:
  """`lhcb_reference`, with which the published numbers were computed, where it is defined; else
  `lhcb_corrected`.
  """
  single = len(geometry.layers) == 1 and geometry.grid == (30, 30)
  return 'lhcb_reference' if single else 'lhcb_corrected'


def prd_features(
  samples: Sequence[Shower], geometry: Geometry, variant: str
) -> dict[str, list[np.ndarray]]:
  """The features `[n, d]` of each sample for each PRD score.

  `raw`: the cells, MeV. `physics`: the 24 statistics of `variant`, unscaled, as published.
  `physics_corrected`: the corrected ones in units of the first sample's standard deviations, so
  that mm and fractions weigh alike; left out where `variant` is itself `lhcb_corrected`, which then
  is scaled.

  Raises:
    ValueError: an unknown variant.
  """
  if variant not in ('lhcb_reference', 'lhcb_corrected'):
    raise ValueError(
      f"statistics variant {variant!r}, expected 'lhcb_reference' or 'lhcb_corrected'"
    )
  corrected = [observe('lhcb_corrected', sample, geometry) for sample in samples]
  deviation = corrected[0].std(axis=0)
  corrected = [values / np.where(deviation > 0, deviation, 1.0) for values in corrected]
  features = {'raw': [np.asarray(sample.energies) for sample in samples]}
  if variant == 'lhcb_corrected':
    return {**features, 'physics': corrected}
  features['physics'] = [observe(variant, sample, geometry) for sample in samples]
  return {**features, 'physics_corrected': corrected}


def compare_columns(
  names: Sequence[str],
  real: np.ndarray,
  fake: np.ndarray,
  resamples: int = 100,
  seed: int = 0,
) -> dict[str, dict[str, float]]:
  """`observables/<name>/mean` and `/std` of columns `[n, m]` -> `{value, reference, error}`; value
  is of the generated showers.

  The error is the bootstrap error of the difference value - reference, so their quotient is a pull.
  """
  centre = real.mean(axis=0)
  rng = generator(seed)
  (value, fake_error), (known, real_error) = (
    _moments(sample - centre, resamples, rng) for sample in (fake, real)
  )
  value[0] += centre
  known[0] += centre
  error = np.hypot(fake_error, real_error)
  table = {}
  for column, label in enumerate(names):
    for row, kind in enumerate(('mean', 'std')):
      figures = (value[row, column], known[row, column], error[row, column])
      table[f'observables/{label}/{kind}'] = dict(
        zip(('value', 'reference', 'error'), map(float, figures))
      )
  return table


def column_names(names: Sequence[str], geometry: Geometry) -> list[str]:
  """One name for each column of `observe(names)`; a vector of one component keeps its number."""
  labels = []
  for name in names:
    vector = find_observable(name).width != 1
    labels += [f'{name}_{i:02d}' for i in range(total_width(name, geometry))] if vector else [name]
  return labels


def _moments(
  values: np.ndarray, resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
  """Mean and standard deviation `[2, m]` of values `[n, m]` and their bootstrap errors `[2, m]`, as
  matrix products.
  """

  def moments(weights: np.ndarray) -> np.ndarray:
    mean, square = weights @ values / len(values), weights @ values**2 / len(values)
    return np.stack([mean, np.sqrt(np.maximum(square - mean**2, 0))])

  drawn = moments(multiplicities(len(values), resamples, rng).astype(np.float64))
  return moments(np.ones(len(values))), drawn.std(axis=1, ddof=1)
