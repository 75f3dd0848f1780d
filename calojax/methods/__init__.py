"""Ways to train a generator, by name."""

from calojax.methods import gan, library, vae

METHODS = {'gan': gan.from_config, 'vae': vae.from_config, 'library': library.from_config}
