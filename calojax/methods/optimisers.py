"""Optimisers by name, with the one schedule of rates that every method uses."""

from __future__ import annotations

from typing import Any

import optax

from calojax.registry import find

OPTIMISERS = {
    'adam': lambda rate, settings: optax.adam(rate, settings.beta1, settings.beta2),
    'rmsprop': lambda rate, settings: optax.rmsprop(rate, settings.beta2),
}


def optimiser(settings: Any, rate: float, steps: int) -> optax.GradientTransformation:
  """The optimiser `settings.name` at a rate that stays, and over the last `settings.cooldown` of all `steps` falls to zero.

  What is left of the players' dance at the end is what the generator's energies are off by.

  Raises:
    ValueError: an unknown name, or a cooldown that is not from 0 to 1.
  """
  if not 0 <= settings.cooldown <= 1:
    raise ValueError(f'optimiser.cooldown is {settings.cooldown}, expected from 0 to 1')
  cooldown = int(settings.cooldown * steps)
  schedule = optax.linear_schedule(rate, 0.0, cooldown, steps - cooldown) if cooldown else rate
  return find(OPTIMISERS, settings.name, 'optimiser')(schedule, settings)
