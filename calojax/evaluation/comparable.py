"""Whether two sets of showers may be compared at all: the same cells, particles and units."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calojax.evaluation.features import column_names, compared
from calojax.evaluation.samples import Sample
from calojax.geometry import Geometry
from calojax.showers import Condition
from calojax.units import GEV

SIGNIFICANCE = 1e-6  # below this the conditions are taken to come from another spectrum
UNITS = 500.0  # ratio of responses beyond which only another unit can be behind it


def check_geometries(first: Geometry, second: Geometry, reference: str, generated: str) -> None:
  """Raises ValueError if the cells of two files are not the same; names may differ."""
  if first.layers == second.layers:
    return
  layers = zip(first.layers, second.layers)
  differing = next((number for number, (a, b) in enumerate(layers) if a != b), None)
  where = (
    f'{len(first.layers)} and {len(second.layers)} layers'
    if differing is None
    else f'layer {differing}: {first.layers[differing]} and {second.layers[differing]}'
  )
  raise ValueError(
    f'{reference} and {generated} are of different calorimeters: '
    f'{first.name} and {second.name}; {where}'
  )


def check_comparable(
  reference: Sample, generated: Sample, geometry: Geometry, file: str = 'generated'
) -> None:
  """Raises ValueError, which names the file, if two samples hold showers of other particles or, by
  all appearance, in other units.
  """
  from scipy.stats import ks_2samp

  attributes = zip(_attributes(reference.condition), _attributes(generated.condition))
  for (name, first), (_, second) in attributes:
    _, probability = map(float, ks_2samp(first, second))
    if probability < SIGNIFICANCE:
      raise ValueError(
        f'{file}: conditions do not match: {name} of the reference is {_span(first)}, '
        f'of the generated showers {_span(second)}; '
        'expected showers of the same particles or of the same spectrum'
      )
  # E / E_p is free of the spectrum, so no physics can make it differ by orders of magnitude.
  response = column_names(compared(geometry), geometry).index('response')
  real, fake = (sample.columns[:, response].mean() for sample in (reference, generated))
  if min(real, fake) > 0 and not 1 / UNITS < fake / real < UNITS:
    raise ValueError(
      f'{file}: the generated showers have {fake / real:.3g} times the energy of the reference '
      f'(mean E / E_p {fake:.3g} and {real:.3g}): expected both files in the units that they state'
    )


def paired(reference: Sample, generated: Sample) -> bool:
  """Whether the generated showers were made for the reference's particles, one by one."""
  return same_particles(reference.condition, generated.condition)


def same_particles(first: Condition, second: Condition) -> bool:
  """Whether two sets hold the same particles in the same order."""
  if len(first.energy) != len(second.energy):
    return False
  # Files keep single precision, and some layouts angles in place of a direction.
  return all(np.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(first, second))


def _attributes(condition: Condition) -> Iterator[tuple[str, np.ndarray]]:
  """Name and values of what describes the particles, rounded: float32 files of equal particles stay
  equal.
  """
  direction = np.asarray(condition.direction, np.float64)
  yield 'incident energy (GeV)', np.round(np.asarray(condition.energy, np.float64) / GEV, 4)
  for axis, values in zip('xy', np.asarray(condition.position, np.float64).T):
    yield f'impact point {axis} (mm)', np.round(values, 2)
  for axis, values in zip('xy', direction[:, :2].T):
    yield f'slope d{axis}/dz', np.round(values / direction[:, 2], 4)


def _span(values: np.ndarray) -> str:
  return f'{np.min(values):.4g} to {np.max(values):.4g} (median {np.median(values):.4g})'
