"""CNN + self-attention, row 4 of Table 1 of Rogachev and Ratnikov 2022, at its best: in the
canonical frame, see `config.framed` for all that the paper has not. As published:
configs/published/cnn_sa.py.

calojax train cnn_sa
"""

from calojax import config


def get_config():
  return config.cnn(attention=True)
