"""Self-attention GAN with spectral normalisation in both players (Rogachev and Ratnikov 2021:
PRD-AUC raw 0.975, physics 0.948).

Measured: PRD-AUC raw 0.463 +- 0.008, physics 0.871 +- 0.006, spread of the response 0.0457 +-
0.0007 (Geant4 0.0061); training 11.0 min (AMD EPYC, 2 cores).

calojax train published/sagan_sn_gd
"""

from calojax import config


def get_config():
  c = config.sagan()
  c.generator.spectral = True
  return c
