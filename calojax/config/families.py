"""Families of systems that several files of `configs/` share: each is a GAN with its family's
changes.
"""

from __future__ import annotations

from typing import Any

from calojax.config.migrations import Config
from calojax.config.rooms import gan, vae_gan

# What the Auxiliary Regressor learns on LHCb-like showers: the 24 statistics of the physics PRD and
# the visible energy.
LHCB_TARGETS = ('lhcb_corrected', 'response')
# What the parameter regressor of Chekalina et al. (2018) reads off a shower, the 5D case.
PARTICLE = ('log_energy', 'slope_x', 'slope_y', 'impact_x', 'impact_y')
# What a spectrally normalised discriminator has in the frame: the norm in place of the penalties,
# and ten times the bound, without which single cells drift (docs/pages/fidelity.md).
NORMALISED = {'gamma': 0.0, 'likelihood': 1e-2}


def framed(generator: dict[str, Any], discriminator: dict[str, Any]) -> Config:
  """Networks of a paper in the canonical frame: the VAE-GAN's training with them.

  Not the papers': the frame itself (the visible energy has a density of its own, every shower lies
  with its trajectory at the same place), hurdle cells with noise of their own in place of a ReLU
  and a bias of each cell's own, no norm of the batch, the decoder of a VAE as a start, relativistic
  pairs with zero-centred penalties in place of the hinge, standardised cells and summaries in front
  of the discriminator. docs/pages/fidelity.md tells what each brings.
  """
  c = vae_gan()
  with c.unlocked():
    c.generator, c.discriminator = generator, discriminator
  c.adversarial.update(gamma=1.0, penalised=0.25)
  c.train.update(steps=7000, checkpoint_every=1000, monitor_every=3500)
  return c


def cnn(attention: bool = False, spectral: bool = False) -> Config:
  """The convolutional networks of Rogachev and Ratnikov (2022) in the frame, with these flags in
  both of them.
  """
  flags = {'attention': attention, 'spectral': spectral}
  c = framed(
    {'name': 'cnn', 'channels': (256, 128, 64, 32), **flags},
    {'name': 'cnn', 'channels': (32, 64, 128, 256), 'hearing': 64, **flags},
  )
  if spectral:
    c.adversarial.update(NORMALISED)
  return c


def framed_sagan() -> Config:
  """The self-attention networks of Rogachev and Ratnikov (2021) in the frame, the discriminator
  spectrally normalised.
  """
  c = framed(
    {'name': 'sagan', 'channels': (256, 128, 64, 32), 'spectral': False},
    {'name': 'sagan', 'channels': (32, 64, 128, 256), 'spectral': True},
  )
  c.adversarial.update(NORMALISED)
  return c


def framed_wgan() -> Config:
  """The networks of Chekalina et al. (2018) in the frame; an update takes twice as long as with the
  others, and there are half as many.
  """
  c = framed(
    {'name': 'wgan', 'channels': (256, 128, 64, 32)},
    {'name': 'wgan', 'channels': (32, 64, 128, 256)},
  )
  c.warm_start.steps = 2000
  c.train.update(steps=3500, checkpoint_every=500, monitor_every=1750)
  return c


def framed_vae() -> Config:
  """The decoder of a convolutional VAE in the frame: the warm start to its end, no adversary."""
  c = framed({'name': 'vae', 'channels': (256, 128, 128, 64, 32)}, vae_gan().discriminator)
  c.warm_start.steps = c.train.steps
  return c


def framed_calogan(conditional: bool = False) -> Config:
  """The networks of CaloGAN in the frame, or with kernels that are shared between positions those
  of the Conditional CaloGAN (Paganini et al. 2017; de Oliveira et al. 2017).

  Not the papers' beside what `framed` tells: the particle's place and direction are the frame's, so
  both systems follow them; 64 noise variables, beside those of the cells, in place of 1024; no
  blur, minibatch discrimination, flipped labels or sparsity term.
  """
  flag = {'conditional': conditional}
  c = framed(
    {'name': 'calogan', 'channels': (36, 16, 6), 'attention': True, 'blur': (), **flag},
    {'name': 'calogan', 'channels': (64, 16, 8, 8), 'hearing': 64, **flag},
  )
  c.data.source = 'calogan'
  c.warm_start.steps = 6000
  c.train.update(steps=8500, monitor_every=4250)
  c.evaluation.clusters = 100  # of some 1,300 test showers
  return c


def framed_threed(generator: dict[str, Any], discriminator: dict[str, Any], steps: int) -> Config:
  """The 25x25x25 networks in the frame (Carminati et al. 2018; Rehm et al. 2021): the warm start to
  its end, so many steps, no adversary.

  Not the papers' beside what `framed` tells: the energy sum and the 25 layers' shares are the
  frame's, no term of a loss; no dropout. 400 adversarial updates of 8 showers, which take as long
  as the warm start, made the showers easier to tell, see docs/pages/results.md; `--steps` trains a
  run on with them.
  """
  c = framed(generator, discriminator)
  c.data.source, c.data.symmetries = 'clic', True
  # The rate that the warm start ends with; at five times as much they did so too.
  c.adversarial.generator_rate = 2e-5
  c.warm_start.steps = steps
  c.train.update(batch=8, steps=steps, log_every=20, checkpoint_every=100, monitor_every=steps // 2)
  c.evaluation.clusters = 20  # of some 200 test showers
  return c


def wgan_gp() -> Config:
  """The WGAN with gradient penalty on LHCb-like showers (Chekalina et al. 2018).

  The exact mirror image of the generator would be a critic of (64, 128, 256) channels, which is
  slower.
  """
  c = gan()
  c.generator = {'name': 'wgan', 'channels': (256, 128, 64, 32)}
  c.discriminator = {'name': 'wgan', 'channels': (32, 64, 128, 256)}
  c.adversarial, c.penalty = 'wasserstein', 'one_centred'
  c.weights.gradient_penalty = 10.0
  c.optimiser.update(generator=2e-4, discriminator=2e-4, beta2=0.9)
  c.train.update(steps=500, discriminator_steps=5, checkpoint_every=100, monitor_every=250)
  return c


def sagan() -> Config:
  """The self-attention GAN on LHCb-like showers (Rogachev and Ratnikov 2021), its discriminator
  spectrally normalised.
  """
  c = gan()
  c.generator = {'name': 'sagan', 'channels': (256, 128, 64, 32), 'spectral': False}
  c.discriminator = {'name': 'sagan', 'channels': (32, 64, 128, 256), 'spectral': True}
  c.weights.gradient_penalty = 0.0
  c.optimiser.update(generator=1e-4, discriminator=4e-4)
  c.train.update(steps=1000, discriminator_steps=3, monitor_every=500)
  return c


def layered_gan(source: str) -> Config:
  """What the systems on calorimeters of several layers share: mirrored showers, noise scaled by the
  energy, flipped labels.
  """
  c = gan()
  c.data.source, c.data.symmetries, c.condition = source, True, 'energy_root'
  c.adversarial, c.flips = 'non_saturating', 0.05
  c.weights.update(regression=0.0, regression_fake=0.0)
  c.evaluation.update(clusters=20)  # of a few hundred test showers: 400 would be as many
  return c


def calogan() -> Config:
  """CaloGAN on three layers (Paganini et al. 2017): two generator steps a discriminator step,
  binary cross entropy and an energy term.

  Not the paper's: fourth roots of E / E_p as network space and the gradient penalty, as on the LHCb
  showers. On images linear in the energy, without the penalty and at the paper's rates, the
  discriminator told every shower after some 100 steps, and the generator fell to one shower of 45
  GeV. 256 noise variables where the paper has 1024: nearly all parameters hang on them, and moving
  those takes most of a step on a CPU.
  """
  c = layered_gan('calogan')
  c.latent = 256
  c.generator = {
    'name': 'calogan',
    'channels': (36, 16, 6),
    'conditional': False,
    'attention': True,  # from layer to layer
    'blur': (),
  }
  c.discriminator = {
    'name': 'calogan',
    'channels': (64, 16, 8, 8),
    'conditional': False,
    'minibatch': True,  # discrimination
    'sparsity': True,  # of each layer, among the features
  }
  c.shown = ('layer_fractions', 'response', 'energy_deviation')
  c.weights.energy = 0.05
  c.optimiser.update(generator=2e-4, discriminator=4e-4)
  c.train.update(steps=1500, generator_steps=2, monitor_every=500)
  return c


def threed_gan() -> Config:
  """The 3D GAN's training (Carminati et al. 2018): heads for the incident energy and the energy
  sum, mean absolute percentage errors.

  Not the paper's: fourth roots of E / E_p as network space; what the discriminator is shown beside
  the cells; no batch norm in it, which hides the scale of a batch, but the gradient penalty, of two
  of the eight showers; and the distance of the mean images in the generator's loss, and a logarithm
  of the energy beside the noise. Without the mean images the generator had not found the middle of
  the calorimeter after 200 updates, with it it had after 100. With E_p divided out the regressor's
  head can only read it off the shape, so its terms weigh a hundredth of the paper's.
  """
  c = layered_gan('clic')
  c.latent, c.condition = 200, 'root_and_log'
  # One batch in a thousand has a gradient of fifty times the usual 80, and the training does not
  # survive it.
  c.optimiser.clip = 100.0
  c.shown = ('layer_fractions', 'response')
  c.regressor = {'targets': ('incident_energy',), 'error': 'percentage'}
  c.energy_term = 'paired'
  c.weights.update(
    regression=0.002, regression_fake=0.002, regression_generator=0.002, energy=0.05, mean_image=5.0
  )
  c.penalised = 0.25
  c.train.update(batch=8, log_every=20, checkpoint_every=100, monitor_every=300)
  return c
