"""Shower library (Chekalina et al. 2018, slide 6): the nearest stored shower, its energy rescaled
to the request. No published figures.

"Training" stores the showers: 14 batches of 1000 are all 14,000 of the embedded set.

python -m calojax.main --config=configs/shower_library.py
"""

from calojax import config


def get_config():
  c = config.library()
  c.train.update(steps=14, batch=1000, log_every=1, checkpoint_every=14, monitor_every=14)
  return c
