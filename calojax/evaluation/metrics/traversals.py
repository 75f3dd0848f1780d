"""Showers while one attribute of the particle moves and the noise stands still (de Oliveira et al.
2017, figures 3 to 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.features import observe
from calojax.evaluation.sets import Figure, figure
from calojax.geometry import Geometry
from calojax.observables import evaluate_observables
from calojax.registry import find
from calojax.showers import Condition, Shower
from calojax.units import GEV, MM

RESAMPLES = 100  # of the bootstrap
REPEATS = 10  # showers averaged at each value, as in the paper
VALUES = 7
TRAVERSED = {  # attribute -> its title in a figure, and the unit that is written there
  'incident_energy': ('$E_p$ = {:.3g} GeV', GEV),
  'impact_x': ('$x_0$ = {:.3g} mm', MM),
  'theta': (r'$\theta$ = {:.3g}$^\circ$', np.pi / 180),
}


class Traversal(NamedTuple):
  """What a traversal shows.

  Attributes:
    values: `[k]`, of the attribute, in MeV, mm or rad.
    images: `[k, v]` mean shower at each, MeV.
    figure: `{value, error, reference, reference_error}`.
  """

  values: np.ndarray
  images: np.ndarray
  figure: Figure


def traverse(
  generate: Callable[[Condition], Shower], reference: Shower, geometry: Geometry
) -> dict[str, Traversal]:
  """The traversal of each attribute that varies among the reference's particles, over their range.

  The other attributes stay at their medians, the azimuth at 0. Of each traversal the figure is the
  slope of what the shower should follow the attribute with: E / sampling fraction against E_p, the
  barycentre's x against x0, and the barycentre's distance from x0 against mean depth x tan(theta).
  Its `reference` is the same slope among the real showers, 1 but for leakage and for the planes in
  which the geometry lets the trajectory cross.

  Args:
    generate: of k `REPEATS` particles, the repeats the faster, their showers; all k groups of the
      same `REPEATS` noises.
    reference: real showers.
    geometry: of both.
  """
  traversals = {}
  for name in TRAVERSED:
    values = attribute_values(name, reference, geometry)
    if values is not None:
      showers = generate(particles(name, values, reference.condition))
      images = showers.energies.reshape(len(values), REPEATS, -1).mean(1, np.float64)
      traversals[name] = Traversal(
        values, images, _slope_figure(name, showers, reference, geometry)
      )
  return traversals


def attribute_values(name: str, reference: Shower, geometry: Geometry) -> np.ndarray | None:
  """`[k]` values over the attribute's range among the reference's particles; None if it does not
  vary.
  """
  measured = evaluate_observables(name, reference, geometry)
  low, high = float(measured.min()), float(measured.max())
  return np.linspace(low, high, VALUES) if high - low > 1e-6 * max(abs(high), 1) else None


def particles(
  name: str, values: np.ndarray, typical: Condition, repeats: int = REPEATS
) -> Condition:
  """Particles `[k repeats]`, the repeats the faster, with the attribute at each value and the
  others at typical ones.

  Raises:
    ValueError: an attribute that is not in `TRAVERSED`.
  """
  find(TRAVERSED, name, 'traversal of')
  moved = np.repeat(np.asarray(values, np.float64), repeats)
  direction = np.asarray(typical.direction, np.float64)
  fixed = {
    'incident_energy': np.median(typical.energy),
    'impact_x': np.median(typical.position[:, 0]),
    'theta': np.median(np.arctan2(np.hypot(direction[:, 0], direction[:, 1]), direction[:, 2])),
  }
  energy, x, theta = (
    moved if key == name else np.full(len(moved), float(value)) for key, value in fixed.items()
  )
  y = np.full(len(moved), float(np.median(typical.position[:, 1])))
  # The azimuth is 0, so that theta tilts in x alone and the barycentre's x shows all of it.
  direction = np.stack([np.sin(theta), np.zeros(len(moved)), np.cos(theta)], axis=1)
  return Condition(energy, np.stack([x, y], axis=1), direction)


def titles(name: str, values: np.ndarray) -> list[str]:
  """The values with name and unit, for a figure."""
  form, unit = find(TRAVERSED, name, 'traversal of')
  return [form.format(value / unit) for value in values]


def slope(
  name: str, showers: Shower, geometry: Geometry, weights: np.ndarray | None = None
) -> np.ndarray:
  """Least-squares slope `[*b]` of how the showers `[n]` follow the attribute, with optional weights
  `[*b, n]`.
  """
  x, y = _followed(name, showers, geometry)
  weights = np.ones(len(x)) if weights is None else weights
  weights = weights / weights.sum(-1, keepdims=True)
  x = x - (weights @ x)[..., None]
  return (weights * x * y).sum(-1) / np.maximum((weights * x**2).sum(-1), np.finfo(float).tiny)


def _followed(name: str, showers: Shower, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
  """What the attribute predicts and what the showers show, `[n]` each."""
  names = ('energy', 'delta_x', 'depth', 'incident_energy', 'impact_x')
  energy, delta, depth, incident, start = observe(names, showers, geometry).T
  if name == 'incident_energy':
    return incident, energy / geometry.sampling_fraction
  if name == 'impact_x':
    return start, start + delta
  direction = np.asarray(showers.condition.direction, np.float64)
  expected = depth * direction[:, 0] / direction[:, 2]
  return expected, expected + delta


def _slope_figure(name: str, showers: Shower, reference: Shower, geometry: Geometry) -> Figure:
  """`{value, error, reference, reference_error}`; the bootstrap draws noises, each with its showers
  at all values.
  """
  rng = generator(0)
  noises = multiplicities(REPEATS, RESAMPLES, rng).astype(float)
  groups = len(showers.energies) // REPEATS
  draws = multiplicities(len(reference.energies), RESAMPLES, rng).astype(float)
  numbers = []
  for sample, weights in ((showers, np.tile(noises, groups)), (reference, draws)):
    spread = slope(name, sample, geometry, weights).std(ddof=1)
    numbers += [slope(name, sample, geometry), spread]
  return figure('reference', numbers)
