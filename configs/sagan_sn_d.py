"""Self-attention GAN with spectral normalisation in the discriminator only (Rogachev and Ratnikov
2021), at its best: in the canonical frame, see `config.framed` for all that the slides have not. As
published: configs/published/sagan_sn_d.py.

calojax train sagan_sn_d
"""

from calojax import config


def get_config():
  return config.framed_sagan()
