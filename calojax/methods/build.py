"""From a config to a method. Each method's `from_config` takes what it needs out of the config;
networks and losses are given plain fields and never see one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calojax.config import check
from calojax.geometry import Geometry
from calojax.methods import autoregressive, configured_gan, library, vae, vae_gan
from calojax.methods.state import Method
from calojax.registry import Registry, find
from calojax.showers import Shower

METHODS = Registry(
  'method',
  {
    'gan': configured_gan.from_config,
    'vae': vae.from_config,
    'vae_gan': vae_gan.from_config,
    'autoregressive': autoregressive.from_config,
    'library': library.from_config,
  },
  Callable,
)


def build(config: Any, geometry: Geometry, training: Shower | None = None) -> Method:
  """The method of a config on a calorimeter.

  Args:
    config: as in `calojax.config`.
    geometry: of the showers.
    training: training showers, which set the scale of what networks see of observables; None if the
      method is only to sample.

  Raises:
    ValueError: a name that no registry knows, or a value that does not do.
  """
  from_config = find(METHODS, config.method, 'method')
  # Here too, and not only where a file is read: a script may have changed values since.
  return from_config(check(config), geometry, training)
