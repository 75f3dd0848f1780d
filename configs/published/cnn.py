"""CNN baseline GAN, row 1 of Table 1 of Rogachev and Ratnikov 2022 (PRD-AUC raw 0.669, physics
0.877, single numbers).

Measured: PRD-AUC raw 0.844 +- 0.006, physics 0.917 +- 0.005, spread of the response 0.0554 +-
0.0007 (Geant4 0.0061); training 3.8 min (AMD EPYC, 2 cores).

calojax train published/cnn
"""

from calojax import config


def get_config():
  return config.gan()
