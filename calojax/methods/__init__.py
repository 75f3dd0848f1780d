"""Ways to train a generator, by name."""

from calojax.methods import gan

METHODS = {'gan': gan.from_config}
