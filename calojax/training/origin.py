"""A new run that starts from another run's weights."""

from __future__ import annotations

import hashlib
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from calojax import zoo
from calojax.config import changes
from calojax.geometry import Geometry
from calojax.inference.sidecar import SIDECAR
from calojax.methods.state import Player, TrainState, Variables, players
from calojax.training.shapes import shapes_of
from calojax.training.trained import Stored, stored

# What weights mean beside their shapes.
MEANING = ('condition', 'transform.', 'shown', 'regressor.targets')
NETWORKS = ('generator.', 'discriminator.', 'latent', *MEANING)


class Origin(NamedTuple):
  """Where a run starts from.

  Attributes:
    path: of the workdir, as it was given.
    found: what the workdir holds.
  """

  path: str
  found: Stored

  def about(self) -> dict[str, Any]:
    """How a history names it: where it lay, its step, the fingerprint of its training's data, and
    16 hexadecimal digits of the SHA-256 of its generator's weights.
    """
    state, description = self.found.state, self.found.description
    return {
      'path': self.path,
      'step': int(state.step),
      'fingerprint': description['fingerprint'],
      'weights': _digest(_weights(state.generator)),
    }


def read(path: str, checkpoint: str) -> Origin:
  """The run of a workdir.

  Raises:
    ValueError: it is not the workdir of a training, or it has no such checkpoint.
  """
  bare = not os.path.exists(path) and path in zoo.names()
  if bare or os.path.exists(os.path.join(path, SIDECAR)):
    raise ValueError(
      f'--from={path} is an exported model: it holds the program of its generator and no '
      'parameters that can be trained on, expected the workdir of the training'
    )
  try:
    found = stored(path, checkpoint)
  except ValueError as error:
    raise ValueError(f'--from={path}: {error}') from None
  if found.method.stores:
    raise ValueError(f'--from={path}: a {found.config.method} has no weights to start from')
  return Origin(path, found)


def check(origin: Origin, config: Any, geometry: Geometry, like: TrainState) -> None:
  """Raises ValueError if the run's networks are not those of the config on this geometry; the first
  difference is named.
  """
  where, found = f'--from={origin.path}', origin.found
  if found.config.method != config.method:
    raise ValueError(f'{where}: method is {found.config.method!r} there, {config.method!r} here')
  if found.geometry.layers != geometry.layers:
    raise ValueError(
      f'{where}: its cells are those of {_cells(found.geometry)}, expected those of the data, '
      f'{_cells(geometry)}'
    )
  differing = [
    change for change in changes(found.config, config) if change.key.startswith(NETWORKS)
  ]
  words = '; '.join(f'{c.key} is {c.old!r} there, {c.new!r} here' for c in differing)
  there, here = ({n: p.variables for n, p in players(s).items()} for s in (found.state, like))
  old, new = shapes_of(there), shapes_of(here)
  for name in sorted(set(old) | set(new)):
    if old.get(name) != new.get(name):
      array = f'{name} has shape {old.get(name)} there, {new.get(name)} here'
      raise ValueError(f'{where}: other networks: {words or array}')
  if any(change.key.startswith(MEANING) for change in differing):
    raise ValueError(f'{where}: its weights mean something else: {words}')


def started(state: TrainState, origin: Origin) -> TrainState:
  """A new state with the run's weights: of each player its average where it keeps one (of the
  generator, so that it makes the run's showers), else its present ones. Step, random key and the
  optimisers' moments are those of a new run.
  """
  changed = {}
  for name, player in players(state).items():
    weights = _weights(players(origin.found.state)[name])
    changed[name] = player._replace(
      params=_copy(weights['params']),
      stats={key: _copy(weights[key]) for key in player.stats},
      ema=None if player.ema is None else _copy(weights),
    )
  assert isinstance(state, tuple)  # a NamedTuple of whatever a method keeps
  return state._replace(**changed)  # pyright: ignore[reportAttributeAccessIssue]: of NamedTuple


def _weights(player: Player) -> Variables:
  return player.variables if player.ema is None else player.ema


def _copy(tree: Any) -> Any:
  """Arrays of their own: those that are shared cannot be donated."""
  return jax.tree.map(jnp.array, tree)


def _digest(variables: Variables) -> str:
  digest = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
    digest.update(jax.tree_util.keystr(path).encode())
    digest.update(np.ascontiguousarray(leaf).data)
  return digest.hexdigest()[:16]


def _cells(geometry: Geometry) -> str:
  shapes = ', '.join('x'.join(map(str, layer.shape)) for layer in geometry.layers[:5])
  return f'{geometry.name} ({len(geometry.layers)} layer(s): {shapes})'
