"""Conv2D GAN of three branches (Rehm et al. 2021): profile MSE 0.044, cell mean ratio 1.00, cell std ratio 0.90, single numbers.

python -m calojax.main --config=configs/conv2d.py
"""

from calojax import config


def get_config():
  c = config.threed_gan()
  c.generator = {'name': 'conv2d', 'width': 64}
  c.discriminator = {'name': 'conv2d', 'width': 64}
  c.optimiser.update(generator=4e-4, discriminator=2e-4, beta1=0.5)
  return c
