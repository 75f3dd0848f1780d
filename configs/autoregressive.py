"""Autoregressive density in the canonical frame with hurdle cells, trained by its likelihood alone
(after Germain et al. 2015). See docs/pages/fidelity.md.

python -m calojax.main --config=configs/autoregressive.py
"""

from calojax import config


def get_config():
  c = config.autoregressive()
  c.train.update(steps=4000, batch=128, checkpoint_every=1000, monitor_every=4000)
  return c
