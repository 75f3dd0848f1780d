"""Networks, by name."""

from collections.abc import Callable

from calojax.models import calogan, cnn, conv2d, conv3d, sagan, voxel, wgan
from calojax.registry import Registry

GENERATORS = Registry(
  'generator',
  {
    'cnn': cnn.Generator,
    'sagan': sagan.Generator,
    'wgan': wgan.Generator,
    'calogan': calogan.Generator,
    'conv3d': conv3d.Generator,
    'conv2d': conv2d.Generator,
    'voxel': voxel.Generator,
  },
  Callable,
)
DISCRIMINATORS = Registry(
  'discriminator',
  {
    'cnn': cnn.Discriminator,
    'sagan': sagan.Discriminator,
    'wgan': wgan.Discriminator,
    'calogan': calogan.Discriminator,
    'conv3d': conv3d.Discriminator,
    'conv2d': conv2d.Discriminator,
    'voxel': voxel.Discriminator,
  },
  Callable,
)
REGRESSORS = {'wgan': wgan.Regressor}
