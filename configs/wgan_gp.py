"""The networks of Chekalina et al. 2018 in the canonical frame, see `config.framed` for all that
the paper has not, the pairing of real and generated showers in place of Wasserstein's distance
among it. As published: configs/published/wgan_gp.py.

calojax train wgan_gp
"""

from calojax import config


def get_config():
  return config.framed_wgan()
