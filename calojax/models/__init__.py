"""Networks, by name."""

from calojax.models import cnn

GENERATORS = {'cnn': cnn.Generator}
DISCRIMINATORS = {'cnn': cnn.Discriminator}
REGRESSORS = {}
