"""WGAN with gradient penalty of Chekalina et al. 2018; as row "WGAN" of Rogachev and Ratnikov 2021:
PRD-AUC raw 0.971, physics 0.936.

The energy-only (1D) case of the slides: --config.condition=energy.

python -m calojax.main --config=configs/wgan_gp.py
"""

from calojax import config


def get_config():
  return config.wgan_gp()
