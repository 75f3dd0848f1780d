"""Shower library (Chekalina et al. 2018, slide 6): the nearest stored shower, its energy rescaled
to the request. No published figures.

"Training" stores the showers: 14 batches of 1000 are all 14,000 of the embedded set.

Measured: PRD-AUC, paired, raw 0.952 +- 0.004, physics 0.943 +- 0.005, spread of the response
0.0062 +- 0.0001 (Geant4 0.0061); training 0.0 min (AMD EPYC, 2 cores).

calojax train shower_library
"""

from calojax import config


def get_config():
  c = config.library()
  c.train.update(steps=14, batch=1000, log_every=1, checkpoint_every=14, monitor_every=14)
  return c
