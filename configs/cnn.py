"""The convolutional GAN of Rogachev and Ratnikov 2022, row 1 of its Table 1, at its best: in the
canonical frame, see `config.framed` for all that the paper has not. As published:
configs/published/cnn.py.

Measured: PRD-AUC raw 0.920 +- 0.005, physics 0.935 +- 0.005, spread of the response 0.0063 +-
0.0002 (Geant4 0.0061); training 6.7 min (AMD EPYC, 2 cores).

calojax train cnn
"""

from calojax import config


def get_config():
  return config.cnn()
