"""Whether two trainings have come to the same state, bit for bit: every array of their newest
checkpoints, parameters, averages and moments of the optimisers.

  python experiments/cluster/same_state.py runs/one runs/other
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from calojax.training.trained import stored


def arrays(folder: str) -> dict[str, np.ndarray]:
  """The arrays of a workdir's newest state by name."""
  state = stored(folder, 'newest').state
  found = jax.tree_util.tree_leaves_with_path(state)
  return {jax.tree_util.keystr(path): _plain(leaf) for path, leaf in found}


def _plain(leaf: Any) -> np.ndarray:
  """An array; of a random key its numbers."""
  key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
  return np.asarray(jax.random.key_data(leaf) if key else leaf)


def compared(first: str, second: str) -> dict[str, Any]:
  """How many arrays and numbers two states have, and how many of them differ in a bit."""
  one, other = arrays(first), arrays(second)
  names = set(one) | set(other)
  differ = [n for n in names if n not in one or n not in other or not _same(one[n], other[n])]
  numbers = sum(array.size for array in one.values())
  return {'arrays': len(names), 'numbers': int(numbers), 'arrays_that_differ': len(differ)}


def _same(one: np.ndarray, other: np.ndarray) -> bool:
  return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


if __name__ == '__main__':
  print(json.dumps(compared(sys.argv[1], sys.argv[2])))
