"""A training that goes on in its workdir with something changed: what may be, and what is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calojax.config import Change
from calojax.config.changes import END, MEMORY, PLACES
from calojax.geometry import Geometry
from calojax.training.parts import same_order


def check_data(
  config: Any, changed: Sequence[Change], geometry: Geometry, stored: Geometry
) -> None:
  """Raises ValueError if data that a training goes on with are read in another way than before."""
  for change in changed:
    if change.key == MEMORY and not same_order(config, change.old):
      raise ValueError(
        f'{change}: the showers would come in another order. Give a new --workdir, or the old value'
      )
    if change.key in PLACES and geometry != stored:
      raise ValueError(
        f'{change}: the geometry there is another one. Give a new --workdir, or the old data'
      )


def check_end(config: Any, changed: Sequence[Change], step: int) -> None:
  """Raises ValueError if a training that has made `step` steps cannot have another end."""
  for change in changed:
    if change.key == END and change.new < step:
      raise ValueError(f'--steps={change.new}: {step} are made already, expected at least as many')
    if change.key == END and config.method == 'library':
      raise ValueError(
        f'{change}: a shower library has room for the showers of its first end, expected a new '
        '--workdir'
      )


def told(config: Any, changed: Sequence[Change], step: int, fingerprint: str) -> list[str]:
  """What is said of each change, in a line."""
  lines = []
  for change in changed:
    if change.key == END:
      lines.append(
        f'{change}: goes on from step {step}, from where all that depends on the number of steps '
        f'is as of {change.new}: {schedules(config)}'
      )
    elif change.key in PLACES:
      lines.append(f'{change}: the same data, fingerprint {fingerprint}')
    else:
      lines.append(str(change))
  return lines


def schedules(config: Any) -> str:
  """How the rates of a config follow from its number of steps."""
  steps = config.train.steps
  if 'warm_start' in config:
    warm = config.warm_start.steps
    return f'the warm start stays at {warm} steps, the second phase goes from {warm} to {steps}'
  cooldown = int(steps * config.optimiser.cooldown) if 'optimiser' in config else 0
  return f'the rates fall to zero from step {steps - cooldown} on' if cooldown else 'rates stay'
