"""Optimisers by name, with the one schedule of rates that every method uses."""

from __future__ import annotations

from typing import Any

import optax

from calojax.registry import find

OPTIMISERS = {
  'adam': lambda rate, settings: optax.adam(rate, settings.beta1, settings.beta2),
  # Its decay is what Adam calls beta2.
  'rmsprop': lambda rate, settings: optax.rmsprop(rate, settings.beta2),
}


def optimiser(settings: Any, rate: float, steps: int) -> optax.GradientTransformation:
  """The optimiser `settings.name` at a rate that stays, and over the last `settings.cooldown` of
  all `steps` falls to zero.

  Gradients of a norm above `settings.clip` are scaled down to it; 0 for no such limit.

  What is left of the players' dance at the end is what the generator's energies are off by.

  Raises:
    ValueError: an unknown name.
  """
  cooldown = int(settings.cooldown * steps)
  schedule = optax.linear_schedule(rate, 0.0, cooldown, steps - cooldown) if cooldown else rate
  chosen = find(OPTIMISERS, settings.name, 'optimiser')(schedule, settings)
  # Before the moments: with beta2 = 0.999 one wild gradient would slow the next thousand steps.
  return optax.chain(optax.clip_by_global_norm(settings.clip), chosen) if settings.clip else chosen
