"""Conv2D GAN of three branches (Rehm et al. 2021): profile MSE 0.044, cell mean ratio 1.00, cell
std ratio 0.90, single numbers.

Measured: PRD-AUC raw 0.454 +- 0.028, physics 0.046 +- 0.011, spread of the response 0.0059 +-
0.0003 (Geant4 0.0011); training 26.9 min (AMD EPYC, 2 cores). That run had batch 32 and steps 1600
and width 16, as it was then.

calojax train published/conv2d
"""

from calojax import config


def get_config():
  c = config.threed_gan()
  c.generator = {'name': 'conv2d', 'width': 64, 'dropout': 0.0}
  c.discriminator = {'name': 'conv2d', 'width': 64, 'batch_norm': False}
  c.optimiser.update(generator=5e-4, discriminator=2e-4, beta1=0.5)
  c.weights.gradient_penalty = (
    0.02  # at 0.1 it kept the discriminator from learning for the first 200 updates
  )
  c.train.steps = 2000
  return c
