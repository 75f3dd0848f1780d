"""Observables of the whole shower: its energy, where it lies against the trajectory, and how wide
it is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from calojax.geometry import Geometry, Layer
from calojax.observables import moments
from calojax.observables.moments import Array
from calojax.showers import Shower

# Thresholds of the occupancies, as fractions of the shower's energy.
# Those of the published LHCb statistics.
ALPHAS = np.logspace(-5, -1, 20)
DEVIATION_UNIT = 100_000.0  # MeV


def energy(shower: Shower, geometry: Geometry) -> Array:
  """Total deposited energy `[*b]`, MeV."""
  del geometry
  return shower.energies.sum(-1)


def response(shower: Shower, geometry: Geometry) -> Array:
  """Deposited over incident energy `[*b]`, the sampling fraction of a shower."""
  return energy(shower, geometry) / shower.condition.energy


def energy_deviation(shower: Shower, geometry: Geometry) -> Array:
  """|E / sampling fraction - E_p| / (100 GeV) `[*b]`, the energy term that CaloGAN shows its
  discriminator.

  Its authors write |E - E_p|, which is right only where deposits sum to the incident energy; a
  sampling calorimeter sees a fraction of it.
  """
  return (
    abs(energy(shower, geometry) / geometry.sampling_fraction - shower.condition.energy)
    / DEVIATION_UNIT
  )


def max_cell(shower: Shower, geometry: Geometry) -> Array:
  """Energy of the hottest cell `[*b]`, MeV."""
  del geometry
  return shower.energies.max(-1)


def delta_x(shower: Shower, geometry: Geometry) -> Array:
  """Barycentre minus the trajectory in x `[*b]`, mm; 0 for an empty shower."""
  return moments.mean(shower.energies, residuals(shower, geometry)[0])


def delta_y(shower: Shower, geometry: Geometry) -> Array:
  """Barycentre minus the trajectory in y `[*b]`, mm; 0 for an empty shower."""
  return moments.mean(shower.energies, residuals(shower, geometry)[1])


def ring(size: int) -> Callable[[Shower, Geometry], Array]:
  """The observable: energy in the central `size` x `size` cells outside the next smaller square,
  over E_p.

  The squares are 2x2, 4x4, 6x6 and 8x8 around the centre of each layer (Chekalina et al. 2018,
  slides). There E3 is printed as its square less the ring E2, and E4 less E3, which counts the
  inner energy again; here the whole previous square is subtracted and the rings are disjoint. A
  side with an odd number of cells has no 2k central cells: 2k - 1 are taken. A layer that is no
  regular grid raises ValueError.
  """

  def fraction(shower: Shower, geometry: Geometry) -> Array:
    return (shower.energies * _ring_cells(geometry, size)).sum(-1) / shower.condition.energy

  return fraction


def asymmetry_longitudinal(shower: Shower, geometry: Geometry) -> Array:
  """(E ahead - E behind) / E `[*b]` along the direction of inclination, seen from the
  trajectory.
  """
  return moments.asymmetry(shower.energies, along_across(shower, geometry)[0])


def asymmetry_transverse(shower: Shower, geometry: Geometry) -> Array:
  """(E left - E right) / E `[*b]` of the direction of inclination, seen from the trajectory, z
  towards the viewer.
  """
  return moments.asymmetry(shower.energies, along_across(shower, geometry)[1])


def width_longitudinal(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of the cell centres along the direction of inclination `[*b]`, mm.

  The finite cells are not corrected for: they add about pitch^2 / 12 to the square of a shower's
  true width.
  """
  return moments.width(shower.energies, along_across(shower, geometry)[0])


def width_transverse(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of the cell centres across the direction of inclination `[*b]`, mm."""
  return moments.width(shower.energies, along_across(shower, geometry)[1])


def occupancy(shower: Shower, geometry: Geometry) -> Array:
  """Fraction of cells with E >= alpha sum E for the 20 `ALPHAS` `[*b, 20]`; 0 for an empty
  shower.
  """
  # In an empty shower every cell has E >= alpha 0, and all would count.
  lit = shower.energies > 0
  return cells_above(shower, lambda above: above & lit) / geometry.cells


def depth(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted mean depth of the layers `[*b]`, mm; 0 for an empty shower."""
  return moments.mean(shower.energies, geometry.positions[:, 2])


def depth_width(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of the layers' depths `[*b]`, mm."""
  return moments.width(shower.energies, geometry.positions[:, 2])


def slopes(shower: Shower) -> tuple[Array, Array]:
  """dx/dz and dy/dz of the trajectory, `[*b]` each."""
  direction = shower.condition.direction
  return direction[..., 0] / direction[..., 2], direction[..., 1] / direction[..., 2]


def residuals(shower: Shower, geometry: Geometry) -> tuple[Array, Array]:
  """Cell centres minus the trajectory at the cell's depth: dx and dy `[*b, v]`, mm."""
  x, y, z = geometry.positions.T
  start, (tx, ty) = shower.condition.position, slopes(shower)
  return x - (start[..., 0, None] + z * tx[..., None]), y - (
    start[..., 1, None] + z * ty[..., None]
  )


def along_across(shower: Shower, geometry: Geometry) -> tuple[Array, Array]:
  """The residuals turned along and to the left of the direction of inclination, `[*b, v]`, mm;
  upright, along is x.
  """
  dx, dy = residuals(shower, geometry)
  tx, ty = slopes(shower)
  length = (tx**2 + ty**2) ** 0.5
  # Added below and above the line: 0 / 0 becomes 1 / 1 for the cosine and 0 / 1 for the sine.
  upright = length == 0
  cosine, sine = (
    ((tx + upright) / (length + upright))[..., None],
    (ty / (length + upright))[..., None],
  )
  return cosine * dx + sine * dy, cosine * dy - sine * dx


def cells_above(shower: Shower, select: Callable[[Array], Array]) -> Array:
  """Number of selected cells `[*b, 20]` above each threshold, one at a time: all at once take 20
  times the memory.
  """
  total = shower.energies.sum(-1)[..., None]
  return moments.columns(
    [select(shower.energies >= alpha * total).sum(-1)[..., None] for alpha in ALPHAS]
  )


# A geometry is frozen and can be a key: the mask is made once.
@functools.lru_cache
def _ring_cells(geometry: Geometry, size: int) -> np.ndarray:
  """`[v]`, 1 in the square ring of outer side `size` of every layer."""
  masks = []
  for number, layer in enumerate(geometry.layers):
    if not isinstance(layer, Layer):
      raise ValueError(
        f'square rings need regular grids, layer {number} of {geometry.name!r} '
        f'is a {type(layer).__name__}'
      )
    # From the middle of the grid, which between even numbers of cells is a corner: |i| is 1/2, 3/2,
    # ...
    i, j = (np.abs(np.arange(n) - (n - 1) / 2) for n in layer.shape)
    radius = np.maximum(i[:, None], j[None, :]).ravel()
    masks.append((radius < size / 2) & (radius >= size / 2 - 1))
  return np.concatenate(masks).astype(np.float64)
