"""Self-attention GAN with spectral normalisation in the discriminator only (Rogachev and Ratnikov
2021: PRD-AUC raw 0.901, physics 0.895).

python -m calojax.main --config=configs/sagan_sn_d.py
"""

from calojax import config


def get_config():
  return config.sagan()
