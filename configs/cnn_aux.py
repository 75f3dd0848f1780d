"""CNN + Auxiliary Regressor, row 2 of Table 1 of Rogachev and Ratnikov 2022 (PRD-AUC raw 0.822,
physics 0.950, single numbers).

python -m calojax.main --config=configs/cnn_aux.py
"""

from calojax import config


def get_config():
  c = config.gan()
  c.regressor.targets = config.LHCB_TARGETS
  return c
