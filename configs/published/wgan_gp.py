"""WGAN with gradient penalty of Chekalina et al. 2018; as row "WGAN" of Rogachev and Ratnikov 2021:
PRD-AUC raw 0.971, physics 0.936.

The energy-only (1D) case of the slides: --config.condition=energy.

Measured: PRD-AUC raw 0.481 +- 0.009, physics 0.799 +- 0.008, spread of the response 0.0478 +-
0.0008 (Geant4 0.0061); training 4.9 min (AMD EPYC, 2 cores).

calojax train published/wgan_gp
"""

from calojax import config


def get_config():
  return config.wgan_gp()
