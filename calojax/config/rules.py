"""Which values of a config do: one table of rules by key, for the values that can be judged alone.

Names of registries (losses, networks, conditions, ...) are judged where they are looked up, and
values that depend on each other where the method is built.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from calojax.config.migrations import FORMAT, Config
from calojax.config.rooms import ROOMS
from calojax.units import AS_WRITTEN, AXES, UNITS


class Rule(NamedTuple):
  """What a value has to be: a test, and the same in words."""

  holds: Callable[[Any], bool]
  expected: str


def whole(low: int, high: int) -> Rule:
  """A whole number; True and False are none."""
  return Rule(lambda v: _whole(v) and low <= v <= high, f'a whole number from {low} to {high}')


def above(low: float) -> Rule:
  """A finite number above `low`."""
  return Rule(lambda v: _finite(v) and v > low, f'a finite number above {low:g}')


def at_least(low: float) -> Rule:
  """A finite number of at least `low`."""
  return Rule(lambda v: _finite(v) and v >= low, f'a finite number of at least {low:g}')


def below(high: float) -> Rule:
  """A number from 0 to less than `high`."""
  return Rule(lambda v: _finite(v) and 0 <= v < high, f'a number from 0 to less than {high:g}')


def choice(*values: Any) -> Rule:
  """One of these, of their type."""
  # The type too, because True is 1 to Python.
  known = {(type(value), value) for value in values}
  return Rule(
    lambda v: isinstance(v, (bool, int, str)) and (type(v), v) in known,
    ('one of ' if len(values) > 1 else '') + ', '.join(map(repr, values)),
  )


def several(each: Callable[[Any], bool], expected: str) -> Rule:
  """A tuple (in a file a list) whose elements all hold."""
  return Rule(lambda v: isinstance(v, (tuple, list)) and all(map(each, v)), expected)


def _whole(value: Any) -> bool:
  return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
  return (_whole(value) or isinstance(value, float)) and math.isfinite(value)


def _parts(value: Any) -> bool:
  return (
    len(value) == 3
    and all(_finite(part) and part > 0 for part in value)
    and abs(sum(value) - 1) < 1e-6
  )


FLAG = choice(False, True)
TEXT = Rule(lambda v: isinstance(v, str), 'a text')
NAME = Rule(lambda v: isinstance(v, str) and bool(v), 'a name')
NAMES = several(NAME.holds, 'names')
SHARE = Rule(lambda v: _finite(v) and 0 < v <= 1, 'a share above 0 and up to 1')
FRACTION = Rule(lambda v: _finite(v) and 0 <= v <= 1, 'a number from 0 to 1')
WIDTHS = several(lambda v: _whole(v) and 1 <= v <= 10**5, 'whole numbers from 1 to 100000')
SPLIT = Rule(
  lambda v: isinstance(v, (tuple, list)) and _parts(v),
  'three positive numbers of sum 1 (train, validation, test)',
)
WINDOWS = several(
  lambda v: isinstance(v, (tuple, list)) and len(v) == 2 and all(_whole(n) and n > 0 for n in v),
  'pairs of whole numbers of at least 1',
)
_UNIT = re.compile(r'\w+:(' + '|'.join(UNITS) + ')')
UNITS_OF = Rule(
  lambda v: (
    isinstance(v, str)
    and (v in ('', AS_WRITTEN) or all(_UNIT.fullmatch(part.strip()) for part in v.split(',')))
  ),
  f'KEY:UNIT,... of {", ".join(UNITS)}, such as ParticleMomentum:MeV, or {AS_WRITTEN}',
)
PERIOD = whole(1, 10**9)
RATE = above(0)  # no upper bound: what is absurd diverges, and says so with its own exit code
BATCH = whole(1, 10**6)
# Figures of a monitoring; the larger the better, or the smaller.
LARGEST = ('prd_auc/min', 'prd_auc/raw', 'prd_auc/physics')
SMALLEST = ('distances/fpd', 'separation/mean')

RULES = {
  'format': choice(FORMAT),
  'seed': whole(0, 2**63 - 1),
  'method': NAME,
  'dtype': choice('float32', 'bfloat16'),
  'data.source': NAME,
  'data.binning': TEXT,
  'data.units': UNITS_OF,
  'data.axes': choice('', *AXES, AS_WRITTEN),
  'data.negative': choice('refuse', 'zero'),
  'data.split': SPLIT,
  'data.symmetries': FLAG,
  'data.memory_gib': at_least(0),
  'condition': NAME,
  'tracking': choice('tensorboard', 'wandb', 'mlflow'),
  'train.steps': PERIOD,
  'train.batch': BATCH,
  'train.discriminator_steps': whole(1, 1000),
  'train.generator_steps': whole(1, 1000),
  'train.steps_per_dispatch': whole(0, 10**6),
  'train.log_every': PERIOD,
  'train.checkpoint_every': PERIOD,
  'train.monitor_every': PERIOD,
  'train.best_by': choice('', *LARGEST, *SMALLEST),
  'train.patience': whole(0, 10**6),
  'evaluation.clusters': whole(1, 10**6),
  'evaluation.runs': whole(1, 10**4),
  'evaluation.metrics': NAMES,
  'evaluation.pictures': FLAG,
  'evaluation.statistics': choice('', 'lhcb_reference', 'lhcb_corrected'),
  'transform.name': NAME,
  'transform.parameter': above(0),
  'latent': whole(1, 10**6),
  'shown': NAMES,
  'regressor.targets': NAMES,
  'regressor.error': NAME,
  'adversarial': NAME,
  'flips': below(0.5),  # at a half the labels say nothing, beyond it the opposite
  'penalty': NAME,
  'penalised': SHARE,
  'energy_term': NAME,
  'optimiser.name': NAME,
  'optimiser.generator': RATE,
  'optimiser.discriminator': RATE,
  'optimiser.beta1': below(1),
  'optimiser.beta2': below(1),
  'optimiser.clip': at_least(0),
  'optimiser.cooldown': FRACTION,
  'ema_decay': below(1),  # at 1 the average would stay at the start
  'pretraining.steps': whole(0, 10**9),
  'pretraining.network': NAME,
  'pretraining.targets': NAMES,
  'pretraining.batch': BATCH,
  'pretraining.rate': RATE,
  'summaries': FLAG,
  'warm_start.steps': whole(0, 10**9),
  'warm_start.rate': RATE,
  'adversarial.generator_rate': RATE,
  'adversarial.discriminator_rate': RATE,
  'adversarial.gamma': at_least(0),
  'adversarial.penalised': SHARE,
  'adversarial.likelihood': at_least(0),
  # Of every term, and of every network's fields, behind the player's name.
  'weights.*': at_least(0),
  '*.name': NAME,
  '*.channels': WIDTHS,
  '*.widths': WIDTHS,
  '*.encoder': WIDTHS,
  '*.decoder': WIDTHS,
  '*.width': whole(1, 10**5),
  '*.wide': whole(1, 10**5),
  '*.narrow': whole(1, 10**5),
  '*.hearing': whole(1, 10**5),
  '*.blocks': whole(0, 100),
  '*.rank': whole(1, 10**5),
  '*.hidden': whole(1, 10**5),
  '*.attention': FLAG,
  '*.spectral': FLAG,
  '*.conditional': FLAG,
  '*.minibatch': FLAG,
  '*.sparsity': FLAG,
  '*.batch_norm': FLAG,
  '*.dropout': below(1),
  '*.blur': WINDOWS,
}


def check(config: Config) -> Config:
  """The config itself, if its method's keys are there and each value does.

  Raises:
    ValueError: one line that names every key at fault, its value, and what was expected.
  """
  values = flatten(config.to_dict())
  faults = [f'{path} is missing' for path in sorted(_keys(values.get('method')) - set(values))]
  for path, value in sorted(values.items()):
    rule = rule_of(path)
    if rule and not rule.holds(value):
      faults.append(f'{path} is {value!r}, expected {rule.expected}')
  if faults:
    raise ValueError('; '.join(faults))
  return config


def flatten(tree: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  """Nested dicts as one, keys joined by dots."""
  flat = {}
  for key, value in tree.items():
    flat.update(
      flatten(value, f'{prefix}{key}.') if isinstance(value, Mapping) else {prefix + key: value}
    )
  return flat


def _keys(method: Any) -> set[str]:
  """What a config of this method cannot do without; a network's fields have defaults."""
  room = ROOMS[method]() if isinstance(method, str) and method in ROOMS else {'method': ''}
  keys = set(flatten(room.to_dict() if isinstance(room, ConfigDict) else room))
  return {key for key in keys if not key.startswith(('generator.', 'discriminator.'))}


def rule_of(path: str) -> Rule | None:
  """The rule of a key; a plug-in's own key has none."""
  room, _, key = path.rpartition('.')
  return RULES.get(path) or RULES.get(f'{room}.*') or RULES.get(f'*.{key}')
