"""Attributes of the particle that made a shower: what a regressor reads back from the shower."""

from __future__ import annotations

from collections.abc import Callable

from calojax.geometry import Geometry
from calojax.observables.moments import Array
from calojax.showers import Shower
from calojax.units import GEV


def incident_energy(shower: Shower, geometry: Geometry) -> Array:
  """Kinetic energy of the particle `[*b]`, MeV."""
  del geometry
  return shower.condition.energy


def impact(axis: int) -> Callable[[Shower, Geometry], Array]:
  """The attribute: x (axis 0) or y (axis 1) of the impact point on the front face `[*b]`, mm."""
  return lambda shower, geometry: shower.condition.position[..., axis]


def momentum(axis: int) -> Callable[[Shower, Geometry], Array]:
  """The attribute: a component of the momentum `[*b]`, MeV/c; the mass is neglected, as it is on
  reading data.
  """
  return lambda shower, geometry: shower.condition.energy * shower.condition.direction[..., axis]


def log_energy(shower: Shower, geometry: Geometry) -> Array:
  """ln(E_p / 10 GeV) `[*b]`: an error of it is a relative error of the energy, at 1 GeV as at
  100.
  """
  del geometry
  # Arrays have no method for it: their own library, numpy or jax.numpy, has the function.
  energy = shower.condition.energy
  return energy.__array_namespace__().log(energy / (10 * GEV))


def slope(axis: int) -> Callable[[Shower, Geometry], Array]:
  """The attribute: dx/dz (axis 0) or dy/dz (axis 1) of the particle `[*b]`."""
  return lambda shower, geometry: (
    shower.condition.direction[..., axis] / shower.condition.direction[..., 2]
  )


def theta(shower: Shower, geometry: Geometry) -> Array:
  """Angle of the particle to the z axis `[*b]`, rad."""
  del geometry
  direction = shower.condition.direction
  xp = direction.__array_namespace__()
  # Not the arc cosine of z: near the axis, where most particles fly, it loses half of the digits.
  return xp.atan2(xp.hypot(direction[..., 0], direction[..., 1]), direction[..., 2])


def cos_phi(shower: Shower, geometry: Geometry) -> Array:
  """Cosine of the azimuth `[*b]`; 1 for a particle along z.

  The azimuth itself jumps by 2 pi where it closes, and the absolute deviation of Conditional
  CaloGAN (de Oliveira et al. 2017, eq. 3) would punish a right answer there: its cosine and sine
  stand for it.
  """
  del geometry
  (x, _), length, upright = _transverse(shower)
  return (x + upright) / (length + upright)


def sin_phi(shower: Shower, geometry: Geometry) -> Array:
  """Sine of the azimuth `[*b]`; 0 for a particle along z."""
  del geometry
  (_, y), length, upright = _transverse(shower)
  return y / (length + upright)


def _transverse(shower: Shower) -> tuple[tuple[Array, Array], Array, Array]:
  """The direction's x and y, their length, and whether it is 0."""
  x, y = (shower.condition.direction[..., axis] for axis in (0, 1))
  length = x.__array_namespace__().hypot(x, y)
  return (x, y), length, length == 0
