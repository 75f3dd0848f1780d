"""The convolutional GAN of Rogachev and Ratnikov 2022, row 1 of its Table 1, at its best: in the
canonical frame, see `config.framed` for all that the paper has not. As published:
configs/published/cnn.py.

calojax train cnn
"""

from calojax import config


def get_config():
  return config.cnn()
