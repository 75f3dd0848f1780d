"""CaloGAN (Paganini et al. 2017) on three layers, conditioned on the energy.

python -m calojax.main --config=configs/calogan.py
"""

from calojax import config


def get_config():
  return config.calogan()
