"""Configs: what every system has, the room of each method, families of systems, the values that do,
and what older versions wrote. A file in `configs/` changes what its system changes, nothing else.
"""

from calojax.config.changes import Change, changes
from calojax.config.families import (
  LHCB_TARGETS,
  PARTICLE,
  calogan,
  cnn,
  framed,
  framed_calogan,
  framed_sagan,
  framed_threed,
  framed_vae,
  framed_wgan,
  layered_gan,
  sagan,
  threed_gan,
  wgan_gp,
)
from calojax.config.migrations import FORMAT, from_json, migrated
from calojax.config.rooms import autoregressive, base, gan, library, vae, vae_gan
from calojax.config.rules import check, flatten

__all__ = [
  'FORMAT',
  'LHCB_TARGETS',
  'PARTICLE',
  'Change',
  'autoregressive',
  'base',
  'calogan',
  'changes',
  'check',
  'cnn',
  'flatten',
  'framed',
  'framed_calogan',
  'framed_sagan',
  'framed_threed',
  'framed_vae',
  'framed_wgan',
  'from_json',
  'gan',
  'layered_gan',
  'library',
  'migrated',
  'sagan',
  'threed_gan',
  'vae',
  'vae_gan',
  'wgan_gp',
]
