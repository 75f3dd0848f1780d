"""Conv3D GAN (Carminati et al. 2018; Rehm et al. 2021), at its best: in the canonical frame, see
`config.framed` and `config.framed_threed` for all that the papers have not. As published:
configs/published/conv3d.py.

calojax train conv3d
"""

from calojax import config


def get_config():
  return config.framed_threed(
    {'name': 'conv3d', 'channels': (8, 64, 6, 6)},
    {'name': 'conv3d', 'channels': (32, 8, 8, 8), 'hearing': 64},
    steps=4000,
  )
