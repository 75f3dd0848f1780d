"""Shower observables, each defined once: one function serves numpy (evaluation) and jax (the
regressor's target).

Every function maps (shower, geometry) to `[*b]` or `[*b, m]`, with operators, array methods and,
where these do not suffice, the array's own namespace (the array API standard), so it never asks
which library it was given. Sums over cells are products and `.sum(-1)`, not `@`: accelerators may
round the factors of a matrix product to 10 bits of mantissa. All values are finite, for an empty
shower too, and so are all gradients with respect to the cells (`lhcb_reference` apart): a GAN shows
observables of its showers to its discriminator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calojax.geometry import Geometry
from calojax.observables.attributes import (
  cos_phi,
  impact,
  incident_energy,
  log_energy,
  momentum,
  sin_phi,
  slope,
  theta,
)
from calojax.observables.layers import (
  layer_energies,
  layer_fractions,
  layer_occupancy,
  layer_width_x,
  layer_width_y,
)
from calojax.observables.lhcb import lhcb_corrected, lhcb_reference
from calojax.observables.moments import Array, columns
from calojax.observables.shapes import (
  ALPHAS,
  asymmetry_longitudinal,
  asymmetry_transverse,
  delta_x,
  delta_y,
  depth,
  depth_width,
  energy,
  energy_deviation,
  max_cell,
  occupancy,
  response,
  ring,
  width_longitudinal,
  width_transverse,
)
from calojax.registry import find
from calojax.showers import Shower


class Observable(NamedTuple):
  """An entry of `OBSERVABLES` or `ATTRIBUTES`.

  Attributes:
    function: (shower, geometry) -> `[*b]` if width is 1, else `[*b, width]`.
    unit: of the values, empty for a pure number.
    label: axis label, matplotlib mathematics.
    width: number of values a shower; None stands for one a layer (see `total_width`).
  """

  function: Callable[[Shower, Geometry], Array]
  unit: str
  label: str
  width: int | None = 1


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
  'occupancy': Observable(occupancy, '', r'occupancy', len(ALPHAS)),
  'depth': Observable(depth, 'mm', r'$\langle z \rangle$'),
  'depth_width': Observable(depth_width, 'mm', r'$\sigma_z$'),
  'layer_energies': Observable(layer_energies, 'MeV', r'$E_l$', None),
  'layer_fractions': Observable(layer_fractions, '', r'$E_l \, / \, E_p$', None),
  'layer_occupancy': Observable(layer_occupancy, '', r'occupancy of layer $l$', None),
  'layer_width_x': Observable(layer_width_x, 'mm', r'$\sigma_{x,l}$', None),
  'layer_width_y': Observable(layer_width_y, 'mm', r'$\sigma_{y,l}$', None),
  'energy_deviation': Observable(energy_deviation, '', r'$|E / f - E_p| \, / \, 100$ GeV'),
  'lhcb_corrected': Observable(lhcb_corrected, '', r'LHCb statistics', 24),
  'lhcb_reference': Observable(lhcb_reference, '', r'LHCb statistics as published', 24),
}

ATTRIBUTES: dict[str, Observable] = {
  'incident_energy': Observable(incident_energy, 'MeV', r'$E_p$'),
  'log_energy': Observable(log_energy, '', r'$\ln (E_p \, / \, 10\,\mathrm{GeV})$'),
  'slope_x': Observable(slope(0), '', r'$dx/dz$'),
  'slope_y': Observable(slope(1), '', r'$dy/dz$'),
  'impact_x': Observable(impact(0), 'mm', r'$x_0$'),
  'impact_y': Observable(impact(1), 'mm', r'$y_0$'),
  'momentum_x': Observable(momentum(0), 'MeV', r'$p_x$'),
  'momentum_y': Observable(momentum(1), 'MeV', r'$p_y$'),
  'momentum_z': Observable(momentum(2), 'MeV', r'$p_z$'),
  'theta': Observable(theta, 'rad', r'$\theta$'),
  'cos_phi': Observable(cos_phi, '', r'$\cos \varphi$'),
  'sin_phi': Observable(sin_phi, '', r'$\sin \varphi$'),
}


def evaluate_observables(names: str | Sequence[str], shower: Shower, geometry: Geometry) -> Array:
  """The named observables and attributes side by side, `[*b, m]` with m = `total_width(names,
  geometry)`.

  Raises:
    ValueError: a name that is in neither `OBSERVABLES` nor `ATTRIBUTES`.
  """
  names = [names] if isinstance(names, str) else names
  # The rank is told: with a single name the result still has its column.
  return columns(
    [find_observable(name).function(shower, geometry) for name in names], shower.energies.ndim
  )


def find_observable(name: str) -> Observable:
  """The registered observable or attribute of that name.

  Raises:
    ValueError: there is none; the message names the nearest and all known.
  """
  return find(OBSERVABLES | ATTRIBUTES, name, 'observable')


def total_width(names: str | Sequence[str], geometry: Geometry) -> int:
  """Number of columns of `evaluate_observables(names, ...)` on a geometry.

  Raises:
    ValueError: an unknown name.
  """
  names = [names] if isinstance(names, str) else names
  widths = (find_observable(name).width for name in names)
  return sum(len(geometry.layers) if width is None else width for width in widths)
