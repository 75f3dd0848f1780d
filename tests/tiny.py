"""A config small enough for a test: the same code, a thousandth of the arithmetic."""

import importlib

SYSTEMS = ('cnn', 'cnn_aux', 'cnn_aux_sn', 'cnn_sa', 'cnn_aux_sa_sn')

SMALL = {
    'latent': 8,
    'generator.channels': (16, 8, 8, 8),
    'discriminator.channels': (8, 8, 8, 16),
    'train.steps': 8,
    'train.batch': 8,
    'train.log_every': 2,
    'train.checkpoint_every': 4,
    'train.monitor_every': 8,
    'evaluation.clusters': 20,
    'evaluation.runs': 2,
}


def full_config(name: str):
  """The config of `configs/NAME.py`."""
  return importlib.import_module(name).get_config()


def config(name: str, **changes):
  """The same system, tiny; `changes` are flat keys with '__' for '.'."""
  tiny = full_config(name)
  tiny.update_from_flattened_dict(SMALL | {key.replace('__', '.'): value for key, value in changes.items()})
  return tiny


def flags(**changes) -> list[str]:
  """The tiny values as command-line overrides."""
  values = SMALL | {key.replace('__', '.'): value for key, value in changes.items()}
  return [f'--config.{key}={value}' for key, value in values.items()]
