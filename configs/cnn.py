"""CNN baseline GAN, row 1 of Table 1 of Rogachev and Ratnikov 2022 (PRD-AUC raw 0.669, physics
0.877, single numbers).

python -m calojax.main --config=configs/cnn.py
"""

from calojax import config


def get_config():
  return config.gan()
