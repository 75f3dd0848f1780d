"""Showers as seen from their trajectories: moved until the trajectory crosses the middle of each
layer, and turned into one part of the cells' symmetry.

A judge that is shown this frame need not learn that a shower lies elsewhere when its particle does,
and sees finer defects. It is written apart from the frame in which generators are trained, and with
other means: a judge must not share the faults of what it judges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower
from calojax.units import GEV

SCALE = 10 * GEV  # energy at which the first column of planes holds
FOLLOWS = 0.3  # least part of a step of the particle that the barycentre has to follow


class Placed(NamedTuple):
  """Showers in the frame of their trajectories.

  Attributes:
    cells: `[n, v]` MeV, in the order of the geometry; 0 where the calorimeter has no cell.
    offset: `[n, l, 2]` from the middle of each layer to the crossing, in cells, at most half a one.
    slope: `[n, 2]` dx/dz and dy/dz.
  """

  cells: np.ndarray
  offset: np.ndarray
  slope: np.ndarray


def slopes(condition: Condition) -> np.ndarray:
  """dx/dz and dy/dz `[n, 2]`."""
  direction = np.asarray(condition.direction, np.float64)
  return direction[:, :2] / direction[:, 2:]


def crossing_planes(reference: Shower, geometry: Geometry) -> np.ndarray:
  """`[l, 2]`, mm: the depth at which trajectories are taken to cross each layer at 10 GeV, and its
  change with ln E.

  A layer of several has its own depth. A single one sums up the whole shower, which lies the deeper
  the higher its energy: there the depth is measured on real showers, as that in which barycentres
  follow the trajectory. Where that cannot be measured (no spread of energies or angles) it is the
  layer's.
  """
  planes = np.array([[float(layer.depth), 0.0] for layer in geometry.layers])
  if len(planes) > 1 or not isinstance(geometry.layers[0], Layer):
    return planes
  cells = np.asarray(reference.energies, np.float64)
  total = cells.sum(1)
  lit = total > 0
  barycentre = cells[lit] @ geometry.positions[:, :2] / total[lit, None]
  start, slope = (
    np.asarray(v, np.float64)[lit]
    for v in (reference.condition.position, slopes(reference.condition))
  )
  log_energy = _log_energy(reference.condition)[lit, None]
  # Both axes alike. Coarse cells let a barycentre follow a part `a` of each step of the particle:
  # a (x0 + depth slope), so the depth is a ratio of two coefficients.
  terms = (start, slope, slope * log_energy, np.ones_like(slope))
  columns = np.stack([term.ravel() for term in terms], axis=1)
  found, _, rank, _ = np.linalg.lstsq(columns, barycentre.ravel())
  if rank == len(terms) and found[0] > FOLLOWS:
    planes[0] = found[1:3] / found[0]
  return planes


def about_the_trajectory(
  showers: Shower, geometry: Geometry, planes: np.ndarray | None = None
) -> Placed:
  """The showers moved by whole cells until the trajectory crosses the middle of each layer, and
  turned until in the first layer it does so behind it along both axes; of square cells and grids
  also farther along x than along y.

  What is moved over the edge is lost and dark cells come in at the other side, as there is nothing
  beyond the edge. Cells around the axis cannot be moved: a geometry with polar layers stays as it
  is, with offsets of 0.

  Args:
    showers: `[n, v]`.
    geometry: of these.
    planes: of `crossing_planes`; by default the layers' own depths.
  """
  slope = slopes(showers.condition)
  layers = [layer for layer in geometry.layers if isinstance(layer, Layer)]
  energies = np.asarray(showers.energies)
  if len(layers) < len(geometry.layers):
    return Placed(energies, np.zeros((len(slope), len(geometry.layers), 2)), slope)
  planes = np.array([[layer.depth, 0.0] for layer in layers]) if planes is None else planes
  points = _crossings(showers.condition, slope, layers, planes)
  shift = np.rint(points).astype(int)
  offset = points - shift
  # The first layer decides for all: they are turned together, as the shower is.
  flip = offset[:, 0] < 0
  sign = np.where(flip, -1.0, 1.0)
  offset, slope = offset * sign[:, None], slope * sign
  images = [
    _moved(image, shift[:, number], flip) for number, image in enumerate(geometry.split(energies))
  ]
  if all(layer.shape[0] == layer.shape[1] and layer.pitch[0] == layer.pitch[1] for layer in layers):
    turn = offset[:, 0, 1] > offset[:, 0, 0]
    images = [np.where(turn[:, None, None], image.swapaxes(1, 2), image) for image in images]
    offset = np.where(turn[:, None, None], offset[..., ::-1], offset)
    slope = np.where(turn[:, None], slope[:, ::-1], slope)
  flat = [image.reshape(len(image), -1) for image in images]
  return Placed(np.concatenate(flat, axis=1), offset, slope)


def _crossings(
  condition: Condition, slope: np.ndarray, layers: list[Layer], planes: np.ndarray
) -> np.ndarray:
  """Where trajectories cross the layers `[n, l, 2]`, in cells from the middle of each."""
  depth = planes[:, 0] + planes[:, 1] * _log_energy(condition)[:, None]
  points = np.asarray(condition.position, np.float64)[:, None] + depth[..., None] * slope[:, None]
  centres, pitches = (
    np.array([getattr(layer, name) for layer in layers]) for name in ('centre', 'pitch')
  )
  return (points - centres) / pitches


def _log_energy(condition: Condition) -> np.ndarray:
  return np.log(np.asarray(condition.energy, np.float64) / SCALE)


def _moved(image: np.ndarray, shift: np.ndarray, flip: np.ndarray) -> np.ndarray:
  """Images `[n, h, w]` of which the cell `shift` `[n, 2]` from the middle is the new middle, then
  mirrored along the axes of `flip` `[n, 2]`; 0 comes in.
  """
  places, inside = [], []
  for axis, size in enumerate(image.shape[1:]):
    new = np.arange(size)
    place = np.where(flip[:, axis, None], new[::-1], new) + shift[:, axis, None]
    inside.append((place >= 0) & (place < size))
    places.append(np.clip(place, 0, size - 1))
  rows = np.arange(len(image))[:, None, None]
  moved = image[rows, places[0][:, :, None], places[1][:, None, :]]
  return moved * (inside[0][:, :, None] & inside[1][:, None, :])
