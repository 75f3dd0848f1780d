"""CaloGAN (Paganini et al. 2017) on three layers, at its best: in the canonical frame, see
`config.framed` and `config.framed_calogan` for all that the paper has not. As published:
configs/published/calogan.py.

Measured: PRD-AUC raw 0.968 +- 0.011, physics 0.969 +- 0.009, spread of the response 0.0027 +-
0.0003 (Geant4 0.0032); training 52.5 min (AMD EPYC, 2 cores). That run was of 14,988 showers and
had steps 11000, as it was then.

calojax train calogan
"""

from calojax import config


def get_config():
  return config.framed_calogan()
