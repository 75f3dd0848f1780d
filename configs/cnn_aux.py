"""CNN + Auxiliary Regressor, row 2 of Table 1 of Rogachev and Ratnikov 2022, at its best: in the
canonical frame, see `config.framed` for all that the paper has not. The main job. As published:
configs/published/cnn_aux.py.

The regressor reads the summaries of a shower off its cells, of real and of generated ones.

Measured: PRD-AUC raw 0.920 +- 0.005, physics 0.934 +- 0.005, spread of the response 0.0063 +-
0.0002 (Geant4 0.0061); training 7.2 min (Intel(R) Xeon(R) Processor, 2 cores).

calojax train cnn_aux
"""

from calojax import config


def get_config():
  c = config.cnn()
  c.weights.update(regression=0.1, regression_fake=0.1)
  return c
