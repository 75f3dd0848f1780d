"""WGAN-GP whose generator also answers to a parameter regressor trained beforehand: Chekalina et
al. 2018, the 5D case.

One command trains the regressor on real showers (its resolution goes to
WORKDIR/regressor/resolution.json), freezes it, and trains the GAN. The energy-only (1D) case:
--config.condition=energy --config.pretraining.targets="('log_energy',)".

Measured: PRD-AUC raw 0.415 +- 0.009, physics 0.785 +- 0.007, spread of the response 0.0490 +-
0.0007 (Geant4 0.0061); training 6.9 min (AMD EPYC, 2 cores).

calojax train published/wgan_regressor
"""

from calojax import config


def get_config():
  c = config.wgan_gp()
  c.pretraining.update(steps=2000, targets=config.PARTICLE)
  c.weights.update(outputs=1.0, perceptual=1.0)
  return c
