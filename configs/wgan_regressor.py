"""The networks of Chekalina et al. 2018, whose generator also answers to a parameter regressor
trained beforehand, in the canonical frame: see `config.framed` for all that the paper has not. As
published: configs/published/wgan_regressor.py.

One command trains the regressor on real showers (its resolution goes to
WORKDIR/regressor/resolution.json), freezes it, and trains the generator. The energy-only (1D) case:
--config.pretraining.targets="('log_energy',)".

calojax train wgan_regressor
"""

from calojax import config


def get_config():
  c = config.framed_wgan()
  c.pretraining.update(
    steps=2000, targets=('log_energy', 'slope_x', 'slope_y', 'impact_x', 'impact_y')
  )
  c.weights.update(outputs=0.1, perceptual=0.1)
  return c
