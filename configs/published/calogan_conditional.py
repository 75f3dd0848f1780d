"""Conditional CaloGAN (de Oliveira et al. 2017): energy, impact point and angles as conditions,
read back by a regressor in the discriminator.

Measured: PRD-AUC raw 0.936 +- 0.023, physics 0.274 +- 0.025, spread of the response 0.0198 +-
0.0008 (Geant4 0.0027); training 26.5 min (AMD EPYC, 2 cores).

calojax train published/calogan_conditional
"""

from calojax import config


def get_config():
  c = config.calogan()
  c.condition = 'attributes'
  c.generator.conditional = c.discriminator.conditional = True
  c.generator.blur = ((3, 1), (1, 1), (1, 1))
  c.regressor.targets = ('impact_x', 'impact_y', 'theta', 'cos_phi', 'sin_phi')
  # The paper's 0.01 for each of the five (ours is their mean) left the generator blind to the
  # impact point in 1500 updates.
  c.weights.update(regression=1.0, regression_generator=1.0)
  # Nearly all parameters hang on the noise: 32 variables make a model of 4 MB in place of 31, and
  # did no worse.
  c.latent = 32
  c.train.steps = 4000
  return c
