"""What a file of showers is asked for by `plausible`: where its showers lie, and what they hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calojax.geometry import Geometry
from calojax.showers import Shower

FEWEST, FEWEST_BARYCENTRES = 20, 50  # showers; of fewer nothing is said


class Roles(NamedTuple):
  """The names of a layout's arrays, with their units, for the messages; '' where there is none.
  `rings`: whether its cells lie in rings about the particle, see `rings`.
  `direction`: of the particle.
  """

  cells: str
  energy: str
  point: str
  units: dict[str, str]
  rings: bool = False
  direction: str = ''


class Sample(NamedTuple):
  """What is asked of a few showers.

  Attributes:
    response: `[n]` E_vis / E_p.
    energy: `[n]` E_p, MeV.
    empty: how many showers are left out, as no cell of them has energy.
    barycentre: `[n, 2]` over the layers that resolve each axis, mm.
    position, slope: `[n, 2]`.
    depth: `[n, 2]` of those layers, weighted by energy, mm.
    behind: `[n]` depth over all layers, weighted by energy, mm.
    width: `[2]` median RMS width of a shower in them, mm.
    pitch: `[2]` of their cells, mm.
    reach: `[2]` half the width of the detector, mm.
  """

  response: np.ndarray
  energy: np.ndarray
  empty: int
  barycentre: np.ndarray
  position: np.ndarray
  slope: np.ndarray
  depth: np.ndarray
  behind: np.ndarray
  width: np.ndarray
  pitch: np.ndarray
  reach: np.ndarray

  @property
  def incident(self) -> float:
    """Median E_p, MeV."""
    return float(np.median(self.energy)) if len(self.energy) else 0.0


def measured(showers: Shower, geometry: Geometry) -> Sample:
  """What is asked of the showers that have any energy."""
  lit = showers.energies.sum(1, dtype=np.float64) > 0
  energies = np.asarray(showers.energies[lit], np.float64)
  incident, position, direction = (
    np.asarray(field[lit], np.float64) for field in showers.condition
  )
  total = energies.sum(1)
  centre, depth, spread = (np.zeros((len(total), 2)) for _ in range(3))
  pitch = np.zeros(2)
  for axis in (0, 1):
    pitch[axis] = min(layer.pitch[axis] for layer in geometry.layers)
    # A layer of much wider cells than another would only blur what that one sees.
    fine = np.concatenate(
      [np.full(layer.cells, layer.pitch[axis] <= 2 * pitch[axis]) for layer in geometry.layers]
    )
    seen = energies * fine
    weight = np.maximum(seen.sum(1), 1e-12 * total)
    centre[:, axis] = seen @ geometry.positions[:, axis] / weight
    depth[:, axis] = seen @ geometry.positions[:, 2] / weight
    square = seen @ geometry.positions[:, axis] ** 2 / weight
    spread[:, axis] = np.sqrt(np.maximum(square - centre[:, axis] ** 2, 0))
  return Sample(
    total / incident,
    incident,
    int(len(lit) - lit.sum()),
    centre,
    position,
    direction[:, :2] / direction[:, 2:],
    depth,
    energies @ geometry.positions[:, 2] / total,
    np.median(spread, axis=0) if len(spread) else np.zeros(2),
    pitch,
    np.ptp(geometry.positions[:, :2], axis=0) / 2,
  )


class Fit(NamedTuple):
  """A linear fit: coefficients of its terms, these in their own errors, and the share of the
  variance that is left.
  """

  coefficients: np.ndarray
  scores: np.ndarray
  left: float


def fitted(values: np.ndarray, *terms: np.ndarray) -> Fit:
  """The least squares of values `[n]` by terms `[n]` and a constant; a term that does not vary has
  the coefficient 0.
  """
  target = values - values.mean()
  centred = [term - term.mean() for term in terms]
  varies = [bool(np.ptp(term) > 1e-6 * (1 + np.abs(term).max())) for term in centred]
  coefficients, scores = np.zeros(len(terms)), np.zeros(len(terms))
  if not any(varies) or not np.any(target):
    return Fit(coefficients, scores, 1.0)
  design = np.stack([term for term, free in zip(centred, varies) if free], axis=1)
  scale = design.std(0)
  found = np.linalg.lstsq(design / scale, target, rcond=None)[0]
  left = max(float(np.square(target - design / scale @ found).sum()), 1e-12)
  inverse = np.linalg.pinv((design / scale).T @ (design / scale)).diagonal()
  variance = left / max(1, len(target) - len(found)) * inverse
  coefficients[varies] = found / scale
  scores[varies] = found / np.sqrt(np.maximum(variance, 1e-30))
  return Fit(coefficients, scores, left / float(np.square(target).sum()))


def rms(values: np.ndarray) -> float:
  """Root of the mean squared length of vectors `[n, 2]`."""
  return float(np.sqrt(np.square(values).sum(-1).mean()))
