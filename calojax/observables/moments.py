"""Energy-weighted moments of a shower, in numpy and jax alike, with finite values and gradients for
empty showers.
"""

from __future__ import annotations

from typing import Any

Array = Any  # numpy or jax

NARROW = 1e-4  # mm^2: a variance below (widths under 10 um) is rounding, and counts as 0


def columns(parts: list[Array], rank: int | None = None) -> Array:
  """`[*b, m]` of parts `[*b]` or `[*b, k]`; rank is that of the result, by default that of the last
  part.
  """
  rank = parts[-1].ndim if rank is None else rank
  xp = parts[0].__array_namespace__()
  return xp.concat([part if part.ndim == rank else part[..., None] for part in parts], axis=-1)


def mean(energies: Array, coordinate: Array) -> Array:
  """Energy-weighted mean `[*b]` of a coordinate `[*b, v]`; 0 for an empty shower."""
  # An empty shower divides 0 by 1: no branch, which a compiled function could not take.
  total = energies.sum(-1)
  return (energies * coordinate).sum(-1) / (total + (total == 0))


def width(energies: Array, coordinate: Array) -> Array:
  """Energy-weighted rms `[*b]` of a coordinate `[*b, v]`; 0 for an empty shower or a single
  cell.
  """
  # About the mean, not E[x^2] - E[x]^2: in float32 the difference of squares of hundreds of mm
  # cancels.
  return root(mean(energies, (coordinate - mean(energies, coordinate)[..., None]) ** 2))


def root(square: Array) -> Array:
  """Square root, 0 below `NARROW`; unlike the plain root it has a finite gradient everywhere."""
  # Both factors are needed: at 0 the root's slope is infinite, and infinite times the 0 of an
  # unchosen branch is NaN. The narrow ones take the root of 1 and count it 0 times.
  narrow = square < NARROW
  return (square * ~narrow + narrow) ** 0.5 * ~narrow


def asymmetry(energies: Array, coordinate: Array) -> Array:
  """(E above 0 - E below 0) / E `[*b]` of a coordinate.

  Cells on the dividing line count on neither side, so a mirrored shower has exactly the opposite
  asymmetry.
  """
  # * 1.0: a difference of booleans is an error in numpy.
  return mean(energies, (coordinate > 0) * 1.0 - (coordinate < 0) * 1.0)
