"""Observables as networks see them: in units of their spread over the training showers, so that
each weighs alike.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calojax import observables
from calojax.geometry import Geometry
from calojax.registry import find
from calojax.showers import Shower, take

SCALE_SHOWERS = 10_000  # how many training showers set the scale

Quantities = Callable[[Shower], Array]  # Shower[b] -> [b, m]


def targets(
  names: tuple[str, ...], error: str, geometry: Geometry, training: Shower | None
) -> Quantities | None:
  """What a regressor learns: for `absolute` errors (x - mean) / spread, for `percentage` errors x /
  mean; None if there are no names.

  The first is cut at five spreads: a generator that has learnt nothing yet makes showers a thousand
  spreads away.

  Args:
    names: of observables or attributes.
    error: a key of `losses.ERRORS`.
    geometry: of the showers.
    training: showers that set mean and spread; None if the method is only to sample, and every
      scale is 1.

  Raises:
    ValueError: an unknown name or error.
  """
  if not names:
    return None
  mean, spread = moments(names, geometry, training)
  scales = {
    'absolute': lambda values: ((values - mean) / spread).clip(-5, 5),
    'percentage': lambda values: values / jnp.where(mean == 0, 1.0, mean),
  }
  scale = find(scales, error, 'error of a regressor')
  return lambda showers: scale(observables.evaluate_observables(names, showers, geometry))


def shown(names: tuple[str, ...], geometry: Geometry, training: Shower | None) -> Quantities | None:
  """What a discriminator is shown beside the cells: arsinh of (x - mean) / spread, which far away
  grows as a logarithm and keeps its gradient; None if there are no names. Arguments and errors as
  in `targets`.
  """
  if not names:
    return None
  mean, spread = moments(names, geometry, training)
  return lambda showers: jnp.arcsinh(
    (observables.evaluate_observables(names, showers, geometry) - mean) / spread
  )


def width(names: tuple[str, ...], geometry: Geometry) -> int:
  """How many columns these observables have on a calorimeter."""
  return observables.total_width(names, geometry)


def moments(
  names: tuple[str, ...], geometry: Geometry, training: Shower | None
) -> tuple[np.ndarray, np.ndarray]:
  """Mean and spread `[m]` of observables over the training showers; 0 and 1 without any."""
  if training is None:
    return np.zeros(width(names, geometry), np.float32), np.ones(width(names, geometry), np.float32)
  observed = np.asarray(
    observables.evaluate_observables(names, take(training, slice(SCALE_SHOWERS)), geometry)
  )
  # An observable that is the same in all training showers is 0 then, not a division by 0.
  return observed.mean(0).astype(np.float32), (observed.std(0) + 1e-6).astype(np.float32)
