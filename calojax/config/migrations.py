"""Configs that older versions kept in their workdirs become today's: one small function from each
format to the next. A migration is history and never changes again; it holds values, not defaults.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, TypeAlias

from ml_collections import ConfigDict

# A ConfigDict. To a type checker anything, as its attributes are whatever the dict holds.
Config: TypeAlias = Any

# Keys that the first configs lacked, with the values under which a run of theirs goes on as it was.
ADDED_TO_ALL = {
  'data.binning': '',
  'data.symmetries': False,
  'evaluation.metrics': (),
  'evaluation.pictures': True,
}
ADDED_TO_THIRD = {'data.units': '', 'data.axes': '', 'data.negative': 'refuse'}
ADDED_TO_FOURTH = {'train.best_by': '', 'train.patience': 0, 'tracking': 'tensorboard'}
ADDED_TO_VAE_GANS = {
  'generator.name': 'dense',
  'discriminator.name': 'dense',
  'summaries': True,
  'weights.regression': 0.0,
  'weights.regression_fake': 0.0,
}
ADDED_WITH_PRETRAINING = {  # to GANs first, then to VAE-GANs
  'weights.outputs': 0.0,
  'weights.perceptual': 0.0,
  'pretraining.steps': 0,
  'pretraining.network': 'wgan',
  'pretraining.targets': (),
  'pretraining.batch': 64,
  'pretraining.rate': 1e-3,
}
ADDED_TO_CALOGANS = {
  'generator.attention': True,
  'discriminator.minibatch': True,
  'discriminator.sparsity': True,
}
ADDED_TO_NETWORKS = {'optimiser.name': 'adam', 'optimiser.clip': 0.0, 'optimiser.cooldown': 0.5}
ADDED_TO_GANS = {
  'shown': (),
  'regressor.error': 'absolute',
  'flips': 0.0,
  'penalty': 'zero_centred',
  'penalised': 1.0,
  'energy_term': 'requested',
  'weights.gradient_penalty': 0.1,
  'weights.regression_generator': 0.0,
  'weights.energy': 0.0,
  'weights.mean_image': 0.0,
  **ADDED_WITH_PRETRAINING,
  'train.generator_steps': 1,
}


def second(stored: Config) -> None:
  """From 1, of version 0.1.0 and before: keys that came later are filled in, and keys of a GAN that
  the other methods carried and never read are dropped.
  """
  gan = stored.get('method') == 'gan'
  networks = ADDED_TO_NETWORKS if 'optimiser' in stored else {}
  for path, value in (ADDED_TO_ALL | networks | (ADDED_TO_GANS if gan else {})).items():
    _add(stored, path, value)
  if not gan:
    for room, key in (('train', 'generator_steps'), ('optimiser', 'discriminator')):
      if key in stored.get(room, {}):
        del stored[room][key]


def third(stored: Config) -> None:
  """From 2: what a user says of a file's units, axes and negative cells; before, all were as the
  layout has them and no physics was asked.
  """
  for path, value in ADDED_TO_THIRD.items():
    _add(stored, path, value)


def fourth(stored: Config) -> None:
  """From 3: the best checkpoint and early stopping, where there was neither; trackers beside
  TensorBoard.
  """
  for path, value in ADDED_TO_FOURTH.items():
    _add(stored, path, value)


def fifth(stored: Config) -> None:
  """From 4: a VAE-GAN of any networks; before, all were dense, and the encoder like the decoder."""
  if stored.get('method') == 'vae_gan':
    for path, value in ADDED_TO_VAE_GANS.items():
      _add(stored, path, value)
    _add(stored, 'encoder.width', stored['generator']['width'])


def sixth(stored: Config) -> None:
  """From 5: a VAE-GAN whose generator answers to a regressor trained beforehand, where before none
  did; and parts of a CaloGAN that can be left out.
  """
  if stored.get('method') == 'vae_gan':
    for path, value in ADDED_WITH_PRETRAINING.items():
      _add(stored, path, value)
  elif stored.get('generator', {}).get('name') == 'calogan':
    for path, value in ADDED_TO_CALOGANS.items():
      _add(stored, path, value)


MIGRATIONS: list[Callable[[Config], None]] = [second, third, fourth, fifth, sixth]
FORMAT = 1 + len(MIGRATIONS)


def migrated(stored: Config) -> Config:
  """The config as today's version would have kept it, locked; `stored` is left as it is.

  Raises:
    ValueError: its format is newer than this version knows, or none.
  """
  config: Config = copy.deepcopy(stored).unlock()  # `to_dict` would sort the keys
  number: Any = config.get('format', 1)  # 0.1.0 wrote none
  if number not in range(1, FORMAT + 1):
    raise ValueError(
      f'the config has format {number!r}, expected a whole number from 1 to {FORMAT}: a newer '
      'version of calojax may have made it'
    )
  for migrate in MIGRATIONS[number - 1 :]:
    migrate(config)
  config.format = FORMAT
  return config.lock()


def from_json(text: str) -> Config:
  """The config of the JSON text that a workdir keeps, migrated and locked.

  Raises:
    ValueError: it is no JSON object, or no config of any version.
  """
  try:
    stored = json.loads(text)
  except (ValueError, RecursionError) as error:
    raise ValueError(f'is not JSON: {error}') from None
  if not isinstance(stored, dict):
    raise ValueError(f'holds {text.strip()[:40]!r}, expected a JSON object: a config')
  try:
    return migrated(ConfigDict(stored))
  except (TypeError, AttributeError, KeyError, RecursionError) as error:  # a room that is none
    raise ValueError(f'is not a config: {error}') from None


def _add(config: Config, path: str, value: Any) -> None:
  """Sets the value at a path of keys unless there is one."""
  *rooms, key = path.split('.')
  for room in rooms:
    if room not in config:
      config[room] = ConfigDict()
    config = config[room]
  if key not in config:
    config[key] = value
