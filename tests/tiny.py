"""Configs small enough for a test: the same code, a thousandth of the arithmetic."""

import functools
import importlib

from calojax import data
from calojax.showers import take

TRAINING = {
  'train.steps': 8,
  'train.batch': 8,
  'train.log_every': 2,
  'train.checkpoint_every': 4,
  'train.monitor_every': 8,
  'evaluation.clusters': 20,
  'evaluation.runs': 2,
  'evaluation.metrics': ('prd', 'observables', 'response', 'neighbours'),
  'evaluation.pictures': False,
}
CNN = {'latent': 8, 'generator.channels': (16, 8, 8, 8), 'discriminator.channels': (8, 8, 8, 16)}
CALOGAN = {'latent': 8, 'generator.channels': (4, 4, 2), 'discriminator.channels': (8, 4, 4, 4)}
FRAMED = {
  'latent': 4,
  'encoder.width': 16,
  'warm_start.steps': 4,
  'generator.channels': (16, 8, 8, 8),
  'discriminator.channels': (8, 8, 8, 16),
}
FRAMED_WIDE = {
  **{key: value for key, value in FRAMED.items() if not key.endswith('.channels')},
  'generator.width': 4,
  'discriminator.width': 4,
  'train.batch': 4,
}
FRAMED_CALOGAN = {'generator.channels': (4, 4, 2), 'discriminator.channels': (8, 4, 4, 4)}
NETWORKS = {
  **dict.fromkeys(
    ('cnn', 'cnn_aux', 'cnn_aux_sn', 'cnn_sa', 'cnn_aux_sa_sn', 'sagan_sn_d', 'sagan_sn_gd'), FRAMED
  ),
  'wgan_gp': FRAMED | {'discriminator.channels': (8, 8, 8, 16)},
  'vae': {
    'latent': 4,
    'encoder.width': 16,
    'warm_start.steps': 8,
    'generator.channels': (16, 8, 8, 8, 8),
    'discriminator.width': 16,
  },
  'published/cnn': CNN,
  'published/cnn_aux': CNN,
  'published/cnn_aux_sn': CNN,
  'published/cnn_sa': CNN,
  'published/cnn_aux_sa_sn': CNN,
  'published/wgan_gp': CNN | {'train.discriminator_steps': 2},
  'wgan_regressor': FRAMED | {'pretraining.steps': 4, 'pretraining.batch': 8},
  'published/wgan_regressor': CNN
  | {'train.discriminator_steps': 1, 'pretraining.steps': 4, 'pretraining.batch': 8},
  'published/sagan_sn_d': CNN | {'train.discriminator_steps': 1},
  'published/sagan_sn_gd': CNN | {'train.discriminator_steps': 1},
  'published/vae': {
    'latent': 4,
    'generator.encoder': (8, 8, 8, 8),
    'generator.decoder': (8, 8, 8, 8, 8),
  },
  'vae_gan': {
    'latent': 4,
    'generator.width': 16,
    'generator.narrow': 8,
    'generator.blocks': 1,
    'encoder.width': 16,
    'discriminator.width': 16,
    'discriminator.hearing': 8,
    'warm_start.steps': 4,
  },
  'autoregressive': {'generator.width': 4, 'generator.wide': 8},
  'shower_library': {},
  'calogan': FRAMED | FRAMED_CALOGAN,
  'calogan_conditional': FRAMED | FRAMED_CALOGAN,
  'published/calogan': CALOGAN,
  'published/calogan_conditional': CALOGAN,
  'conv3d': FRAMED
  | {'generator.channels': (1, 2, 2, 1), 'discriminator.channels': (2, 1), 'train.batch': 4},
  'conv2d': FRAMED_WIDE,
  'published/conv3d': {
    'latent': 8,
    'generator.channels': (1, 2, 2, 1),
    'discriminator.channels': (2, 1),
    'train.batch': 4,
  },
  'published/conv2d': {
    'latent': 8,
    'generator.width': 4,
    'discriminator.width': 4,
    'train.batch': 4,
  },
  'voxel': {
    'latent': 8,
    'generator.widths': (16,),
    'generator.rank': 8,
    'discriminator.widths': (16,),
    'discriminator.rank': 8,
  },
}
SYSTEMS = tuple(NETWORKS)


def full_config(name: str):
  """The config of `configs/NAME.py`."""
  return importlib.import_module(name.replace('/', '.')).get_config()


def config(name: str, **changes):
  """The same system, tiny; `changes` are flat keys with '__' for '.'."""
  tiny = full_config(name)
  tiny.update_from_flattened_dict(values(name, **changes))
  return tiny


def flags(name: str = 'published/cnn', **changes) -> list[str]:
  """The tiny values as command-line overrides."""
  return [f'--config.{key}={value}' for key, value in values(name, **changes).items()]


def values(name: str, **changes) -> dict:
  """The values that make a system tiny, by flat key."""
  return (
    TRAINING | NETWORKS[name] | {key.replace('__', '.'): value for key, value in changes.items()}
  )


@functools.cache
def showers(source: str):
  """The first 64 showers of an embedded set."""
  dataset = data.load(source)
  return dataset._replace(showers=take(dataset.showers, slice(64)))
