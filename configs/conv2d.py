"""Conv2D GAN of three branches (Rehm et al. 2021), at its best: in the canonical frame, see
`config.framed` and `config.framed_threed` for all that the paper has not. As published:
configs/published/conv2d.py.

calojax train conv2d
"""

from calojax import config


def get_config():
  # An update takes four times as long as one of Conv3D's.
  return config.framed_threed(
    {'name': 'conv2d', 'width': 64}, {'name': 'conv2d', 'width': 64, 'hearing': 64}, steps=2000
  )
