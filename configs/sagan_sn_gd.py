"""Self-attention GAN with spectral normalisation in both players (Rogachev and Ratnikov 2021), at
its best: in the canonical frame, see `config.framed` for all that the slides have not. As
published: configs/published/sagan_sn_gd.py.

calojax train sagan_sn_gd
"""

from calojax import config


def get_config():
  c = config.framed_sagan()
  c.generator.spectral = True
  return c
