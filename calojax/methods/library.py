"""The shower library: of the stored showers the one whose particle is nearest to the request
(Chekalina et al. 2018).

It is the baseline without a network: training is storing. It has no noise, so the same particle
gives the same shower, and particles that lie close to each other share one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.methods import conditions, kdtree, state
from calojax.methods.state import Method, Player, SinglePlayer, Variables
from calojax.showers import Condition, Shower


class Library(NamedTuple):
  """The stored showers, n of them when the library is full; those without a shower yet are zero.

  Attributes:
    energies: `[n, v]`, MeV.
    incident: `[n]`, their particles' energies, MeV.
    features: `[n, m]`, their condition features.
    spread: `[m]`, the features' standard deviations: in units of these the distances are taken.
    tree: of the features in these units.
  """

  energies: Array
  incident: Array
  features: Array
  spread: Array
  tree: kdtree.Tree


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The library that a config describes: it holds `train.steps` batches of `train.batch` showers.

  The capacity follows from the config alone, because a checkpoint is restored without the training
  showers. Batches of one epoch have no shower twice, so `steps` of one epoch store every shower
  once; further epochs would store them again.

  Raises:
    ValueError: a name that no registry knows.
  """
  del training
  state.expect_one_batch(config.train.discriminator_steps)
  features = conditions.features(config.condition, geometry)
  return method(config.train.steps * config.train.batch, features)


def method(capacity: int, features: Callable[[Condition], Array]) -> Method:
  """A library of `capacity` showers as a method: an update stores its batch and builds the tree
  anew.

  The library lies where other methods have the averaged parameters.
  """

  def init(key: Array, showers: Shower) -> SinglePlayer:
    """The state at step 0, an empty library; of the showers only the shapes matter."""
    width = features(showers.condition).shape[-1]
    energies, nothing = (
      jnp.zeros((capacity, showers.energies.shape[-1])),
      jnp.zeros((capacity, width)),
    )
    # Points at infinity are empty slots: a tree of the full shape that finds nothing.
    tree = kdtree.build(jnp.full_like(nothing, jnp.inf))
    library = Library(energies, jnp.zeros(capacity), nothing, jnp.ones(width), tree)
    return SinglePlayer(
      jnp.zeros((), jnp.int32), key, Player({}, {}, (), {'library': library._asdict()})
    )

  def update(train: SinglePlayer, showers: Shower) -> tuple[SinglePlayer, dict[str, Array]]:
    """The library with a batch `[1, b]` more, and how many it holds."""
    batch = state.only_batch(showers)
    assert train.generator.ema is not None  # it is where the library lies
    stored = train.step * len(batch.energies)
    library = _store(_library(train.generator.ema), batch, features(batch.condition), stored)
    player = train.generator._replace(ema={'library': library._asdict()})
    return train._replace(step=train.step + 1, generator=player), {
      'generator/stored': stored + len(batch.energies)
    }

  def sample(
    variables: Variables, z: Float[Array, 'b 0'], condition: Condition
  ) -> Float[Array, 'b v']:
    del z
    library = _library(variables)
    row = kdtree.nearest(library.tree, features(condition) / library.spread)
    scale = condition.energy / jnp.where(library.incident[row] > 0, library.incident[row], 1.0)
    return library.energies[row] * scale[:, None]

  return Method(init, update, sample, 0, stores=True)


def _library(variables: Variables) -> Library:
  """The library out of plain dictionaries; a restored checkpoint may give the tree as one too."""
  fields = variables['library']
  return Library(**{**fields, 'tree': kdtree.Tree(*fields['tree'])})


def _store(
  library: Library, batch: Shower, features: Float[Array, 'b m'], stored: Array
) -> Library:
  """The library with a batch behind the `stored` showers that it has."""
  capacity, count = len(library.incident), len(batch.energies)
  put = lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, stored, 0)
  features = put(library.features, features)
  filled = jnp.arange(capacity) < stored + count
  # Weights, not a slice: the number of stored showers is known at run time only, and shapes are
  # not.
  share = filled / filled.sum()
  mean = share @ features
  deviation = jnp.sqrt(share @ jnp.square(features - mean))
  # A feature that never changes tells no two particles apart, in whatever unit.
  spread = jnp.where(deviation > 1e-6, deviation, 1.0)
  tree = kdtree.build(jnp.where(filled[:, None], features / spread, jnp.inf))
  return Library(
    put(library.energies, batch.energies),
    put(library.incident, batch.condition.energy),
    features,
    spread,
    tree,
  )
