"""Showers from an exported generator, with numpy and one of onnxruntime, openvino and jax: nothing of the training is needed.

  model = calojax.load('model-dir')
  energies = model.generate(energy, position, direction, seed=1)  # MeV, mm -> [b, v] in MeV
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from typing import Any, Callable

import numpy as np

from calojax import runtimes, spectrum, zoo
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower

SIDECAR = 'model.json'
FORMAT = 2  # of the sidecar
BATCH = 100  # showers at a time; more leave the processor's cache, fewer the products small
UNITS = {'energy': 'MeV', 'x': 'mm', 'y': 'mm', 'dx/dz': '', 'dy/dz': ''}
ROUNDING = 1e-5  # of a range's ends, beyond which a condition counts as outside


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

  def generate(self, energy: Any, position: Any, direction: Any, seed: int = 0, noise: Any = None, batch: int = BATCH) -> np.ndarray:
    """Showers `[b, v]` in MeV, the cells in the order of the geometry.

    Args:
      energy: `[b]` kinetic energies, MeV.
      position: `[b, 2]` on the front face, mm.
      direction: `[b, 3]` unit vectors, z into the calorimeter.
      seed: of the noise; a shower is a function of the seed, its number and its particle.
      noise: `[b, latent]` standard normal variables instead.
      batch: showers at a time.

    Raises:
      ValueError: a wrong shape, a number that is not finite, an energy or a direction that no particle has.
    """
    condition, noise = self._accepted(Condition(energy, position, direction), noise, batch)
    energies, start = np.empty((len(condition.energy), self.geometry.cells), np.float32), 0
    for piece in self._pieces(condition, seed, noise, batch):
      energies[start:start + len(piece.energies)] = piece.energies
      start += len(piece.energies)
    return energies

  def stream(self, condition: Condition, seed: int = 0, noise: Any = None, batch: int = BATCH) -> Iterator[Shower]:
    """The same showers, a batch at a time. Arguments and errors, which are raised at once, are those of `generate`."""
    condition, noise = self._accepted(condition, noise, batch)
    return self._pieces(condition, seed, noise, batch)

  def _accepted(self, condition: Condition, noise: Any, batch: int) -> tuple[Condition, np.ndarray | None]:
    """The particles and the noise as arrays, found valid; warns of particles that the training had not."""
    if batch < 1:
      raise ValueError(f'batch is {batch}, expected at least 1')
    condition = particles(*condition)
    warn_outside(condition, self.card['conditions']['ranges'])
    return condition, None if noise is None else _array('noise', noise, (len(condition.energy), self.latent))

  def _pieces(self, condition: Condition, seed: int, noise: np.ndarray | None, batch: int) -> Iterator[Shower]:
    rng = np.random.default_rng(seed)
    for start in range(0, len(condition.energy), batch):
      part = Condition(*(field[start:start + batch] for field in condition))
      z = rng.standard_normal((len(part.energy), self.latent), np.float32) if noise is None else noise[start:start + batch]
      yield Shower(self.run(z, *part), part)


def load(folder: str | os.PathLike, runtime: str | None = None, threads: int | None = None) -> Model:
  """The exported generator of a folder, its files checked.

  Args:
    folder: what `--mode=export` has written, or the name of a generator that comes with the package (`calojax.zoo.names()`).
    runtime: of `runtimes.RUNTIMES`; by default the first that is installed and that the folder has a file for.
    threads: of onnxruntime and openvino; by default as many as there are cores.

  Raises:
    ValueError: not such a folder, a file that is not the one that was written, or no runtime for it.
  """
  folder = zoo.find(os.fspath(folder))
  card = sidecar(folder)
  for name, file in (*card['files'].items(), (spectrum.FILE, card['spectrum'])):
    check_file(folder, name, file)
  chosen = runtimes.chosen(card, runtime, folder)
  file = runtimes.chosen_file(card, chosen)
  run = runtimes.runner(os.path.join(folder, file), card['files'][file]['format'], threads, chosen)
  particles_known = spectrum.load(os.path.join(folder, spectrum.FILE))
  return Model(card, Geometry.from_json(json.dumps(card['geometry'])), particles_known, chosen, run)


def sidecar(folder: str) -> dict[str, Any]:
  """What `model.json` says, found to be what was written.

  Raises:
    ValueError: it is not there, or altered.
  """
  path = os.path.join(folder, SIDECAR)
  try:
    with open(path, encoding='utf-8') as file:
      card = json.load(file)
    stated = card.pop('sha256')
  except FileNotFoundError:
    raise ValueError(f'{folder} is not an exported model: no {SIDECAR} in it') from None
  except (ValueError, KeyError, AttributeError, TypeError) as error:
    raise ValueError(f'{path} is not the description of a model, or was truncated: {error!r}') from None
  if digest(card) != stated:
    raise ValueError(f'{path} was altered: its content does not have the sha256 that it states')
  if card['format'] != FORMAT:
    raise ValueError(f'{path} is of format {card["format"]}, expected {FORMAT}: it needs another version of calojax')
  return card


def digest(card: dict[str, Any]) -> str:
  """SHA-256 of a sidecar without its own `sha256`."""
  return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()


def check_file(folder: str, name: str, stated: dict[str, Any]) -> None:
  """Raises ValueError if a file is not there, truncated or altered."""
  if os.path.basename(name) != name:
    raise ValueError(f'{folder}: {SIDECAR} names a file {name!r}, expected one of this folder')
  path = os.path.join(folder, name)
  try:
    with open(path, 'rb') as file:
      found = hashlib.file_digest(file, 'sha256').hexdigest()
  except FileNotFoundError:
    raise ValueError(f'{path} is missing, {SIDECAR} names it') from None
  if found != stated['sha256']:
    size = os.path.getsize(path)
    what = f'sha256 {found[:12]}..., expected {stated["sha256"][:12]}...; {size} bytes, expected {stated["bytes"]}'
    raise ValueError(f'{path} is truncated or altered: {what}')


def particles(energy: Any, position: Any, direction: Any) -> Condition:
  """The particles as float32 arrays, found valid.

  Raises:
    ValueError: a wrong shape, a number that is not finite, an energy <= 0, a direction that is no unit vector into the calorimeter.
  """
  count = np.size(energy)
  shapes = {'energy': (count,), 'position': (count, 2), 'direction': (count, 3)}
  given = zip(shapes.items(), (energy, position, direction))
  found = Condition(*(_array(name, values, shape) for (name, shape), values in given))
  if (found.energy <= 0).any():
    raise ValueError(f'energy (MeV) is {found.energy.min():g}, expected a value > 0')
  length = np.linalg.norm(found.direction, axis=1)
  bad = (np.abs(length - 1) > 1e-3) | (found.direction[:, 2] <= 0)
  if bad.any():
    raise ValueError(f'direction is {found.direction[bad][0].tolist()}, expected a unit vector with z > 0, into the calorimeter')
  return found


def _array(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
  """Finite float32 numbers of this shape."""
  array = np.ascontiguousarray(values, np.float32)
  if array.shape != shape:
    raise ValueError(f'{name} of shape {array.shape}, expected {shape}')
  if not np.isfinite(array).all():
    raise ValueError(f'{name} is {array[~np.isfinite(array)][0]:g}, expected finite numbers')
  return array


def ranges_of(energy: np.ndarray, position: np.ndarray, direction: np.ndarray) -> dict[str, tuple[float, float]]:
  """Lowest and highest value of the energy (MeV), of x and y on the front face (mm) and of the slopes."""
  slopes = direction[:, :2] / direction[:, 2:]
  columns = {'energy': energy, 'x': position[:, 0], 'y': position[:, 1], 'dx/dz': slopes[:, 0], 'dy/dz': slopes[:, 1]}
  return {name: (float(column.min()), float(column.max())) for name, column in columns.items()}


def warn_outside(condition: Condition, trained: dict[str, list[float]]) -> None:
  """Warns of particles that are not like those that the generator has seen."""
  if not len(condition.energy):
    return
  for name, (low, high) in ranges_of(*condition).items():
    first, last = trained[name]
    slack = ROUNDING * max(abs(first), abs(last), 1e-3)
    if low < first - slack or high > last + slack:
      unit = UNITS[name] and f' {UNITS[name]}'
      warnings.warn(f'{name} from {low:g} to {high:g}{unit} is outside the range that the generator was trained on, {first:g} to '
                    f'{last:g}{unit}', stacklevel=4)  # the caller of generate or stream
