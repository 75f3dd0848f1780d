"""Self-attention GAN with spectral normalisation in the discriminator only (Rogachev and Ratnikov
2021: PRD-AUC raw 0.901, physics 0.895).

Measured: PRD-AUC raw 0.500 +- 0.008, physics 0.863 +- 0.007, spread of the response 0.0547 +-
0.0008 (Geant4 0.0061); training 9.5 min (AMD EPYC, 2 cores).

calojax train published/sagan_sn_d
"""

from calojax import config


def get_config():
  return config.sagan()
