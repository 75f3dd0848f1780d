"""A run: a config and its data become a method, batches, reports and a trained state in a
workdir.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import h5py
import jax
import numpy as np

from calojax import data
from calojax.data import batches
from calojax.data.symmetries import all_images
from calojax.geometry import Geometry
from calojax.methods.build import build
from calojax.methods.state import Method, Trainable, TrainState, Variables
from calojax.showers import Condition, Shower, concatenate, take
from calojax.training import callbacks, sharding, workdir
from calojax.training.checkpoint import Checkpoints
from calojax.training.loop import (
  Batches,
  dispatcher,
  initial_state,
  resident,
  steps_per_dispatch,
  streamed,
  train,
)

# Showers of a streamed file that are held in memory, for each of train, validation and test.
HELD_OUT = 10_000


class Parts(NamedTuple):
  """The data of a run.

  Attributes:
    train: training showers; of a streamed file only the first `HELD_OUT`.
    validation, test: held-out showers.
    chunks: the chunks to train on of a file larger than memory, else None.
    geometry, provenance: of the data.
  """

  train: Shower
  validation: Shower
  test: Shower
  chunks: Any | None
  geometry: Geometry
  provenance: dict[str, Any]


def load_parts(config: Any) -> Parts:
  """The data of a config, divided by its seed; a file that exceeds `data.memory_gib` is left on
  disk.

  Raises:
    ValueError: data that cannot be read or are not valid.
  """
  source, fractions, geometry = config.data.source, tuple(config.data.split), _binning(config)
  if _gibibytes(source, geometry) > config.data.memory_gib:
    if config.data.symmetries:
      raise ValueError(
        f'data.symmetries is set, but {source} is larger than data.memory_gib and streamed: expected one or the other'
      )
    chunks = data.split_chunks(source, config.seed, fractions)
    parts = {name: _head(source, chunks[name], geometry) for name in chunks}
    first = data.read(source, 0, 1, geometry)
    return Parts(
      **parts, chunks=chunks['train'], geometry=first.geometry, provenance=first.provenance
    )
  loaded = data.load(source, geometry)
  rows = data.split(len(loaded.showers.energies), config.seed, fractions)
  parts = {name: take(loaded.showers, rows[name]) for name in rows}
  if config.data.symmetries:  # of the training showers alone, which come first, before their images
    parts['train'] = all_images(parts['train'], loaded.geometry)
  return Parts(**parts, chunks=None, geometry=loaded.geometry, provenance=loaded.provenance)


def _binning(config: Any) -> Geometry | None:
  """The geometry that `data.binning` asks for, or None: the data know their own.

  Raises:
    ValueError: it is not PATH:PARTICLE of a binning.xml.
  """
  text = config.data.binning
  path, separator, particle = text.rpartition(':')
  if text and not separator:
    raise ValueError(
      f'data.binning is {text!r}, expected PATH:PARTICLE, such as binning.xml:photon'
    )
  return data.geometry_from_xml(path, particle) if text else None


def _gibibytes(source: str, geometry: Geometry | None) -> float:
  """Size of an HDF5 file's showers in memory, 0 for anything else."""
  if not os.path.isfile(source) or not h5py.is_hdf5(source):
    return 0.0
  return data.extent(source)[0] * 4 * data.read(source, 0, 1, geometry).geometry.cells / 2**30


def _head(path: str, chunks: Any, geometry: Geometry | None) -> Shower:
  """The first `HELD_OUT` showers of these chunks."""
  size = data.extent(path)[1]
  wanted = chunks[: -(-HELD_OUT // size)]
  return concatenate([data.read(path, n * size, (n + 1) * size, geometry).showers for n in wanted])


def batches_of(config: Any, parts: Parts, mesh: jax.sharding.Mesh) -> Batches:
  """The training batches.

  Raises:
    ValueError: too few showers for one update.
  """
  settings = config.train
  if parts.chunks is None:
    batches.indices(
      len(parts.train.energies), settings.batch, settings.discriminator_steps, config.seed, 0
    )
    return resident(parts.train, config.seed, settings.batch, settings.discriminator_steps, mesh)
  return streamed(
    batches.Streamed(
      config.data.source,
      parts.chunks,
      settings.batch,
      settings.discriminator_steps,
      config.seed,
      parts.geometry,
    ),
    mesh,
  )


class Trainer(NamedTuple):
  """A training ready to start; everything that bad input could break is behind it."""

  config: Any
  folder: str
  parts: Parts
  method: Method
  batches: Batches
  dispatch: int
  mesh: jax.sharding.Mesh
  checkpoints: Checkpoints
  state: TrainState


def prepare(config: Any, folder: str, check: Callable[[Any, Parts], None]) -> Trainer:
  """Reads the data, checks them with the config, builds the method, claims the workdir and restores
  its newest state or makes the first.

  Raises:
    ValueError: the config, the data or the workdir does not do; nothing is written then.
  """
  parts = load_parts(config)
  check(config, parts)
  method = build(config, parts.geometry, parts.train)
  mesh = sharding.data_mesh()
  dispatch, feed = steps_per_dispatch(config), batches_of(config, parts, mesh)
  example = take(parts.train, slice(2))
  like = shapes(
    method, example, mesh
  )  # an impossible network is refused here, before anything is written
  workdir.claim(folder, config)
  workdir.describe_data(
    folder, parts.geometry, parts.provenance, data.fingerprint(parts.train), parts.train.condition
  )
  checkpoints = Checkpoints(folder)
  state = (
    initial_state(method, example, config.seed, mesh)
    if checkpoints.latest() is None
    else checkpoints.restore(like)
  )
  return Trainer(config, folder, parts, method, feed, dispatch, mesh, checkpoints, state)


def shapes(method: Trainable, example: Shower, mesh: jax.sharding.Mesh) -> TrainState:
  """The shapes of a state and where its arrays are to lie."""
  like = jax.eval_shape(method.init, jax.random.key(0), example)
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding.replicated(mesh)),
    like,
  )


def run(trainer: Trainer, writer: Any, monitor: Callable[[int, TrainState], None]) -> TrainState:
  """Trains to the end and returns the state, saved.

  Raises:
    Interrupted: SIGTERM or SIGINT; the state is saved.
    Diverged: a term is not finite or the generator is dead; the last good checkpoint is kept.
  """
  settings, start = trainer.config.train, int(trainer.state.step)
  checkpoints = trainer.checkpoints
  scalars = callbacks.Scalars(
    trainer.folder, writer, settings.log_every, settings.batch * settings.discriminator_steps, start
  )

  def check(step: int, state: TrainState) -> None:
    scalars.flush(step, state)
    callbacks.check_state(step, state)

  signals = callbacks.Signals(checkpoints, check)
  progress = callbacks.Progress(start, settings.steps)

  def save(step: int, state: TrainState) -> None:
    check(step, state)
    checkpoints.save(state)

  def watch(step: int, state: TrainState) -> None:
    check(step, state)
    monitor(step, state)

  told = [
    progress,
    scalars,
    callbacks.Periodic(settings.monitor_every, watch),
    callbacks.Periodic(settings.checkpoint_every, save),
    signals,
  ]
  try:
    state = train(
      dispatcher(trainer.method, trainer.mesh),
      trainer.batches,
      trainer.state,
      settings.steps,
      trainer.dispatch,
      told,
    )
    save(settings.steps, state)
    return state
  finally:
    progress.close()
    signals.restore()
    checkpoints.wait()


class Generator(NamedTuple):
  """A trained generator: its method, averaged variables and their step; its calorimeter; what its
  data were, and their spectrum.
  """

  method: Method
  variables: Variables
  step: int
  geometry: Geometry
  description: dict[str, Any]
  spectrum: Condition


def trained(folder: str) -> Generator:
  """The generator of a workdir's newest checkpoint.

  Raises:
    ValueError: the workdir is not complete or has no checkpoint.
  """
  config = workdir.stored_config(folder)
  geometry, description, spectrum = workdir.stored_data(folder)
  method = build(config, geometry)
  example = Shower(
    np.zeros((2, geometry.cells), np.float32), Condition(*(field[:2] for field in spectrum))
  )
  checkpoints = Checkpoints(folder, create=False)
  try:
    state = checkpoints.restore(shapes(method, example, sharding.data_mesh()))
  finally:
    checkpoints.close()
  return Generator(method, state.generator.ema, int(state.step), geometry, description, spectrum)
