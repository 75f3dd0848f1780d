"""Observables of each layer: one value a layer, `[*b, l]`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calojax.geometry import Geometry
from calojax.observables import moments
from calojax.observables.moments import Array
from calojax.showers import Shower


def layer_energies(shower: Shower, geometry: Geometry) -> Array:
  """Energy deposited in each layer `[*b, l]`, MeV."""
  return _by_layer(lambda energies: energies.sum(-1), geometry, shower.energies)


def layer_fractions(shower: Shower, geometry: Geometry) -> Array:
  """Energy deposited in each layer over the incident energy `[*b, l]`."""
  return layer_energies(shower, geometry) / shower.condition.energy[..., None]


def layer_occupancy(shower: Shower, geometry: Geometry) -> Array:
  """Fraction of each layer's cells that are not empty `[*b, l]`.

  The "sparsity" of CaloGAN. A count has no gradient; networks see the soft form in its place.
  """
  return _by_layer(
    lambda energies: (energies > 0).sum(-1) / energies.shape[-1], geometry, shower.energies
  )


def layer_width_x(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of x in each layer `[*b, l]`, mm; 0 where the layer is empty."""
  return _by_layer(moments.width, geometry, shower.energies, geometry.positions[:, 0])


def layer_width_y(shower: Shower, geometry: Geometry) -> Array:
  """Energy-weighted rms of y in each layer `[*b, l]`, mm; 0 where the layer is empty."""
  return _by_layer(moments.width, geometry, shower.energies, geometry.positions[:, 1])


def _by_layer(function: Callable[..., Array], geometry: Geometry, *arrays: Array) -> Array:
  """`[*b, l]`, a function `[*b, cells] -> [*b]` of each layer's part of arrays `[*b, v]`; equal
  layers in one call.
  """
  sizes = [layer.cells for layer in geometry.layers]
  # 25 or 45 equal layers one by one would be as many small operations, and as many to compile.
  if len(set(sizes)) == 1:
    return function(*(array.reshape(array.shape[:-1] + (len(sizes), sizes[0])) for array in arrays))
  ends = np.cumsum([0] + sizes)
  parts = [
    function(*(array[..., a:b] for array in arrays))[..., None] for a, b in zip(ends, ends[1:])
  ]
  return moments.columns(parts)
