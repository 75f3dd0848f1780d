"""Where a particle's trajectory crosses the layers: at the depth of the shower, which grows with
the logarithm of the energy.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.showers import Array, Condition, Shower
from calojax.units import GEV


def crossings(planes: Float[Array, 'l 2'], condition: Condition) -> Float[Array, 'b l 2']:
  """The points of the trajectories in each layer's crossing plane, x and y in mm.

  Args:
    planes: depth of a layer's plane at 10 GeV and its change with ln E, mm.
    condition: the particles `[b]`.
  """
  log_energy = jnp.log(condition.energy / (10 * GEV))[:, None]
  depth = planes[:, 0] + planes[:, 1] * log_energy
  return condition.position[:, None] + depth[..., None] * inclination(condition)[:, None]


def nominal(geometry: Geometry) -> np.ndarray:
  """The planes `[l, 2]` at the geometry's own depths, the same at every energy."""
  depths = [float(layer.depth) for layer in geometry.layers]
  return np.stack([depths, np.zeros(len(depths))], axis=1).astype(np.float32)


def fit(showers: Shower, geometry: Geometry) -> np.ndarray:
  """The planes `[l, 2]` in which barycentre and slope decouple.

  A layer's barycentre is a (x0 + d dx/dz), with d the wanted depth, linear in ln E. The factor a is
  free: a barycentre of coarse cells moves less than the particle where all of them hit the same
  few. Particles without an inclination tell nothing of the depth; the nominal one stays then. So it
  does for a ln E without spread.
  """
  planes = nominal(geometry)
  start, slope = np.asarray(showers.condition.position), np.asarray(inclination(showers.condition))
  log_energy = np.log(np.asarray(showers.condition.energy) / (10 * GEV))[:, None]
  for number, (layer, image) in enumerate(
    zip(geometry.layers, geometry.split(np.asarray(showers.energies)))
  ):
    cells = image.reshape(len(image), -1)
    seen = cells.sum(1)
    centre = cells @ layer.positions()[:, :2] / np.where(seen > 0, seen, 1)[:, None]
    nominal_crossing = start + layer.depth * slope
    # A coarse axis says little, and a faint shower less than a bright one.
    weight = np.sqrt(seen)[:, None] / np.asarray(_pitch(layer))
    columns = [nominal_crossing, slope, slope * log_energy, np.ones_like(slope)]
    matrix = np.stack([(weight * column).ravel() for column in columns], axis=1)
    (factor, *shifts, _), *_ = np.linalg.lstsq(matrix, (weight * centre).ravel(), rcond=1e-6)
    if factor > 0.1:  # otherwise the barycentre does not follow the particle at all
      planes[number] += np.asarray(shifts) / factor
  return planes


def inclination(condition: Condition) -> Float[Array, 'b 2']:
  """dx/dz and dy/dz."""
  return condition.direction[:, :2] / condition.direction[:, 2:]


def _pitch(layer: Layer | PolarLayer) -> tuple[float, float]:
  """Size of a layer's cells along x and y, mm; of cells around the axis that of one radial bin."""
  if isinstance(layer, Layer):
    return layer.pitch
  return (layer.edges[1] - layer.edges[0], layer.edges[1] - layer.edges[0])
