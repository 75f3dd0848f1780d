"""CNN + Auxiliary Regressor + spectral normalisation in G and D, row 3 of Table 1 of Rogachev and
Ratnikov 2022 (PRD-AUC raw 0.908, physics 0.957, single numbers).

Measured: PRD-AUC raw 0.054 +- 0.002, physics 0.789 +- 0.009, spread of the response 0.0271 +-
0.0003 (Geant4 0.0061); training 4.0 min (AMD EPYC, 2 cores).

calojax train published/cnn_aux_sn
"""

from calojax import config


def get_config():
  c = config.gan()
  c.regressor.targets = config.LHCB_TARGETS
  c.generator.spectral = c.discriminator.spectral = True
  return c
