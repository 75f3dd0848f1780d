"""From a config to a method: the one place where a config reaches code."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
from jaxtyping import Array

from calojax import observables, registry
from calojax.geometry import Geometry
from calojax.methods import METHODS
from calojax.showers import Shower, take
from calojax.state import Method

SCALE_SHOWERS = 10_000  # how many training showers set the scale of the regressor's targets


def build(config: Any, geometry: Geometry, training: Shower | None = None) -> Method:
  """The method of a config on a calorimeter.

  Args:
    config: as in `calojax.config`.
    geometry: of the showers.
    training: training showers, which set the scale of the Auxiliary Regressor's targets; None if the method is only to sample.

  Raises:
    ValueError: a name that no registry knows.
  """
  names = tuple(config.regressor.targets)
  target, count = None, 0
  if names:
    count = sum(observables.find_observable(name).width for name in names)
    target = _scaled(names, geometry, training) if training is not None else None
  return registry.find(METHODS, config.method, 'method')(config, geometry, target, count)


def _scaled(names: tuple[str, ...], geometry: Geometry, training: Shower) -> Callable[[Shower], Array]:
  """`Shower[b] -> [b, m]`, the observables in units of their spread over the training showers, so that each weighs alike.

  Cut at five spreads: a generator that has learnt nothing yet makes showers a thousand spreads away.
  """
  observed = observables.evaluate_observables(names, take(training, slice(SCALE_SHOWERS)), geometry)
  mean, spread = observed.mean(0).astype(np.float32), (observed.std(0) + 1e-6).astype(np.float32)
  return lambda showers: ((observables.evaluate_observables(names, showers, geometry) - mean) / spread).clip(-5, 5)
