"""The networks' arithmetic."""

from __future__ import annotations

import jax.numpy as jnp

DTYPES = ('float32', 'bfloat16')


def arithmetic(name: str) -> jnp.dtype:
  """The dtype in which networks compute; ValueError unless it is one of `DTYPES`. Parameters stay
  float32.
  """
  if name not in DTYPES:
    raise ValueError(f'dtype is {name!r}, expected one of {", ".join(DTYPES)}')
  return jnp.dtype(name)
