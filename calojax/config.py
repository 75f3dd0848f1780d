"""The defaults of every config: a config file changes what its system changes and nothing else."""

from __future__ import annotations

from typing import Any

import ml_collections

# What the Auxiliary Regressor learns on LHCb-like showers: the 24 statistics of the physics PRD and
# the visible energy.
LHCB_TARGETS = ('lhcb_corrected', 'response')


def lhcb_gan() -> ml_collections.ConfigDict:
  """The CNN baseline GAN on LHCb-like showers (Rogachev and Ratnikov 2022), locked: a misspelt key
  is refused with the near name.
  """
  config = ml_collections.ConfigDict(
    {
      'seed': 0,
      'method': 'gan',
      # Of the networks' arithmetic; 'bfloat16' on accelerators. Parameters stay float32.
      'dtype': 'float32',
      'data': {
        'source': 'lhcb_ecal',  # an embedded data set, or a file
        # A CaloChallenge file's geometry, if it is none of the known ones: PATH:PARTICLE of a
        # binning.xml.
        'binning': '',
        'split': (0.70, 0.05, 0.25),  # train, validation, test
        # Add the mirror images of the training showers, where the detector has the symmetry.
        'symmetries': False,
        'memory_gib': 4.0,  # an HDF5 file of more showers is streamed from disk
      },
      'condition': 'full',
      'transform': {'name': 'power_fraction', 'parameter': 0.25},
      'latent': 256,
      'generator': {
        'name': 'cnn',
        'channels': (256, 128, 64, 32),
        'attention': False,
        'spectral': False,
      },
      'discriminator': {
        'name': 'cnn',
        'channels': (32, 64, 128, 256),
        'attention': False,
        'spectral': False,
      },
      'shown': (),  # observables that the discriminator sees beside the cells
      'regressor': {
        'targets': (),
        'error': 'absolute',
      },  # what the discriminator's regressor head learns; none: no regressor
      'adversarial': 'hinge',
      'flips': 0.0,  # fraction of showers with the wrong label before the discriminator
      'penalty': 'zero_centred',
      'penalised': 1.0,  # share of a batch that the penalty is computed of
      'energy_term': 'requested',
      'weights': {
        'adversarial': 1.0,
        'regression': 1.0,
        'regression_fake': 1.0,
        # Not in the paper: without it the discriminator mostly ran away within some 2000 steps.
        'gradient_penalty': 0.1,
        'regression_generator': 0.0,
        'energy': 0.0,
        'mean_image': 0.0,
        'outputs': 0.0,
        'perceptual': 0.0,
      },
      'optimiser': {
        'name': 'adam',
        'generator': 4e-4,
        'discriminator': 8e-4,
        'beta1': 0.0,
        'beta2': 0.999,
        'clip': 0.0,  # largest norm of a gradient; 0: none
        'cooldown': 0.5,  # the part of the training, at its end, over which the rates fall to zero
      },
      'ema_decay': 0.995,
      'pretraining': {
        'steps': 0,
        'network': 'wgan',
        'targets': (),
        'batch': 64,
        'rate': 1e-3,
      },  # the parameter regressor; 0 steps: none
      'train': {
        'steps': 3000,
        'batch': 64,
        'discriminator_steps': 1,
        'generator_steps': 1,
        'steps_per_dispatch': 0,  # 0: one on a CPU, ten on an accelerator
        'log_every': 50,
        'checkpoint_every': 500,
        'monitor_every': 1000,  # pictures, histograms and a quick PRD-AUC on the validation showers
      },
      'evaluation': {
        'clusters': 400,
        'runs': 10,
        'metrics': (),  # names of evaluation.metrics.METRICS; none: all but the classifier
        'pictures': True,  # at the end, and the page with them
        # Of the physics PRD: lhcb_reference, lhcb_corrected, or '' for the first where it is
        # defined.
        'statistics': '',
      },
    }
  )
  return config.lock()


def completed(stored: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """A config that an earlier version kept, with the defaults of what has been added since, which
  change nothing; locked.
  """
  rooms = ('data', 'train', 'optimiser', 'evaluation') + (
    ('weights', 'regressor', 'pretraining') if stored.get('method') == 'gan' else ()
  )
  defaults = lhcb_gan()
  with stored.unlocked():
    for room in rooms:
      _fill(stored.get(room, {}), defaults[room])
    if stored.get('method') == 'gan':
      _fill(stored, defaults)
  return stored.lock()


def _fill(stored: Any, defaults: Any) -> None:
  for key, value in defaults.items():
    if key not in stored:
      stored[key] = value


def wgan_gp() -> ml_collections.ConfigDict:
  """The WGAN with gradient penalty on LHCb-like showers (Chekalina et al. 2018).

  The exact mirror image of the generator would be a critic of (64, 128, 256) channels, which is
  slower.
  """
  c = lhcb_gan()
  c.generator = {'name': 'wgan', 'channels': (256, 128, 64, 32)}
  c.discriminator = {'name': 'wgan', 'channels': (32, 64, 128, 256)}
  c.adversarial, c.penalty = 'wasserstein', 'one_centred'
  c.weights.gradient_penalty = 10.0
  c.optimiser.update(generator=2e-4, discriminator=2e-4, beta2=0.9)
  c.train.update(steps=500, discriminator_steps=5, checkpoint_every=100, monitor_every=250)
  return c


def sagan() -> ml_collections.ConfigDict:
  """The self-attention GAN on LHCb-like showers (Rogachev and Ratnikov 2021), its discriminator
  spectrally normalised.
  """
  c = lhcb_gan()
  c.generator = {'name': 'sagan', 'channels': (256, 128, 64, 32), 'spectral': False}
  c.discriminator = {'name': 'sagan', 'channels': (32, 64, 128, 256), 'spectral': True}
  c.weights.gradient_penalty = 0.0
  c.optimiser.update(generator=1e-4, discriminator=4e-4)
  c.train.update(steps=1000, discriminator_steps=3, monitor_every=500)
  return c


def layered_gan(source: str) -> ml_collections.ConfigDict:
  """What the systems on calorimeters of several layers share: mirrored showers, noise scaled by the
  energy, flipped labels.
  """
  c = lhcb_gan()
  c.data.source, c.data.symmetries, c.condition = source, True, 'energy_root'
  c.adversarial, c.flips = 'non_saturating', 0.05
  c.weights.update(regression=0.0, regression_fake=0.0)
  c.evaluation.update(clusters=20)  # of some 300 test showers: 400 clusters would be as many
  return c


def calogan() -> ml_collections.ConfigDict:
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
  c.generator = {'name': 'calogan', 'channels': (36, 16, 6), 'conditional': False, 'blur': ()}
  c.discriminator = {'name': 'calogan', 'channels': (64, 16, 8, 8), 'conditional': False}
  c.shown = ('layer_fractions', 'response', 'energy_deviation')
  c.weights.energy = 0.05
  c.optimiser.update(generator=2e-4, discriminator=4e-4)
  c.train.update(steps=1500, generator_steps=2, monitor_every=500)
  return c


def threed_gan() -> ml_collections.ConfigDict:
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


def vae() -> ml_collections.ConfigDict:
  """The VAE on LHCb-like showers."""
  c = lhcb_gan()
  c.method, c.latent = 'vae', 32
  c.generator = {'name': 'vae', 'encoder': (32, 64, 128, 256), 'decoder': (256, 128, 128, 64, 32)}
  c.optimiser.update(generator=5e-4, beta1=0.9)
  c.train.update(steps=4000, checkpoint_every=1000, monitor_every=2000)
  with c.unlocked():
    c.weights = {'reconstruction': 1.0, 'kl': 1.0}
    for unused in (
      'discriminator',
      'shown',
      'regressor',
      'adversarial',
      'flips',
      'penalty',
      'penalised',
      'energy_term',
      'pretraining',
    ):
      del c[unused]
  return c


def shower_library() -> ml_collections.ConfigDict:
  """The shower library on LHCb-like showers; it has nothing to train, so its steps store
  `train.batch` showers each.
  """
  c = lhcb_gan()
  c.method = 'library'
  c.train.update(steps=14, batch=1000, log_every=1, checkpoint_every=14, monitor_every=14)
  with c.unlocked():
    for unused in (
      'transform',
      'latent',
      'generator',
      'weights',
      'optimiser',
      'ema_decay',
      'discriminator',
      'shown',
      'regressor',
      'adversarial',
      'flips',
      'penalty',
      'penalised',
      'energy_term',
      'pretraining',
    ):
      del c[unused]
  return c
