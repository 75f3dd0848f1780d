"""CNN + self-attention, two layers in each network, row 4 of Table 1 of Rogachev and Ratnikov 2022 (PRD-AUC raw 0.989, physics 0.983, single
numbers).

python -m calojax.main --config=configs/cnn_sa.py
"""

from calojax import config


def get_config():
  c = config.lhcb_gan()
  c.generator.attention = c.discriminator.attention = True
  return c
