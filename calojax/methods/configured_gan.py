"""From a config to a GAN: which of every kind of part it names."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp

from calojax import models
from calojax.geometry import Geometry
from calojax.methods import conditions, losses, quantities, regressor
from calojax.methods.gan import Gan, method
from calojax.methods.optimisers import optimiser
from calojax.methods.state import Method
from calojax.methods.transforms import TRANSFORMS
from calojax.registry import find
from calojax.showers import Shower


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The GAN that a config describes; `training` showers set the scale of observables, None if it is
  only to sample.

  Raises:
    ValueError: a name that no registry knows, or values that do not go together.
  """
  _check(config)
  c, steps, dtype = config, config.train.steps, jnp.dtype(config.dtype)
  named = lambda registry, settings, kind: functools.partial(
    find(registry, settings['name'], kind),
    geometry.grids,
    dtype=dtype,
    **{k: v for k, v in settings.items() if k != 'name'},
  )
  head = tuple(c.regressor.targets)
  return method(
    Gan(
      generator=named(models.GENERATORS, c.generator, 'generator')(),
      discriminator=named(models.DISCRIMINATORS, c.discriminator, 'discriminator')(
        targets=quantities.width(head, geometry)
      ),
      transform=find(TRANSFORMS, c.transform.name, 'transform')(c.transform.parameter),
      features=conditions.features(c.condition, geometry),
      shown=quantities.shown(tuple(c.shown), geometry, training),
      target=quantities.targets(head, c.regressor.error, geometry, training),
      error=find(losses.ERRORS, c.regressor.error, 'error of a regressor'),
      adversarial=find(losses.ADVERSARIAL, c.adversarial, 'adversarial loss'),
      flips=c.flips,
      penalty=find(losses.PENALTIES, c.penalty, 'penalty'),
      penalised=c.penalised,
      energy=functools.partial(
        find(losses.ENERGY_TERMS, c.energy_term, 'energy term'), geometry=geometry
      ),
      pretrained=regressor.pretrained(c, geometry, training),
      weights=dict(c.weights),
      generator_steps=c.train.generator_steps,
      # A schedule counts the steps of its own player, of which an update may make several.
      generator_optimiser=optimiser(
        c.optimiser, c.optimiser.generator, steps * c.train.generator_steps
      ),
      discriminator_optimiser=optimiser(
        c.optimiser, c.optimiser.discriminator, steps * c.train.discriminator_steps
      ),
      ema_decay=c.ema_decay,
      latent=c.latent,
    )
  )


def _check(config: Any) -> None:
  """Raises ValueError if values that do alone do not go together."""
  # Its variance over the batch divides by b - 1.
  if config.weights.mean_image and config.train.batch < 2:
    raise ValueError(
      f'weights.mean_image is set with train.batch {config.train.batch}, expected batches of at '
      'least 2'
    )
