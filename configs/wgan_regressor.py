"""The networks of Chekalina et al. 2018, whose generator also answers to a parameter regressor
trained beforehand, in the canonical frame: see `config.framed` for all that the paper has not. As
published: configs/published/wgan_regressor.py.

One command trains the regressor on real showers (its resolution goes to
WORKDIR/regressor/resolution.json), freezes it, and trains the generator. The energy-only (1D) case:
--config.pretraining.targets="('log_energy',)".

Measured: PRD-AUC raw 0.916 +- 0.004, physics 0.927 +- 0.005, spread of the response 0.0063 +-
0.0002 (Geant4 0.0061); training 27.8 min (AMD EPYC, 2 cores).

calojax train wgan_regressor
"""

from calojax import config


def get_config():
  c = config.framed_wgan()
  c.pretraining.update(steps=2000, targets=config.PARTICLE)
  c.weights.update(outputs=0.1, perceptual=0.1)
  return c
