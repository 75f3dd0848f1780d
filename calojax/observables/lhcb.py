"""The 24 LHCb statistics: two asymmetries, two widths, twenty occupancies; put right, and as
published.
"""

from __future__ import annotations

import numpy as np

from calojax.geometry import Geometry
from calojax.observables import moments
from calojax.observables.moments import Array
from calojax.observables.shapes import along_across, cells_above, occupancy
from calojax.showers import Shower


def lhcb_corrected(shower: Shower, geometry: Geometry) -> Array:
  """The 24 LHCb statistics `[*b, 24]` with axes, units and crossing point put right, on any
  geometry.

  In this order: asymmetry along and across the inclination, width along and across (mm), 20
  occupancies. The trajectory's crossing is taken in each layer at the layer's depth. Without
  inclination, along is x.
  """
  along, across = along_across(shower, geometry)
  columns = [
    f(shower.energies, axis) for f in (moments.asymmetry, moments.width) for axis in (along, across)
  ]
  return moments.columns(columns + [occupancy(shower, geometry)])


def lhcb_reference(shower: Shower, geometry: Geometry) -> Array:
  """The 24 LHCb statistics `[*b, 24]` as the published numbers were computed, quirks included.

  Same order as `lhcb_corrected`. Its quirks: points in cm (25 cm behind the front face) meet a grid
  counted in cells; the array's second index is called x although it is y; the "width" is the spread
  of x along a line of cells, stretched by sqrt(1 + (py/px)^2), which diverges for px -> 0; an empty
  shower occupies all cells. What is not finite becomes 0.

  Raises:
    ValueError: the geometry is not one layer of 30 x 30 cells.
  """
  if geometry.grid != (30, 30):
    raise ValueError(
      f'the reference statistics need a grid of (30, 30) cells, {geometry.name!r} '
      f'has {geometry.grid}; use lhcb_corrected'
    )
  # Vertical lines and empty shower divide by zero here on purpose: the published numbers did.
  with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
    columns = [_reference_asymmetry(shower, geometry, across) for across in (False, True)]
    columns += [_reference_width(shower, geometry, across) for across in (False, True)]
  xp = shower.energies.__array_namespace__()
  columns = [xp.where(xp.isfinite(column), column, 0.0) for column in columns]
  return moments.columns(columns + [cells_above(shower, lambda above: above) / 900])


def _reference_lines(shower: Shower) -> tuple[Array, ...]:
  """Grid coordinates `[30, 30]` and, `[*b, 1, 1]`, crossing point and direction in the reference's
  mixed units.
  """
  axis = np.linspace(-14.5, 14.5, 30)
  # numpy's order 'xy', and thereby the published code's: its xx grows along the second index, which
  # is our y.
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
    # A line across the slope has no side that is ahead: the sign of py says which.
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
  # The cells along the line are those whose neighbour lies on its other side.
  right, down = below[..., :, 1:] != below[..., :, :-1], below[..., 1:, :] != below[..., :-1, :]
  right = xp.concat([right, xp.zeros_like(below[..., :, :1])], axis=-1)
  down = xp.concat([down, xp.zeros_like(below[..., :1, :])], axis=-2)
  weight = image * (right | down)
  r = (1 + (py / px) ** 2) ** 0.5 * xx
  norm = weight.sum((-2, -1)) + 1e-5
  mean = (weight * r).sum((-2, -1)) / norm
  # Equal to sum w r^2 / norm - mean^2, which in single precision would cancel to nothing where
  # py/px is large.
  variance = (weight * (r - mean[..., None, None]) ** 2).sum((-2, -1)) + 1e-5 * mean**2
  return (variance / norm) ** 0.5
