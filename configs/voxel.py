"""A voxel GAN for calorimeters of any layers, such as the four data sets of the CaloChallenge
(2410.21611); no paper of its own. Fast and coarse: `vae_gan` makes showers of them that are far
nearer (docs/pages/results.md).

Measured: PRD-AUC raw 0.847 +- 0.026, physics 0.077 +- 0.010, spread of the response 0.0335 +-
0.0016 (Geant4 0.0027); training 1.1 min (AMD EPYC, 2 cores).

calojax train voxel --config.data.source=dataset_1_photons_1.hdf5

Without a file it trains on the three layers of the embedded CaloGAN showers.
"""

from calojax import config


def get_config():
  c = config.layered_gan('calogan')
  c.data.symmetries = False
  c.condition = 'energy'
  c.latent = 64
  c.generator = {'name': 'voxel', 'widths': (256, 512), 'rank': 128}
  c.discriminator = {'name': 'voxel', 'widths': (512, 256), 'rank': 64}
  c.shown = ('layer_fractions', 'response')
  c.adversarial, c.flips = 'hinge', 0.0
  return c
