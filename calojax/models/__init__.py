"""Networks, by name."""

from calojax.models import cnn, sagan, wgan

GENERATORS = {'cnn': cnn.Generator, 'sagan': sagan.Generator, 'wgan': wgan.Generator}
DISCRIMINATORS = {'cnn': cnn.Discriminator, 'sagan': sagan.Discriminator, 'wgan': wgan.Discriminator}
REGRESSORS = {'wgan': wgan.Regressor}
