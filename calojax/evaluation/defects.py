"""Planted defects: real showers made wrong in one known way, to see which metric notices.

A metric that stays at its target for such showers is blind to the defect at that number of showers;
`experiments/defects.py` makes the table for those of this package, `experiments/planted_defects.py`
that of the judges. Every function leaves its arguments as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calojax.evaluation.metrics.inputs import sides
from calojax.geometry import Geometry, Layer
from calojax.showers import Shower, take

CHUNK = 256  # showers resampled at a time
DEGREE = 2  # of the mean response as a polynomial of ln E_p


def energy_scale(showers: Shower, factor: float) -> Shower:
  """The showers `[n, v]` with all energies times `factor`."""
  return showers._replace(energies=showers.energies * np.float32(factor))


def stretched(showers: Shower, geometry: Geometry, factor: float) -> Shower:
  """The showers `[n, v]` with their rms width along x and along y of each layer times `factor`, 1
  or more.

  Each image is resampled about its barycentre: a cell's energy moves to `factor` times its distance
  and is shared between the two nearest rows of cells in proportion to their nearness, which keeps
  the layer's energy and barycentre but makes the image a little too wide. So only a part of the
  energy moves, for each shower and axis the one with which the width is right. What would leave the
  grid stays in its outermost cells. Dark neighbours of lit cells get some energy, so occupancies
  grow too.

  Raises:
    ValueError: a layer that is no regular grid, or a factor below 1.
  """
  if not factor >= 1:
    raise ValueError(f'width times {factor:g}, expected a factor of 1 or more')
  for number, layer in enumerate(geometry.layers):
    if not isinstance(layer, Layer):
      raise ValueError(
        f'stretching needs regular grids, layer {number} of {geometry.name!r} '
        f'is a {type(layer).__name__}'
      )
  energies = np.empty_like(showers.energies)
  for start in range(0, len(energies), CHUNK):
    images = geometry.split(showers.energies[start : start + CHUNK].astype(np.float64))
    flat = [
      _stretch_rows(_stretch_rows(image, factor).mT, factor).mT.reshape(len(image), -1)
      for image in images
    ]
    energies[start : start + CHUNK] = np.concatenate(flat, axis=1)
  return showers._replace(energies=energies)


def dead_cell(showers: Shower, cell: int | None = None) -> Shower:
  """The showers `[n, v]` with one cell empty, by default the one of highest mean energy."""
  energies = showers.energies.copy()
  energies[:, energies.mean(0).argmax() if cell is None else cell] = 0
  return showers._replace(energies=energies)


def mode_collapse(showers: Shower, kinds: int = 10, seed: int = 0) -> Shower:
  """As many showers, all of them copies of `kinds` ones drawn at random, each with its own
  particle.

  So each shower goes with its particle: only the variety is lost.

  Raises:
    ValueError: fewer showers than kinds, or no kind.
  """
  count = len(showers.energies)
  if not 1 <= kinds <= count:
    raise ValueError(f'{kinds} kinds of {count} showers, expected 1 to {count}')
  chosen = np.random.default_rng(seed).choice(count, kinds, replace=False)
  return take(showers, chosen[np.arange(count) % kinds])


def memorised(training: Shower, count: int, seed: int = 0) -> Shower:
  """`count` of the training showers, drawn at random, with the particles that they came from."""
  stored = len(training.energies)
  return take(training, np.random.default_rng(seed).choice(stored, count, replace=count > stored))


def shuffled_conditions(showers: Shower, seed: int = 0) -> Shower:
  """The showers `[n, v]` in another order than their particles: each on its own is real."""
  return showers._replace(energies=np.random.default_rng(seed).permutation(showers.energies))


def worse_resolution(showers: Shower, factor: float) -> Shower:
  """The showers `[n, v]` with E / E_p `factor` times as far from its mean at that E_p, the shape as
  it was.

  The mean is a polynomial of second degree in ln E_p, fitted to these showers. Nothing becomes
  negative.
  """
  energy = np.asarray(showers.condition.energy, np.float64)
  response = showers.energies.sum(-1, dtype=np.float64) / energy
  powers = np.vander(np.log(energy / np.median(energy)), DEGREE + 1)
  mean = powers @ np.linalg.lstsq(powers, response)[0]
  wanted = np.maximum(mean + factor * (response - mean), 0)
  scale = np.divide(wanted, response, out=np.ones(len(response)), where=response > 0)
  return showers._replace(energies=showers.energies * scale[:, None].astype(np.float32))


def smeared(showers: Shower, spread: float, seed: int = 0) -> Shower:
  """The showers `[n, v]` with each lit cell times a log-normal number of its own, of this spread
  and mean 1.
  """
  noise = np.random.default_rng(seed).standard_normal(showers.energies.shape, np.float32)
  # Without the second term the energy would grow by half the square of the spread as well.
  factor = np.exp(np.float32(spread) * noise - np.float32(spread**2 / 2))
  return showers._replace(energies=showers.energies * factor)


def shuffled_rings(showers: Shower, geometry: Geometry) -> Shower:
  """The showers `[n, v]` of which each ring of cells comes from another one of nearly the same E_p.

  Each ring is real, and so is its mean at every energy; what is lost is that the rings of a shower
  know of each other, and of the trajectory.
  """
  count, order = len(showers.energies), np.argsort(showers.condition.energy)
  side = np.concatenate([sides(layer) for layer in geometry.layers])
  energies = np.empty_like(showers.energies)
  for number, ring in enumerate(np.unique(side)):
    donor = order[np.minimum(np.arange(count) + number, count - 1)]
    cells = np.flatnonzero(side == ring)
    energies[np.ix_(order, cells)] = showers.energies[np.ix_(donor, cells)]
  return showers._replace(energies=energies)


DEFECTS: dict[
  str, Callable[[Shower, Shower, Geometry, int], Shower]
] = {  # of (fresh, training showers, geometry, seed)
  'none': lambda fresh, training, geometry, seed: fresh,
  'energy scale 0.5 %': lambda fresh, training, geometry, seed: energy_scale(fresh, 1.005),
  'energy scale 2 %': lambda fresh, training, geometry, seed: energy_scale(fresh, 1.02),
  'resolution 5 % worse': lambda fresh, training, geometry, seed: worse_resolution(fresh, 1.05),
  'width 5 %': lambda fresh, training, geometry, seed: stretched(fresh, geometry, 1.05),
  'dead cell': lambda fresh, training, geometry, seed: dead_cell(fresh),
  'mode collapse to 10': lambda fresh, training, geometry, seed: mode_collapse(fresh, 10, seed),
  'shuffled conditions': lambda fresh, training, geometry, seed: shuffled_conditions(fresh, seed),
  'memorised training set': lambda fresh, training, geometry, seed: memorised(
    training, len(fresh.energies), seed
  ),
}


FINE: dict[
  str, Callable[[Shower, Geometry, int], Shower]
] = {  # of (other real showers, geometry, seed): what tells one judge from another
  'none': lambda others, geometry, seed: others,
  'cells smeared by 10 %': lambda others, geometry, seed: smeared(others, 0.1, seed),
  'cells smeared by 20 %': lambda others, geometry, seed: smeared(others, 0.2, seed),
  'energy 2 % up': lambda others, geometry, seed: energy_scale(others, 1.02),
  'a dead cell': lambda others, geometry, seed: dead_cell(others),
  'widths 2 % up': lambda others, geometry, seed: stretched(others, geometry, 1.02),
  'shuffled rings': lambda others, geometry, seed: shuffled_rings(others, geometry),
}


def _stretch_rows(images: np.ndarray, factor: float) -> np.ndarray:
  """Images `[b, r, c]` whose rms width across the rows is `factor` times as large, about their
  barycentres.
  """
  rows = np.arange(images.shape[1], dtype=np.float64)
  profile = images.sum(2)
  total = profile.sum(1, keepdims=True)
  profile = profile / np.where(total > 0, total, 1)
  centre = profile @ rows[:, None]
  place = np.clip(centre + factor * (rows - centre), 0, rows[-1])  # `[b, r]`, where each row goes
  share = np.maximum(1 - np.abs(rows[:, None] - place[:, None, :]), 0)  # `[b, to, from]`
  before, after = (
    _variance(values, rows) for values in (profile, (share @ profile[..., None])[..., 0])
  )
  gain = after - before
  moved = np.clip(
    np.divide((factor**2 - 1) * before, gain, out=np.zeros(len(gain)), where=gain > 0), 0, 1
  )
  return images + moved[:, None, None] * (share @ images - images)


def _variance(profile: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """Variance `[b]` of profiles `[b, r]` of sum 1."""
  return profile @ rows**2 - (profile @ rows) ** 2
