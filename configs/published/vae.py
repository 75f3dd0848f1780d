"""Conditional variational auto-encoder (compared by Chekalina et al. 2018; Rogachev and Ratnikov
2022, ref. 6), without published figures.

Measured: PRD-AUC raw 0.882 +- 0.006, physics 0.890 +- 0.006, spread of the response 0.0342 +-
0.0011 (Geant4 0.0061); training 3.5 min (AMD EPYC, 2 cores).

calojax train published/vae
"""

from calojax import config


def get_config():
  c = config.vae()
  c.optimiser.update(generator=5e-4, beta1=0.9)
  c.train.update(steps=4000, checkpoint_every=1000, monitor_every=2000)
  return c
