"""Shower observables, each defined once: one function serves numpy (evaluation) and jax (the regressor's target).

Every function maps (shower, geometry) to `[*b]` or `[*b, m]`, with operators, array methods and, where these do not
suffice, the array's own namespace (the array API standard), so it never asks which library it was given. Sums over
cells are products and `.sum(-1)`, not `@`: accelerators may round the factors of a matrix product to 10 bits of
mantissa. All values are finite, for an empty shower too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from calojax.geometry import Geometry
from calojax.registry import find
from calojax.showers import Shower

Array = Any  # numpy or jax

ALPHAS = np.logspace(-5, -1, 20)  # thresholds of the occupancies, as fractions of the shower's energy


class Observable(NamedTuple):
  """An entry of `OBSERVABLES`.

  Attributes:
    function: (shower, geometry) -> `[*b]` if width is 1, else `[*b, width]`.
    unit: of the values, empty for a pure number.
    label: axis label, matplotlib mathematics.
    width: number of values a shower.
  """

  function: Callable[[Shower, Geometry], Array]
  unit: str
  label: str
  width: int = 1


def energy(shower: Shower, geometry: Geometry) -> Array:
  """Total deposited energy `[*b]`, MeV."""
  del geometry
  return shower.energies.sum(-1)


def response(shower: Shower, geometry: Geometry) -> Array:
  """Deposited over incident energy `[*b]`, the sampling fraction of a shower."""
  return energy(shower, geometry) / shower.condition.energy


def max_cell(shower: Shower, geometry: Geometry) -> Array:
  """Energy of the hottest cell `[*b]`, MeV."""
  del geometry
  return shower.energies.max(-1)


def delta_x(shower: Shower, geometry: Geometry) -> Array:
  """Barycentre minus the trajectory in x `[*b]`, mm; 0 for an empty shower."""
  return _mean(shower.energies, _residuals(shower, geometry)[0])


def delta_y(shower: Shower, geometry: Geometry) -> Array:
  """Barycentre minus the trajectory in y `[*b]`, mm; 0 for an empty shower."""
  return _mean(shower.energies, _residuals(shower, geometry)[1])


def ring(size: int) -> Callable[[Shower, Geometry], Array]:
  """The observable: energy in the central `size` x `size` cells outside the next smaller square, over E_p.

  The squares are 2x2, 4x4, 6x6 and 8x8 around the centre of each layer (Chekalina et al. 2018, slides). There E3 is
  printed as its square less the ring E2, and E4 less E3, which counts the inner energy again; here the whole previous
  square is subtracted and the rings are disjoint. A side with an odd number of cells has no 2k central cells: 2k - 1
  are taken.
  """

  def fraction(shower: Shower, geometry: Geometry) -> Array:
    return (shower.energies * _ring_cells(geometry, size)).sum(-1) / shower.condition.energy

  return fraction


def asymmetry_longitudinal(shower: Shower, geometry: Geometry) -> Array:
  """(E ahead - E behind) / E `[*b]` along the direction of inclination, seen from the trajectory."""
  return _asymmetry(shower.energies, _along_across(shower, geometry)[0])


def asymmetry_transverse(shower: Shower, geometry: Geometry) -> Array:
  """(E left - E right) / E `[*b]` of the direction of inclination, seen from the trajectory, z towards the viewer."""
  return _asymmetry(shower.energies, _along_across(shower, geometry)[1])


def width_longitudinal(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of the cell centres along the direction of inclination `[*b]`, mm.

  The finite cells are not corrected for: they add about pitch^2 / 12 to the square of a shower's true width.
  """
  return _width(shower.energies, _along_across(shower, geometry)[0])


def width_transverse(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of the cell centres across the direction of inclination `[*b]`, mm."""
  return _width(shower.energies, _along_across(shower, geometry)[1])


def occupancy(shower: Shower, geometry: Geometry) -> Array:
  """Fraction of cells with E >= alpha sum E for the 20 `ALPHAS` `[*b, 20]`; 0 for an empty shower."""
  lit = shower.energies > 0
  return _occupancy(shower, lambda above: above & lit) / geometry.cells


def lhcb_corrected(shower: Shower, geometry: Geometry) -> Array:
  """The 24 LHCb statistics `[*b, 24]` with axes, units and crossing point put right, on any geometry.

  In this order: asymmetry along and across the inclination, width along and across (mm), 20 occupancies. The
  trajectory's crossing is taken in each layer at the layer's depth. Without inclination, along is x.
  """
  along, across = _along_across(shower, geometry)
  columns = [f(shower.energies, axis) for f in (_asymmetry, _width) for axis in (along, across)]
  return _columns(columns + [occupancy(shower, geometry)])


def lhcb_reference(shower: Shower, geometry: Geometry) -> Array:
  """The 24 LHCb statistics `[*b, 24]` as the published numbers were computed, quirks included.

  Same order as `lhcb_corrected`. Its quirks: points in cm (25 cm behind the front face) meet a grid counted in cells;
  the array's second index is called x although it is y; the "width" is the spread of x along a line of cells, stretched
  by sqrt(1 + (py/px)^2), which diverges for px -> 0; an empty shower occupies all cells. What is not finite becomes 0.

  Raises:
    ValueError: the geometry is not one layer of 30 x 30 cells.
  """
  if geometry.grid != (30, 30):
    raise ValueError(f'the reference statistics need a grid of (30, 30) cells, {geometry.name!r} has {geometry.grid}; '
                     'use lhcb_corrected')
  with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
    columns = [_reference_asymmetry(shower, geometry, across) for across in (False, True)]
    columns += [_reference_width(shower, geometry, across) for across in (False, True)]
  xp = shower.energies.__array_namespace__()
  columns = [xp.where(xp.isfinite(column), column, 0.0) for column in columns]
  return _columns(columns + [_occupancy(shower, lambda above: above) / 900])


OBSERVABLES: dict[str, Observable] = {
  'energy': Observable(energy, 'MeV', r'$E$'),
  'response': Observable(response, '', r'$E \, / \, E_p$'),
  'max_cell': Observable(max_cell, 'MeV', r'$E_\mathrm{max}$'),
  'delta_x': Observable(delta_x, 'mm', r'$\Delta X$'),
  'delta_y': Observable(delta_y, 'mm', r'$\Delta Y$'),
  'ring_2x2': Observable(ring(2), '', r'$E_{2 \times 2} \, / \, E_p$'),
  'ring_4x4': Observable(ring(4), '', r'$E_{4 \times 4 - 2 \times 2} \, / \, E_p$'),
  'ring_6x6': Observable(ring(6), '', r'$E_{6 \times 6 - 4 \times 4} \, / \, E_p$'),
  'ring_8x8': Observable(ring(8), '', r'$E_{8 \times 8 - 6 \times 6} \, / \, E_p$'),
  'asymmetry_longitudinal': Observable(asymmetry_longitudinal, '', r'$A_L$'),
  'asymmetry_transverse': Observable(asymmetry_transverse, '', r'$A_T$'),
  'width_longitudinal': Observable(width_longitudinal, 'mm', r'$\sigma_L$'),
  'width_transverse': Observable(width_transverse, 'mm', r'$\sigma_T$'),
  'occupancy': Observable(occupancy, '', r'occupancy', 20),
  'lhcb_corrected': Observable(lhcb_corrected, '', r'LHCb statistics', 24),
  'lhcb_reference': Observable(lhcb_reference, '', r'LHCb statistics as published', 24),
}


def evaluate_observables(names: str | Sequence[str], shower: Shower, geometry: Geometry) -> Array:
  """The named observables side by side, `[*b, m]` with m the sum of their widths.

  Raises:
    ValueError: a name that is not in `OBSERVABLES`.
  """
  names = [names] if isinstance(names, str) else names
  return _columns([find_observable(name).function(shower, geometry) for name in names], shower.energies.ndim)


def find_observable(name: str) -> Observable:
  """The registered observable of that name.

  Raises:
    ValueError: there is none; the message names the nearest and all known.
  """
  return find(OBSERVABLES, name, 'observable')


def _columns(parts: list[Array], rank: int | None = None) -> Array:
  """`[*b, m]` of parts `[*b]` or `[*b, k]`; rank is that of the result, by default that of the last part."""
  rank = parts[-1].ndim if rank is None else rank
  xp = parts[0].__array_namespace__()
  return xp.concat([part if part.ndim == rank else part[..., None] for part in parts], axis=-1)


def _mean(energies: Array, coordinate: Array) -> Array:
  """Energy-weighted mean `[*b]` of a coordinate `[*b, v]`; 0 for an empty shower."""
  total = energies.sum(-1)
  return (energies * coordinate).sum(-1) / (total + (total == 0))


def _width(energies: Array, coordinate: Array) -> Array:
  return _mean(energies, (coordinate - _mean(energies, coordinate)[..., None]) ** 2) ** 0.5


def _asymmetry(energies: Array, coordinate: Array) -> Array:
  """Cells on the dividing line count on neither side, so a mirrored shower has exactly the opposite asymmetry."""
  return _mean(energies, (coordinate > 0) * 1.0 - (coordinate < 0) * 1.0)


def _slopes(shower: Shower) -> tuple[Array, Array]:
  direction = shower.condition.direction
  return direction[..., 0] / direction[..., 2], direction[..., 1] / direction[..., 2]


def _residuals(shower: Shower, geometry: Geometry) -> tuple[Array, Array]:
  """Cell centres minus the trajectory at the cell's depth: dx and dy `[*b, v]`, mm."""
  x, y, z = geometry.positions.T
  start, (tx, ty) = shower.condition.position, _slopes(shower)
  return x - (start[..., 0, None] + z * tx[..., None]), y - (start[..., 1, None] + z * ty[..., None])


def _along_across(shower: Shower, geometry: Geometry) -> tuple[Array, Array]:
  """The residuals turned along and to the left of the direction of inclination, `[*b, v]`, mm."""
  dx, dy = _residuals(shower, geometry)
  tx, ty = _slopes(shower)
  length = (tx**2 + ty**2) ** 0.5
  upright = length == 0
  cosine, sine = ((tx + upright) / (length + upright))[..., None], (ty / (length + upright))[..., None]
  return cosine * dx + sine * dy, cosine * dy - sine * dx


@functools.lru_cache
def _ring_cells(geometry: Geometry, size: int) -> np.ndarray:
  """`[v]`, 1 in the square ring of outer side `size` of every layer."""
  masks = []
  for layer in geometry.layers:
    i, j = (np.abs(np.arange(n) - (n - 1) / 2) for n in layer.shape)
    radius = np.maximum(i[:, None], j[None, :]).ravel()
    masks.append((radius < size / 2) & (radius >= size / 2 - 1))
  return np.concatenate(masks).astype(np.float64)


def _occupancy(shower: Shower, select: Callable[[Array], Array]) -> Array:
  """Number of selected cells `[*b, 20]` above each threshold, one at a time: all at once take 20 times the memory."""
  total = shower.energies.sum(-1)[..., None]
  return _columns([select(shower.energies >= alpha * total).sum(-1)[..., None] for alpha in ALPHAS])


def _reference_lines(shower: Shower) -> tuple[Array, ...]:
  """Grid coordinates `[30, 30]` and, `[*b, 1, 1]`, crossing point and direction in the reference's mixed units."""
  axis = np.linspace(-14.5, 14.5, 30)
  xx, yy = np.meshgrid(axis, axis)
  px, py, pz = (shower.condition.direction[..., i, None, None] for i in range(3))
  x, y = (shower.condition.position[..., i, None, None] / 10.0 for i in range(2))  # mm to cm
  return xx, yy, x + 25 * px / pz, y + 25 * py / pz, px, py


def _reference_asymmetry(shower: Shower, geometry: Geometry, across: bool) -> Array:
  image = geometry.split(shower.energies)[0]
  xx, yy, p0, p1, px, py = _reference_lines(shower)
  if across:
    below = yy - ((xx - p0) / (px / py) + p1) < 0
  else:
    below = (yy - (-(xx - p0) / (py / px) + p1)) * (2.0 * (py > 0) - 1.0) < 0
  total = image.sum((-2, -1))
  return ((image * ~below).sum((-2, -1)) - (image * below).sum((-2, -1))) / total


def _reference_width(shower: Shower, geometry: Geometry, across: bool) -> Array:
  image = geometry.split(shower.energies)[0]
  xx, yy, p0, p1, px, py = _reference_lines(shower)
  if across:
    below = yy - (-(xx - p0) / (px / py) + p1) < 0
  else:
    below = (yy - ((xx - p0) / (py / px) + p1)) * (2.0 * (py < 0) - 1.0) < 0
  xp = image.__array_namespace__()
  right, down = below[..., :, 1:] != below[..., :, :-1], below[..., 1:, :] != below[..., :-1, :]
  right = xp.concat([right, xp.zeros_like(below[..., :, :1])], axis=-1)
  down = xp.concat([down, xp.zeros_like(below[..., :1, :])], axis=-2)
  weight = image * (right | down)
  r = (1 + (py / px) ** 2) ** 0.5 * xx
  norm = weight.sum((-2, -1)) + 1e-5
  mean = (weight * r).sum((-2, -1)) / norm
  # Equal to sum w r^2 / norm - mean^2, which in single precision would cancel to nothing where py/px is large.
  variance = (weight * (r - mean[..., None, None]) ** 2).sum((-2, -1)) + 1e-5 * mean**2
  return (variance / norm) ** 0.5
