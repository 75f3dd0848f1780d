"""CNN + Auxiliary Regressor, row 2 of Table 1 of Rogachev and Ratnikov 2022 (PRD-AUC raw 0.822,
physics 0.950, single numbers).

Measured: PRD-AUC raw 0.789 +- 0.007, physics 0.913 +- 0.006, spread of the response 0.0347 +-
0.0004 (Geant4 0.0061); training 3.4 min (AMD EPYC, 2 cores).

calojax train published/cnn_aux
"""

from calojax import config


def get_config():
  c = config.gan()
  c.regressor.targets = config.LHCB_TARGETS
  return c
