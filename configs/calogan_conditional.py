"""Conditional CaloGAN (de Oliveira et al. 2017), at its best: in the canonical frame, see
`config.framed` and `config.framed_calogan` for all that the paper has not. As published:
configs/published/calogan_conditional.py.

The regressor reads the summaries of a shower off its cells, of real and of generated ones, in place
of the particle's attributes, which the frame takes care of.

calojax train calogan_conditional
"""

from calojax import config


def get_config():
  c = config.framed_calogan(conditional=True)
  c.weights.update(regression=0.1, regression_fake=0.1)
  return c
