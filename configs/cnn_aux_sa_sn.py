"""CNN + Auxiliary Regressor + self-attention + spectral normalisation, row 5 of Table 1 of Rogachev and Ratnikov 2022 (PRD-AUC raw 0.994, physics 0.992,
single numbers).

python -m calojax.main --config=configs/cnn_aux_sa_sn.py
"""

from calojax import config


def get_config():
  c = config.lhcb_gan()
  c.regressor.targets = config.LHCB_TARGETS
  c.generator.attention = c.discriminator.attention = True
  c.generator.spectral = c.discriminator.spectral = True
  # A normalised discriminator needs no penalty, and its small adversarial gradients drown in those of a regressor of full weight.
  c.weights.gradient_penalty = 0.0
  c.weights.regression = c.weights.regression_fake = 0.1
  return c
