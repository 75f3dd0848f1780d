"""Showers from an exported generator, with numpy and one of onnxruntime, openvino and jax: nothing
of the training is needed.

model = calojax.load('model-dir')
energies = model.generate(energy, position, direction, seed=1)  # MeV, mm -> [b, v] in MeV
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from calojax import spectrum, zoo
from calojax.geometry import Geometry
from calojax.inference import runtimes, sidecar
from calojax.showers import Condition, Shower

BATCH = 100  # showers at a time; more leave the processor's cache, fewer the products small


@dataclasses.dataclass(frozen=True)
class Model:
  """An exported generator.

  Attributes:
    card: what the sidecar says.
    geometry: of the showers.
    spectrum: particles of the training.
    runtime: of `runtimes.RUNTIMES`.
    run: `(noise, energy, position, direction) -> energies`, float32, of one batch.
  """

  card: dict[str, Any]
  geometry: Geometry
  spectrum: Condition = dataclasses.field(repr=False)
  runtime: str
  run: Callable[..., np.ndarray] = dataclasses.field(repr=False)

  @property
  def latent(self) -> int:
    """Number of noise variables of a shower."""
    return self.card['noise']['variables']

  def generate(
    self,
    energy: Any,
    position: Any,
    direction: Any,
    seed: int = 0,
    noise: Any = None,
    batch: int = BATCH,
  ) -> np.ndarray:
    """Showers `[b, v]` in MeV, the cells in the order of the geometry.

    Args:
      energy: `[b]` kinetic energies, MeV.
      position: `[b, 2]` on the front face, mm.
      direction: `[b, 3]` unit vectors, z into the calorimeter.
      seed: of the noise; a shower is a function of the seed, its number and its particle.
      noise: `[b, latent]` standard normal variables instead.
      batch: showers at a time.

    Raises:
      ValueError: a wrong shape, a number that is not finite, an energy or a direction that no
        particle has.
    """
    condition, noise = self._accepted(Condition.of(energy, position, direction), noise, batch)
    energies, start = np.empty((len(condition.energy), self.geometry.cells), np.float32), 0
    for piece in self._pieces(condition, seed, noise, batch):
      energies[start : start + len(piece.energies)] = piece.energies
      start += len(piece.energies)
    return energies

  def stream(
    self, condition: Condition, seed: int = 0, noise: Any = None, batch: int = BATCH
  ) -> Iterator[Shower]:
    """The same showers, a batch at a time. Arguments and errors, which are raised at once, are
    those of `generate`.
    """
    condition, noise = self._accepted(condition, noise, batch)
    return self._pieces(condition, seed, noise, batch)

  def _accepted(
    self, condition: Condition, noise: Any, batch: int
  ) -> tuple[Condition, np.ndarray | None]:
    """The particles and the noise as arrays, found valid; warns of particles that the training had
    not.
    """
    if batch < 1:
      raise ValueError(f'batch is {batch}, expected at least 1')
    condition = Condition.of(*condition)
    sidecar.warn_outside(condition, self.card['conditions']['ranges'])
    return condition, None if noise is None else _array(
      'noise', noise, (len(condition.energy), self.latent)
    )

  def _pieces(
    self, condition: Condition, seed: int, noise: np.ndarray | None, batch: int
  ) -> Iterator[Shower]:
    rng = np.random.default_rng(seed)
    for start in range(0, len(condition.energy), batch):
      part = Condition(*(field[start : start + batch] for field in condition))
      z = (
        rng.standard_normal((len(part.energy), self.latent), np.float32)
        if noise is None
        else noise[start : start + batch]
      )
      yield Shower(self.run(z, *part), part)


def load(
  folder: str | os.PathLike, runtime: str | None = None, threads: int | None = None
) -> Model:
  """The exported generator of a folder, its files checked.

  Args:
    folder: what `--mode=export` has written, or the name of a generator that comes with the package
      (`calojax.zoo.names()`).
    runtime: of `runtimes.RUNTIMES`; by default the first that is installed and that the folder has
      a file for.
    threads: of onnxruntime and openvino; by default as many as there are cores.

  Raises:
    ValueError: not such a folder, a file that is not the one that was written, or no runtime for
      it.
  """
  folder = zoo.find(os.fspath(folder))
  card = sidecar.read(folder)
  for name, file in (*card['files'].items(), (spectrum.FILE, card['spectrum'])):
    sidecar.check_file(folder, name, file)
  chosen = runtimes.chosen(card, runtime, folder)
  file = runtimes.chosen_file(card, chosen)
  run = runtimes.runner(os.path.join(folder, file), card['files'][file]['format'], threads, chosen)
  particles_known = spectrum.load(os.path.join(folder, spectrum.FILE))
  return Model(card, Geometry.from_json(json.dumps(card['geometry'])), particles_known, chosen, run)


def _array(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
  """Finite float32 numbers of this shape."""
  array = np.ascontiguousarray(values, np.float32)
  if array.shape != shape:
    raise ValueError(f'{name} of shape {array.shape}, expected {shape}')
  if not np.isfinite(array).all():
    raise ValueError(f'{name} is {array[~np.isfinite(array)][0]:g}, expected finite numbers')
  return array
