"""Networks, by name."""

from calojax.models import calogan, cnn, sagan, wgan

GENERATORS = {'cnn': cnn.Generator, 'sagan': sagan.Generator, 'wgan': wgan.Generator, 'calogan': calogan.Generator}
DISCRIMINATORS = {'cnn': cnn.Discriminator, 'sagan': sagan.Discriminator, 'wgan': wgan.Discriminator, 'calogan': calogan.Discriminator}
REGRESSORS = {'wgan': wgan.Regressor}
