"""What of a shower is compared: its observables, and the features of the PRD scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calojax.evaluation.sets import Sets
from calojax.geometry import Geometry, Layer
from calojax.observables import OBSERVABLES, evaluate_observables, find_observable, total_width
from calojax.showers import Shower, take

# The two sets of LHCb statistics are features of the PRD, and the deviation is a function of
# response and E_p.
UNCOMPARED = ('lhcb_corrected', 'lhcb_reference', 'energy_deviation')
OF_LAYERS = ('depth', 'depth_width', *(name for name in OBSERVABLES if name.startswith('layer_')))
VARIANTS = ('lhcb_reference', 'lhcb_corrected')  # of the 24 statistics behind the physics PRD
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
  showers: Sets[Shower], geometry: Geometry, variant: str
) -> dict[str, Sets[np.ndarray]]:
  """The features `[n, d]` of each set for each PRD score.

  `raw`: the cells, MeV. `physics`: the 24 statistics of `variant`, unscaled, as published.
  `physics_corrected`: the corrected ones in units of the reference's standard deviations, so
  that mm and fractions weigh alike; left out where `variant` is itself `lhcb_corrected`, which then
  is scaled.

  Raises:
    ValueError: an unknown variant.
  """
  if variant not in VARIANTS:
    raise ValueError(f'statistics variant {variant!r}, expected {" or ".join(map(repr, VARIANTS))}')
  corrected = showers.map(lambda part: observe('lhcb_corrected', part, geometry))
  deviation = corrected.reference.std(axis=0)
  # A statistic that is constant, such as the depth of a single layer, has no scale of its own.
  unit = np.where(deviation > 0, deviation, 1.0)
  corrected = corrected.map(lambda values: values / unit)
  features = {'raw': showers.map(lambda part: np.asarray(part.energies))}
  if variant == 'lhcb_corrected':
    return features | {'physics': corrected}
  features['physics'] = showers.map(lambda part: observe(variant, part, geometry))
  return features | {'physics_corrected': corrected}


def column_names(names: Sequence[str], geometry: Geometry) -> list[str]:
  """One name for each column of `observe(names)`; a vector of one component keeps its number."""
  labels = []
  for name in names:
    vector = find_observable(name).width != 1
    labels += [f'{name}_{i:02d}' for i in range(total_width(name, geometry))] if vector else [name]
  return labels
