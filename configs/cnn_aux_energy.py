"""CNN + Auxiliary Regressor whose visible energy is held: the generator of `--model=lhcb_ecal`. No
paper.

The discriminator sees E / E_p beside the cells, and CaloGAN's energy term (Paganini et al. 2018)
joins the generator's loss: `cnn_aux` alone has several times Geant4's spread of the visible energy.

Measured: PRD-AUC raw 0.798 +- 0.006, physics 0.913 +- 0.005, spread of the response 0.0142 +-
0.0004 (Geant4 0.0061); training 2.7 min (AMD EPYC, 2 cores).

calojax train cnn_aux_energy
"""

from calojax import config


def get_config():
  c = config.gan()
  c.regressor.targets = config.LHCB_TARGETS
  c.shown = ('response',)
  c.weights.energy = 0.1
  return c
