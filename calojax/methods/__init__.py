"""Ways to train a generator, by name."""

from calojax.methods import configured_gan, library, vae

METHODS = {
  'gan': configured_gan.from_config,
  'vae': vae.from_config,
  'library': library.from_config,
}
