"""Self-attention GAN with spectral normalisation in the discriminator only (Rogachev and Ratnikov
2021), at its best: in the canonical frame, see `config.framed` for all that the slides have not. As
published: configs/published/sagan_sn_d.py.

Measured: PRD-AUC raw 0.923 +- 0.005, physics 0.933 +- 0.005, spread of the response 0.0063 +-
0.0002 (Geant4 0.0061); training 8.8 min (AMD EPYC, 2 cores).

calojax train sagan_sn_d
"""

from calojax import config


def get_config():
  return config.framed_sagan()
