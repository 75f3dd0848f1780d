"""CaloGAN (Paganini et al. 2017) on three layers, at its best: in the canonical frame, see
`config.framed` and `config.framed_calogan` for all that the paper has not. As published:
configs/published/calogan.py.

calojax train calogan
"""

from calojax import config


def get_config():
  return config.framed_calogan()
