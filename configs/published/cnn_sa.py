"""CNN + self-attention, one layer in each network, row 4 of Table 1 of Rogachev and Ratnikov 2022
(PRD-AUC raw 0.989, physics 0.983, single numbers). The paper says "two Self-Attention Layers" and
not where: here they are where the images have 8x8 and 7x7 pixels.

Measured: PRD-AUC raw 0.804 +- 0.007, physics 0.915 +- 0.005, spread of the response 0.0603 +-
0.0009 (Geant4 0.0061); training 5.6 min (AMD EPYC, 2 cores).

calojax train published/cnn_sa
"""

from calojax import config


def get_config():
  c = config.gan()
  c.generator.attention = c.discriminator.attention = True
  return c
