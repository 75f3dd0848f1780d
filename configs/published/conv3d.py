"""Conv3D GAN (Carminati et al. 2018; Rehm et al. 2021): profile MSE 0.065, cell mean ratio 0.93,
cell std ratio 0.86, single numbers.

Measured: PRD-AUC raw 0.746 +- 0.036, physics 0.043 +- 0.010, spread of the response 0.0065 +-
0.0007 (Geant4 0.0011); training 50.7 min (AMD EPYC, 2 cores).

calojax train published/conv3d
"""

from calojax import config


def get_config():
  c = config.threed_gan()
  c.generator = {'name': 'conv3d', 'channels': (8, 64, 6, 6)}
  c.discriminator = {'name': 'conv3d', 'channels': (32, 8, 8, 8), 'batch_norm': False}
  c.optimiser.update(name='rmsprop', generator=1e-3, discriminator=5e-4, beta2=0.9)
  c.train.steps = 1200
  return c
