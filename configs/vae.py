"""Conditional variational auto-encoder (compared by Chekalina et al. 2018; Rogachev and Ratnikov
2022, ref. 6), without published figures.

python -m calojax.main --config=configs/vae.py
"""

from calojax import config


def get_config():
  c = config.vae()
  c.optimiser.update(generator=5e-4, beta1=0.9)
  c.train.update(steps=4000, checkpoint_every=1000, monitor_every=2000)
  return c
