"""VAE-GAN in the canonical frame: the generator of `--model=lhcb_ecal`. No paper.

python -m calojax.main --config=configs/vae_gan.py
"""

from calojax import config


def get_config():
  c = config.vae()
  with c.unlocked():
    c.method, c.latent = 'vae_gan', 64
    c.generator = {'width': 384, 'narrow': 128, 'blocks': 2}
    c.discriminator = {'width': 384, 'hearing': 64}
    c.warm_start = {'steps': 4000, 'rate': 1e-3}
    c.adversarial = {
      'generator_rate': 1e-4,
      'discriminator_rate': 2e-4,
      'gamma': 5.0,
      'penalised': 0.5,
    }
    for unused in ('transform', 'condition', 'weights', 'optimiser', 'ema_decay'):
      del c[unused]
  c.train.update(steps=10_000, checkpoint_every=1000, monitor_every=5000)
  return c
