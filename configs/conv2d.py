"""Conv2D GAN of three branches (Rehm et al. 2021), at its best: in the canonical frame, see
`config.framed` and `config.framed_threed` for all that the paper has not. As published:
configs/published/conv2d.py.

calojax train conv2d
"""

from calojax import config


def get_config():
  c = config.framed_threed(
    {'name': 'conv2d', 'width': 64}, {'name': 'conv2d', 'width': 64, 'hearing': 64}
  )
  # An update of the warm start takes four times as long as one of Conv3D's.
  c.warm_start.steps = 2000
  c.train.update(steps=2400, monitor_every=1200)
  return c
