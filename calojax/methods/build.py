"""From a config to a method: the one place where a config reaches code."""

from __future__ import annotations

from typing import Any

from calojax import registry
from calojax.geometry import Geometry
from calojax.methods import METHODS
from calojax.methods.state import Method
from calojax.showers import Shower


def build(config: Any, geometry: Geometry, training: Shower | None = None) -> Method:
  """The method of a config on a calorimeter.

  Args:
    config: as in `calojax.config`.
    geometry: of the showers.
    training: training showers, which set the scale of what networks see of observables; None if the
      method is only to sample.

  Raises:
    ValueError: a name that no registry knows.
  """
  return registry.find(METHODS, config.method, 'method')(config, geometry, training)
