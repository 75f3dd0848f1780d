"""Conditional variational auto-encoder (compared by Chekalina et al. 2018; Rogachev and Ratnikov
2022, ref. 6), without published figures.

python -m calojax.main --config=configs/vae.py
"""

from calojax import config


def get_config():
  return config.vae()
