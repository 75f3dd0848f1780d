"""Conditional variational auto-encoder (compared by Chekalina et al. 2018; Rogachev and Ratnikov
2022, ref. 6), at its best: its decoder in the canonical frame, with hurdle cells, see
`config.framed`; the encoder is dense. As published: configs/published/vae.py.

calojax train vae
"""

from calojax import config


def get_config():
  return config.framed_vae()
