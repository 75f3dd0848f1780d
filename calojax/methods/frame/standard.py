"""Showers as a generator learns them: canonical, each layer a distribution over its cells of sum 1,
beside numbers of unit size that tell of the particle; and back to MeV in the calorimeter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from calojax.geometry import Geometry
from calojax.methods.frame import crossing, response, spectra
from calojax.methods.frame.canonical import Placement, canonical, observed, place, restored
from calojax.methods.frame.crossing import inclination
from calojax.methods.frame.response import Response
from calojax.methods.frame.spectra import Cells
from calojax.showers import Array, Condition, Shower, pieces
from calojax.units import GEV

SCALE = 2.0  # of network space: a cell that holds all of its layer
PIECE, CELLS = 4096, 16_000_000  # showers and cells at most at a time while the frame is found


class Frame(NamedTuple):
  """All that the frame takes from the training showers: arrays, kept with a generator's variables.

  Attributes:
    planes: `[l, 2]`, see `crossing`.
    response: the energies' densities.
    mean, scale: `[m]`, of the numbers that tell of a particle.
    cells: of the frame.
  """

  planes: Array
  response: Response
  mean: Array
  scale: Array
  cells: Cells


class Standard(NamedTuple):
  """Showers in the frame.

  Attributes:
    log_energy: `[b]`, ln(E / 10 GeV).
    x: `[b, v]`, network space: 2 f^(1/4) with f the cell's share of its layer.
    told: `[b, m]`, what networks are told of the particle, and of the visible energy and the
      layers' shares.
    observed: `[b, v]`, 1 where the calorimeter has the cell, else 0.
    placement: how the shower lies.
  """

  log_energy: Array
  x: Array
  told: Array
  observed: Array
  placement: Placement


def blank(geometry: Geometry) -> Frame:
  """The frame before it is known, for its shapes."""
  layers = len(geometry.layers)
  numbers = 3 + 3 * layers
  return Frame(
    crossing.nominal(geometry),
    response.blank(layers),
    np.zeros(numbers, np.float32),
    np.ones(numbers, np.float32),
    spectra.blank(geometry.cells)._replace(share=np.asarray(_flat(geometry))),
  )


def fit(showers: Shower, geometry: Geometry) -> Frame:
  """The frame of these training showers (numpy), alike for the same showers.

  Raises:
    ValueError: a shower is not finite or negative, or none of them has any energy.
  """
  _expect_showers(np.asarray(showers.energies))
  energy, slope = np.asarray(showers.condition.energy), np.asarray(inclination(showers.condition))
  frame = blank(geometry)._replace(planes=crossing.fit(showers, geometry))
  frame = frame._replace(response=response.ranges(frame.response, energy, slope))
  # Twice: how much of a shower the calorimeter contains is seen by the mean shower.
  for _ in range(2):
    frame = frame._replace(cells=_cells(frame, showers, geometry))
  frame = frame._replace(cells=_shaped(frame, showers, geometry))
  numbers = in_pieces(jax.jit(lambda s: _numbers(frame, s, geometry)), showers)
  frame = frame._replace(response=response.fit(numbers, energy, slope))
  told = in_pieces(jax.jit(lambda s: enter(frame, s, geometry).told), showers)
  scale = told.std(0)
  return frame._replace(mean=told.mean(0), scale=np.where(scale > 1e-6, scale, 1).astype('f4'))


def enter(frame: Frame, showers: Shower, geometry: Geometry) -> Standard:
  """The showers in the frame."""
  placement = place(frame.planes, showers.condition, geometry)
  seen = observed(placement, geometry).astype(jnp.float32)
  shares = canonical(showers.energies, placement, geometry)
  shares = shares * _by_cell(
    _contained(frame, seen, geometry) / _positive(layers(shares, geometry)), geometry
  )
  standard = response.standardised(
    frame.response,
    _numbers(frame, showers, geometry),
    showers.condition.energy,
    inclination(showers.condition),
  )
  told = _told(frame, showers.condition, placement, standard)
  e = log_energy(frame, showers.condition)
  return Standard(e, from_shares(shares), told, seen, placement)


def requested(
  frame: Frame, noise: Float[Array, 'b l'], condition: Condition, geometry: Geometry
) -> tuple[Float[Array, 'b m'], Float[Array, 'b l'], Placement]:
  """What a generator is told of these particles, the layers' visible energies in MeV that go with
  it, and how the showers will lie.
  """
  placement, slope = place(frame.planes, condition, geometry), inclination(condition)
  standard, numbers = response.drawn(frame.response, noise, condition.energy, slope)
  visible = response.visible_energies(numbers, condition.energy)
  return _told(frame, condition, placement, standard), visible, placement


def leave(
  x: Float[Array, 'b v'], visible: Float[Array, 'b l'], placement: Placement, geometry: Geometry
) -> Float[Array, 'b v']:
  """Generated showers in MeV in the calorimeter. A layer without a lit cell stays dark."""
  shares = to_shares(x)
  energies = shares * _by_cell(visible / _positive(layers(shares, geometry)), geometry)
  return restored(energies, placement, geometry)


def normalised(
  x: Float[Array, 'b v'], frame: Frame, seen: Float[Array, 'b v'], geometry: Geometry
) -> Float[Array, 'b v']:
  """Generated cells in network space as the calorimeter would show them: those that it has, each
  layer's sum that of a real shower.
  """
  x = x * seen
  total = layers(to_shares(x), geometry)
  scale = jnp.sqrt(jnp.sqrt(_contained(frame, seen, geometry) / (total + 1e-6)))
  return x * _by_cell(scale, geometry)


def log_energy(frame: Frame, condition: Condition) -> Array:
  """ln(E / 10 GeV) `[b]`, within the range of the training showers."""
  e = jnp.log(condition.energy / (10 * GEV))
  return jnp.clip(e, frame.response.low[0], frame.response.high[0])


def from_shares(shares: Float[Array, 'b v']) -> Float[Array, 'b v']:
  """Network space of shares of a layer: relative errors of the core are small in it, and the faint
  halo is seen (as with `transforms.power_fraction`).
  """
  return SCALE * jnp.sqrt(jnp.sqrt(shares))


def to_shares(x: Float[Array, 'b v']) -> Float[Array, 'b v']:
  """Inverse of `from_shares`."""
  return jnp.square(jnp.square(x / SCALE))


def layers(values: Float[Array, 'b v'], geometry: Geometry) -> Float[Array, 'b l']:
  """Sums over the cells of each layer."""
  return jnp.stack([image.sum((-2, -1)) for image in geometry.split(values)], axis=-1)


def arrays(frame: Frame) -> dict[str, Any]:
  """The frame as plain dictionaries, the form that variables and checkpoints have."""
  plain = frame._asdict()
  plain |= {'response': frame.response._asdict(), 'cells': frame.cells._asdict()}
  return jax.tree.map(jnp.asarray, plain)


def from_arrays(plain: dict[str, Any]) -> Frame:
  """Inverse of `arrays`."""
  inner = {'response': Response(**plain['response']), 'cells': Cells(**plain['cells'])}
  return Frame(**{**plain, **inner})


def _expect_showers(energies: np.ndarray) -> None:
  """Raises ValueError unless the cells `[n, v]` are finite and not below 0, and some are above."""
  wrong = ~(np.isfinite(energies) & (energies >= 0))
  if wrong.any():
    shower, cell = np.argwhere(wrong)[0]
    raise ValueError(
      f'training shower {shower} has {energies[shower, cell]} MeV in cell {cell}, '
      'expected a finite energy of 0 or more'
    )
  if not energies.any():
    raise ValueError(f'all {len(energies)} training showers are dark, expected some energy')


def _told(frame: Frame, condition: Condition, placement: Placement, standard: Array) -> Array:
  """Energy, inclination, crossings and standardised energies `[b, 3 + 3 l]` in units of their
  spread.
  """
  columns = [
    jnp.log(condition.energy / (10 * GEV))[:, None],
    placement.slope,
    placement.offset.reshape(standard.shape[0], 2 * standard.shape[1]),
    standard,
  ]
  return (jnp.concatenate(columns, axis=1) - frame.mean) / frame.scale


def _numbers(frame: Frame, showers: Shower, geometry: Geometry) -> Array:
  """The response's numbers, of what the showers would have left in an endless calorimeter."""
  placement = place(frame.planes, showers.condition, geometry)
  seen = observed(placement, geometry).astype(jnp.float32)
  visible = layers(showers.energies, geometry) / _contained(frame, seen, geometry)
  return response.quantities(visible, showers.condition.energy)


def _contained(frame: Frame, seen: Array, geometry: Geometry) -> Float[Array, 'b l']:
  """The part of a mean shower's layers that lies in cells which the calorimeter has; not below a
  tenth, so that a shower off the calorimeter stays finite.
  """
  return jnp.clip(layers(seen * frame.cells.share, geometry), 0.1, 1.0)


def _cells(frame: Frame, showers: Shower, geometry: Geometry) -> Cells:
  """What the cells of the training showers hold."""
  borders = spectra.edges(float(frame.response.low[0]), float(frame.response.high[0]))

  @jax.jit
  def sums(piece: Shower) -> spectra.Sums:
    real = enter(frame, piece, geometry)
    return spectra.sums(real.x, to_shares(real.x), real.observed, real.log_energy, borders)

  parts = [jax.tree.map(np.asarray, sums(piece)) for piece in in_memory(showers)]
  total = jax.tree.map(lambda *leaves: np.sum(leaves, 0, np.float64), *parts)
  cells = spectra.fit(total, spectra.rings_of(geometry), borders)
  whole = _by_cell(_positive(layers(jnp.asarray(cells.share)[None], geometry)), geometry)
  return cells._replace(share=cells.share / np.asarray(whole)[0])


def _shaped(frame: Frame, showers: Shower, geometry: Geometry) -> Cells:
  """The cells with the shapes of their spectra."""
  rings = spectra.rings_of(geometry)

  @jax.jit
  def entered(piece: Shower) -> tuple[Array, ...]:
    real = enter(frame, piece, geometry)
    scales = spectra.scales(frame.cells, real.log_energy)
    return real.x, scales.middle, scales.spread

  histograms = [
    spectra.counts(*map(np.asarray, entered(piece)), rings=rings) for piece in in_memory(showers)
  ]
  return spectra.shaped(frame.cells, np.sum(histograms, axis=0), rings)


def in_memory(showers: Shower) -> Iterator[Shower]:
  """The showers, so many at a time as memory holds a dozen times over."""
  return pieces(showers, max(1, min(PIECE, CELLS // showers.energies.shape[1])))


def in_pieces(function: Callable[[Shower], Array], showers: Shower) -> np.ndarray:
  """What a function gives for the showers, called with those of `in_memory`."""
  return np.concatenate([np.asarray(function(piece)) for piece in in_memory(showers)])


def _flat(geometry: Geometry) -> Array:
  """Equal shares of a layer's cells `[v]`."""
  return _by_cell(1 / layers(jnp.ones((1, geometry.cells)), geometry), geometry)[0]


def _by_cell(values: Float[Array, 'b l'], geometry: Geometry) -> Float[Array, 'b v']:
  """A number of each layer at each of its cells."""
  columns = [
    jnp.broadcast_to(values[:, i, None], (values.shape[0], layer.cells))
    for i, layer in enumerate(geometry.layers)
  ]
  return jnp.concatenate(columns, axis=1)


def _positive(values: Array) -> Array:
  """The values, 1 in place of 0: what is divided by them is 0 itself."""
  return jnp.where(values > 0, values, 1.0)
