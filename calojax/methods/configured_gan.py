"""From a config to a GAN: which of every kind of part it names."""

from __future__ import annotations

import functools
from typing import Any

from calojax import models
from calojax.geometry import Geometry
from calojax.methods import losses, quantities, regressor
from calojax.methods.gan import Gan, method
from calojax.methods.optimisers import optimiser
from calojax.methods.precision import arithmetic
from calojax.methods.state import Method
from calojax.methods.transforms import CONDITIONS, TRANSFORMS
from calojax.registry import find
from calojax.showers import Shower


def from_config(config: Any, geometry: Geometry, training: Shower | None) -> Method:
  """The GAN that a config describes; `training` showers set the scale of observables, None if it is
  only to sample.

  Raises:
    ValueError: a name that no registry knows, or a value out of its range.
  """
  _check(config)
  c, steps, dtype = config, config.train.steps, arithmetic(config.dtype)
  named = lambda registry, settings, kind: functools.partial(
    find(registry, settings['name'], kind),
    geometry.grids,
    dtype=dtype,
    **{k: v for k, v in settings.items() if k != 'name'},
  )
  head, pretrained = tuple(c.regressor.targets), c.weights.outputs or c.weights.perceptual
  return method(
    Gan(
      generator=named(models.GENERATORS, c.generator, 'generator')(),
      discriminator=named(models.DISCRIMINATORS, c.discriminator, 'discriminator')(
        targets=quantities.width(head, geometry)
      ),
      transform=find(TRANSFORMS, c.transform.name, 'transform')(c.transform.parameter),
      features=functools.partial(find(CONDITIONS, c.condition, 'condition'), geometry=geometry),
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
      regressor=regressor.module(c, geometry) if pretrained else None,
      parameters=regressor.parameters(c, geometry, training) if pretrained else None,
      weights=dict(c.weights),
      generator_steps=c.train.generator_steps,
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
  """Raises ValueError if a number of the config is out of its range."""
  if config.latent < 1 or config.train.generator_steps < 1 or not 0 <= config.flips < 0.5:
    raise ValueError(
      f'latent is {config.latent}, train.generator_steps {config.train.generator_steps} and flips {config.flips}, expected '
      '>= 1, >= 1 and from 0 to less than 0.5'
    )
  if not 0 < config.penalised <= 1:
    raise ValueError(f'penalised is {config.penalised}, expected a share above 0 and up to 1')
  if config.weights.mean_image and config.train.batch < 2:
    raise ValueError(
      f'weights.mean_image is set with train.batch {config.train.batch}, expected batches of at least 2'
    )
  pretrained = config.weights.outputs or config.weights.perceptual
  if pretrained and (config.pretraining.steps < 1 or not config.pretraining.targets):
    raise ValueError(
      f'weights.outputs or weights.perceptual is set, but pretraining.steps is {config.pretraining.steps} and '
      f'pretraining.targets {tuple(config.pretraining.targets)}: expected a regressor that has learnt something'
    )
  if pretrained and config.pretraining.batch < 1:
    raise ValueError(f'pretraining.batch is {config.pretraining.batch}, expected at least 1')
