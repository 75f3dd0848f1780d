"""Names and shapes of the arrays of a state."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def check_same_shapes(
  stored: dict[str, tuple[int, ...]], expected: dict[str, tuple[int, ...]], source: str
) -> None:
  """Raises ValueError at the first array whose name or shape differs (Orbax's own message buries
  it).
  """
  for name in sorted(set(stored) | set(expected)):
    if stored.get(name) != expected.get(name):
      raise ValueError(
        f'{source}: {name} has shape {stored.get(name)}, expected {expected.get(name)}'
      )


def shapes_of(tree: Any) -> dict[str, tuple[int, ...]]:
  """The shape of every array by its path; of a random key that of its data, as it is stored."""

  def shape(leaf: Any) -> tuple[int, ...]:
    typed = isinstance(leaf, jax.ShapeDtypeStruct)
    is_key = typed and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return tuple((jax.eval_shape(jax.random.key_data, leaf) if is_key else leaf).shape)

  leaves = jax.tree_util.tree_leaves_with_path(tree)
  return {
    jax.tree_util.keystr(path, simple=True, separator='/'): shape(leaf) for path, leaf in leaves
  }
