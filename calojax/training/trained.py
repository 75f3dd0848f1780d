"""The generator that a training has made, ready to make showers or to be exported."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from calojax.geometry import Geometry
from calojax.inference import Model
from calojax.inference.sampler import Run
from calojax.methods.build import build
from calojax.methods.state import Method, TrainState, Variables
from calojax.showers import Array, Condition, Shower, at
from calojax.training import sharding, workdir
from calojax.training.chosen import NEWEST, chosen
from calojax.training.loop import shapes

# Showers a piece; on a CPU larger ones leave the cache and take up to twice as long.
ON_CPU, ON_ACCELERATOR = 128, 512


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Generator(Model):
  """A trained generator as a method and its weights, which JAX runs.

  It does not warn of particles outside the training's: it is also judged, on held-out showers, some
  of which always lie a hair beyond.

  Attributes:
    method: that trained it.
    variables: averaged.
    step: of the training.
    description: of the training's data: `fingerprint` and `provenance`.
  """

  method: Method
  variables: Variables = dataclasses.field(repr=False)
  step: int
  description: dict[str, Any]

  @classmethod
  def of(
    cls,
    method: Method,
    variables: Variables,
    geometry: Geometry,
    spectrum: Condition,
    *,
    step: int,
    description: dict[str, Any],
  ) -> Generator:
    """The generator of these weights; it is compiled when it makes its first shower."""
    return cls(
      geometry=geometry,
      spectrum=spectrum,
      latent=method.latent,
      run=filled_up(compiled(method, variables), piece()),
      batch=piece(),
      method=method,
      variables=variables,
      step=step,
      description=description,
    )


def of_state(
  state: TrainState, method: Method, parts: tuple[Geometry, Condition], description: dict[str, Any]
) -> Generator:
  """The generator of a state: its averaged weights."""
  variables = sharding.local(state.generator.ema)
  assert variables is not None, 'every method keeps an average of its generator'
  geometry, spectrum = parts
  return Generator.of(
    method, variables, geometry, spectrum, step=int(state.step), description=description
  )


def piece() -> int:
  """How many showers to make at a time on this machine."""
  return ON_CPU if jax.default_backend() == 'cpu' else ON_ACCELERATOR


def compiled(method: Method, variables: Variables) -> Run:
  """The generator as a compiled function of noise and particles, which returns before its showers
  are made.

  The weights are constants of the program: XLA lays them out in advance, which tells most for a
  single shower.
  """
  variables = jax.device_put(variables)
  return jax.jit(lambda z, *particles: method.sample(variables, z, Condition(*particles)))


def filled_up(run: Run, size: int) -> Run:
  """The same generator, which is given at least `size` particles whatever is asked for.

  So the last piece is of the size of the others: compiling a program for its own would take longer
  than the showers that nobody asked for.
  """

  def fill(*arrays: Array) -> Array:
    count = len(arrays[0])
    if count >= size:
      return run(*arrays)
    return run(*(np.resize(array, (size, *array.shape[1:])) for array in arrays))[:count]

  return fill


class Stored(NamedTuple):
  """What a workdir holds of a training.

  Attributes:
    config: of the run.
    method: that trained it, without its training showers.
    geometry, spectrum, description: of its data.
    state: of a checkpoint.
  """

  config: Any
  method: Method
  geometry: Geometry
  spectrum: Condition
  description: dict[str, Any]
  state: TrainState


def stored(folder: str, checkpoint: str = NEWEST) -> Stored:
  """What a workdir holds, with the state of one of its checkpoints: `newest`, `best` or a step.

  Raises:
    ValueError: the workdir is not complete or has no such checkpoint.
  """
  config = workdir.stored_config(folder)
  geometry, description, spectrum = workdir.stored_data(folder)
  method = build(config, geometry)
  example = Shower(np.zeros((2, geometry.cells), np.float32), at(spectrum, slice(2)))
  checkpoints, step = chosen(folder, checkpoint)
  like = shapes(method, example, sharding.data_mesh())
  try:
    state = checkpoints.restore(like) if step is None else checkpoints.restore_step(step, like)
  finally:
    checkpoints.close()
  return Stored(config, method, geometry, spectrum, description, state)


def trained(folder: str, checkpoint: str = NEWEST) -> Generator:
  """The generator of a workdir's checkpoint: `newest`, `best` or a step.

  Raises:
    ValueError: the workdir is not complete or has no such checkpoint.
  """
  found = stored(folder, checkpoint)
  parts = (found.geometry, found.spectrum)
  return of_state(found.state, found.method, parts, found.description)
