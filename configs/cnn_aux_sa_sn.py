"""CNN + Auxiliary Regressor + self-attention + spectral normalisation, row 5 of Table 1 of Rogachev
and Ratnikov 2022, at its best: in the canonical frame, see `config.framed` for all that the paper
has not. As published: configs/published/cnn_aux_sa_sn.py.

calojax train cnn_aux_sa_sn
"""

from calojax import config


def get_config():
  c = config.cnn(attention=True, spectral=True)
  c.weights.update(regression=0.1, regression_fake=0.1)
  c.adversarial.gamma = 0.0
  return c
