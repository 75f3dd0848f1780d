"""GAN of the test-beam matrix; no paper."""

from calojax import config


def get_config():
  """What changes of a GAN."""
  c = config.gan()
  c.data.source = 'beam.h5'
  c.latent = 16
  c.generator = {'name': 'profiles', 'width': 64, 'rank': 4}
  c.discriminator = {'name': 'voxel', 'widths': (128, 64), 'rank': 32}
  c.shown = ('response',)
  return c
