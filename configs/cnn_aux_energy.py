"""CNN + Auxiliary Regressor whose visible energy is held: the generator of `--model=lhcb_ecal`. No
paper.

The discriminator sees E / E_p beside the cells, and CaloGAN's energy term (Paganini et al. 2018)
joins the generator's loss: `cnn_aux` alone has several times Geant4's spread of the visible energy.

python -m calojax.main --config=configs/cnn_aux_energy.py
"""

from calojax import config


def get_config():
  c = config.gan()
  c.regressor.targets = config.LHCB_TARGETS
  c.shown = ('response',)
  c.weights.energy = 0.1
  return c
