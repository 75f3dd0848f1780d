"""CNN + self-attention, row 4 of Table 1 of Rogachev and Ratnikov 2022, at its best: in the
canonical frame, see `config.framed` for all that the paper has not. As published:
configs/published/cnn_sa.py.

Measured: PRD-AUC raw 0.922 +- 0.005, physics 0.933 +- 0.005, spread of the response 0.0063 +-
0.0002 (Geant4 0.0061); training 11.3 min (AMD EPYC, 2 cores).

calojax train cnn_sa
"""

from calojax import config


def get_config():
  return config.cnn(attention=True)
