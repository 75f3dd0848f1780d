"""CNN + Auxiliary Regressor + self-attention + spectral normalisation, row 5 of Table 1 of Rogachev
and Ratnikov 2022, at its best: in the canonical frame, see `config.framed` for all that the paper
has not. As published: configs/published/cnn_aux_sa_sn.py.

Measured: PRD-AUC raw 0.916 +- 0.004, physics 0.930 +- 0.006, spread of the response 0.0063 +-
0.0002 (Geant4 0.0061); training 18.4 min (AMD EPYC, 2 cores).

calojax train cnn_aux_sa_sn
"""

from calojax import config


def get_config():
  c = config.cnn(attention=True, spectral=True)
  c.weights.update(regression=0.1, regression_fake=0.1)
  return c
