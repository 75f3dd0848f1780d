"""Self-attention GAN with spectral normalisation in both players (Rogachev and Ratnikov 2021:
PRD-AUC raw 0.975, physics 0.948).

python -m calojax.main --config=configs/sagan_sn_gd.py
"""

from calojax import config


def get_config():
  c = config.sagan()
  c.generator.spectral = True
  return c
