"""The base of every config, and what each method adds to it. All are locked: a misspelt key is
refused with the near name.
"""

from __future__ import annotations

from typing import Any

from ml_collections import ConfigDict

from calojax.config.migrations import FORMAT, Config

# The parameter regressor, trained before the players; 0 steps: none.
PRETRAINING = {'steps': 0, 'network': 'wgan', 'targets': (), 'batch': 64, 'rate': 1e-3}


def base(method: str) -> Config:
  """What every system has: its data, its condition, how long it trains and how it is judged, on
  LHCb-like showers if a config does not say otherwise.
  """
  config = ConfigDict(
    {
      'format': FORMAT,  # of this config; one that an older version wrote is migrated
      'seed': 0,
      'method': method,
      # Of the networks' arithmetic; 'bfloat16' on accelerators. Parameters stay float32.
      'dtype': 'float32',
      'data': {
        'source': 'lhcb_ecal',  # an embedded data set, or a file
        # A CaloChallenge file's geometry, if it is none of the known ones: PATH:PARTICLE of a
        # binning.xml.
        'binning': '',
        # What the file does not tell, or tells wrongly: units of its arrays, as
        # 'ParticleMomentum:MeV,ParticlePoint:mm', and what runs along the image axes, as 'yx' or
        # '-xy'. 'as_written': no physics is asked whether the layout's are right.
        'units': '',
        'axes': '',
        'negative': 'refuse',  # cells below zero, or 'zero': they become zero
        'split': (0.70, 0.05, 0.25),  # train, validation, test
        # Add the mirror images of the training showers, where the detector has the symmetry.
        'symmetries': False,
        'memory_gib': 4.0,  # an HDF5 file of more showers is streamed from disk
      },
      'condition': 'full',
      'tracking': 'tensorboard',  # where curves and pictures go: or wandb, mlflow
      'train': {
        'steps': 3000,
        'batch': 64,
        'discriminator_steps': 1,  # batches that an update takes; without a discriminator 1
        'steps_per_dispatch': 0,  # 0: one on a CPU, ten on an accelerator
        'log_every': 50,
        'checkpoint_every': 500,
        'monitor_every': 1000,  # pictures, histograms and a quick PRD-AUC on the validation showers
        # The figure of the validation showers by which `checkpoints/best` is chosen; '': none.
        'best_by': 'prd_auc/min',
        'patience': 0,  # monitorings without a better figure that end the training; 0: none do
      },
      'evaluation': {
        'clusters': 400,
        'runs': 10,
        'metrics': (),  # names of evaluation.named.METRICS; none: all but the classifier
        'pictures': True,  # at the end, and the page with them
        # Of the physics PRD: lhcb_reference, lhcb_corrected, or '' for the first where it is
        # defined.
        'statistics': '',
      },
    }
  )
  return config.lock()


def gan() -> Config:
  """A GAN, with the networks, rates and weights of the CNN baseline (Rogachev and Ratnikov
  2022).
  """
  config = _with_networks(
    'gan',
    {
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
      # What the discriminator's regressor head learns; no targets: no regressor.
      'regressor': {'targets': (), 'error': 'absolute'},
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
      'pretraining': dict(PRETRAINING),
    },
  )
  with config.unlocked():
    config.optimiser.discriminator = 8e-4
    config.train.generator_steps = 1
  return config


def vae() -> Config:
  """A variational auto-encoder; its `latent` does not count the noise of the cells."""
  return _with_networks(
    'vae',
    {
      'latent': 32,
      'generator': {
        'name': 'vae',
        'encoder': (32, 64, 128, 256),
        'decoder': (256, 128, 128, 64, 32),
      },
      'weights': {'reconstruction': 1.0, 'kl': 1.0},
    },
  )


def vae_gan() -> Config:
  """A VAE-GAN in the canonical frame; its `latent` does not count the noise of the cells and of the
  energies.
  """
  config = base('vae_gan')
  with config.unlocked():
    config.update(
      {
        'latent': 64,
        'generator': {'name': 'dense', 'width': 384, 'narrow': 128, 'blocks': 2},
        'encoder': {'width': 384},
        'discriminator': {'name': 'dense', 'width': 384, 'hearing': 64},
        'summaries': True,  # shown to the discriminator beside the cells
        # Of its regressor of the summaries, on real and on generated showers; 0 for both: none. And
        # of the generator's answers to the regressor trained beforehand.
        'weights': {'regression': 0.0, 'regression_fake': 0.0, 'outputs': 0.0, 'perceptual': 0.0},
        'pretraining': dict(PRETRAINING),
        'warm_start': {'steps': 4000, 'rate': 1e-3},  # of train.steps, as a VAE
        'adversarial': {
          'generator_rate': 1e-4,
          'discriminator_rate': 2e-4,
          'gamma': 5.0,  # of the penalties on real and on generated showers, gamma / 2 each
          'penalised': 0.5,  # share of a batch that they are computed of
          'likelihood': 1e-3,  # weight of the warm start's bound beside the critic's opinion
        },
      }
    )
    del config['condition']  # the frame has conditions of its own
  return config


def autoregressive() -> Config:
  """An autoregressive density in the canonical frame: networks by pass, trained by their likelihood
  alone.
  """
  config = _with_networks(
    'autoregressive', {'generator': {'width': 64, 'wide': 32, 'dropout': 0.2}}
  )
  with config.unlocked():
    config.optimiser.update(generator=2e-3, beta1=0.9, clip=20.0, cooldown=0.7)
    del config['condition'], config['transform']  # the frame has its own
  return config


def library() -> Config:
  """A shower library. It has nothing to train: its steps store `train.batch` showers each."""
  return base('library')


def _with_networks(method: str, room: dict[str, Any]) -> Config:
  """The base with a method's own room and with what trained networks have in common: network space,
  the optimiser and the average of the parameters.
  """
  config = base(method)
  with config.unlocked():
    config.update(
      {
        'transform': {'name': 'power_fraction', 'parameter': 0.25},
        'optimiser': {
          'name': 'adam',
          'generator': 4e-4,
          'beta1': 0.0,
          'beta2': 0.999,
          'clip': 0.0,  # largest norm of a gradient; 0: none
          'cooldown': 0.5,  # the part of the training, at its end, in which the rates fall to zero
        },
        'ema_decay': 0.995,
        **room,
      }
    )
  return config


# What a config of these methods has; a plug-in's method may bring keys of its own.
ROOMS = {
  'gan': gan,
  'vae': vae,
  'vae_gan': vae_gan,
  'autoregressive': autoregressive,
  'library': library,
}
