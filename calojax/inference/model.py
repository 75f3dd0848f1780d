"""A trained generator to make showers with: what one of a workdir and an exported one have in
common, and the exported one.

    model = calojax.load('model-dir')
    energies = model.generate(energy, position, direction, seed=1)  # MeV, mm -> [b, v] in MeV

An exported one needs numpy and one of onnxruntime, openvino and jax: nothing of the training.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from calojax import spectrum, zoo
from calojax.geometry import Geometry
from calojax.inference import coverage, runtimes, sampler, sidecar
from calojax.showers import Condition, Shower


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Model:
  """A trained generator, whatever runs it.

  Attributes:
    geometry: of the showers.
    spectrum: particles of the training.
    latent: standard normal variables of a shower.
    run: `(noise, energy, position, direction) -> energies`, float32, of one piece.
    batch: showers a piece, where a caller does not say.
    ranges: of the training's particles, as `sidecar.ranges_of` gives them; outside of them, and off
      the joint law of the spectrum, there is a warning. Empty: no warning.
  """

  geometry: Geometry
  spectrum: Condition = dataclasses.field(repr=False)
  latent: int
  run: sampler.Run = dataclasses.field(repr=False)
  batch: int = sampler.BATCH
  ranges: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict, repr=False)

  @functools.cached_property
  def law(self) -> coverage.Coverage | None:
    """The joint law of the training's particles."""
    return coverage.coverage(self.spectrum)

  def generate(
    self,
    energy: Any,
    position: Any = (0.0, 0.0),
    direction: Any = (0.0, 0.0, 1.0),
    seed: int = 0,
    *,
    noise: Any = None,
    batch: int | None = None,
  ) -> np.ndarray:
    """Showers `[b, v]` in MeV, the cells in the order of the geometry.

    Args:
      energy: kinetic energies, MeV; a number, or `[b]`.
      position: on the front face, mm; one point for all, or `[b, 2]`.
      direction: unit vectors, z into the calorimeter; one for all, or `[b, 3]`.
      seed: of the noise; a shower is a function of the seed, its number and its particle.
      noise: `[b, latent]` standard normal variables instead.
      batch: showers at a time.

    Raises:
      ValueError: a wrong shape, a number that is not finite, an energy or a direction that no
        particle has.
    """
    pieces, count = self._started(Condition.of(energy, position, direction), seed, noise, batch)
    energies, start = np.empty((count, self.geometry.cells), np.float32), 0
    for piece in pieces:  # into one array: joining pieces would hold all showers twice
      energies[start : start + len(piece.energies)] = piece.energies
      start += len(piece.energies)
    return energies

  def sample(
    self,
    count: int | None = None,
    seed: int = 0,
    *,
    energy: Any = None,
    theta: Any = None,
    phi: Any = None,
    x: Any = None,
    y: Any = None,
    batch: int | None = None,
  ) -> Shower:
    """Showers `[count]` with their particles, of which what is not asked for is drawn from the
    training's, as `calojax sample` does.

    >>> import calojax
    >>> model = calojax.load('lhcb_ecal')
    >>> showers = model.sample(3, energy=calojax.Range(5e3, 5e4), theta=10.0, phi=45.0, x=0.0)
    >>> showers.energies.shape, showers.condition.position[:, 0]
    ((3, 900), array([0., 0., 0.], dtype=float32))

    Args:
      count: how many; by default as many as there are values of a quantity, or one.
      seed: of particles and noise.
      energy: kinetic, MeV; here and below a number, `[count]` values, or a `spectrum.Range`, of
        which an energy is log-uniform and the others are uniform.
      theta: angle of the direction to z, degrees.
      phi: its azimuth from x towards y, degrees.
      x: on the front face, mm.
      y: on the front face, mm.
      batch: showers at a time.

    Raises:
      ValueError: as `spectrum.asked`.
    """
    given = {'energy': energy, 'theta': theta, 'phi': phi, 'x': x, 'y': y}
    wanted = {name: value for name, value in given.items() if value is not None}
    particles = spectrum.asked(self.spectrum, wanted, count, seed)
    return Shower(self.generate(*particles, seed=seed, batch=batch), particles)

  def stream(
    self,
    conditions: Condition,
    seed: int = 0,
    *,
    noise: Any = None,
    batch: int | None = None,
    first: int = 0,
  ) -> Iterator[Shower]:
    """The same showers, a piece at a time. Arguments and errors, which are raised at once, are
    those of `generate`; `first` is the number of the first of them, where they are a part of more.
    """
    return self._started(Condition.of(*conditions), seed, noise, batch, first)[0]

  def _started(
    self, conditions: Condition, seed: int, noise: Any, batch: int | None, first: int = 0
  ) -> tuple[Iterator[Shower], int]:
    """The pieces and the number of all showers; warns of particles that the training had not."""
    # Particles outside a range are off the joint law as well: once is enough.
    if not sidecar.warn_outside(conditions, self.ranges) and self.ranges:
      coverage.warn(conditions, self.law, stacklevel=4)  # as in `warn_outside`
    batch = self.batch if batch is None else batch
    pieces = sampler.stream(
      self.run, self.latent, conditions, seed, noise, batch=batch, first=first
    )
    return pieces, len(conditions.energy)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Exported(Model):
  """An exported generator.

  Attributes:
    card: what the sidecar says.
    runtime: of `runtimes.RUNTIMES`.
  """

  card: dict[str, Any]
  runtime: str


def load(
  folder: str | os.PathLike[str], runtime: str | None = None, threads: int | None = None
) -> Exported:
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
  # All files, also those that this runtime does not need: an altered folder is not trusted in part.
  for name, file in (*card['files'].items(), (spectrum.FILE, card['spectrum'])):
    sidecar.check_file(folder, name, file)
  chosen, file = runtimes.chosen(card, runtime, folder)
  return Exported(
    geometry=Geometry.from_json(json.dumps(card['geometry'])),
    spectrum=spectrum.load(os.path.join(folder, spectrum.FILE)),
    latent=card['noise']['variables'],
    run=runtimes.runner(os.path.join(folder, file), chosen, threads),
    ranges=card['conditions']['ranges'],
    card=card,
    runtime=chosen,
  )
