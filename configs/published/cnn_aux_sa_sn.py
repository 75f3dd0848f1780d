"""CNN + Auxiliary Regressor + self-attention + spectral normalisation, row 5 of Table 1 of Rogachev
and Ratnikov 2022 (PRD-AUC raw 0.994, physics 0.992, single numbers).

Measured: PRD-AUC raw 0.411 +- 0.006, physics 0.876 +- 0.008, spread of the response 0.0479 +-
0.0013 (Geant4 0.0061); training 12.8 min (AMD EPYC, 2 cores).

calojax train published/cnn_aux_sa_sn
"""

from calojax import config


def get_config():
  c = config.gan()
  c.regressor.targets = config.LHCB_TARGETS
  c.generator.attention = c.discriminator.attention = True
  c.generator.spectral = c.discriminator.spectral = True
  return c
