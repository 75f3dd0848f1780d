"""VAE-GAN in the canonical frame: the generator of `--model=lhcb_ecal`. No paper.

python -m calojax.main --config=configs/vae_gan.py
"""

from calojax import config


def get_config():
  c = config.vae_gan()
  c.train.update(steps=10_000, checkpoint_every=1000, monitor_every=5000)
  return c
