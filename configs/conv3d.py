"""Conv3D GAN (Carminati et al. 2018; Rehm et al. 2021), at its best: in the canonical frame, see
`config.framed` and `config.framed_threed` for all that the papers have not. As published:
configs/published/conv3d.py.

Measured: PRD-AUC raw 0.904 +- 0.024, physics 0.907 +- 0.026, spread of the response 0.0014 +-
0.0001 (Geant4 0.0011); training 9.3 min (Intel(R) Xeon(R) Processor, 2 cores). That run
was of 6,232 showers.

calojax train conv3d
"""

from calojax import config


def get_config():
  return config.framed_threed(
    {'name': 'conv3d', 'channels': (8, 64, 6, 6)},
    {'name': 'conv3d', 'channels': (32, 8, 8, 8), 'hearing': 64},
    steps=4000,
  )
