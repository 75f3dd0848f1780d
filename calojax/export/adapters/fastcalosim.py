"""ATLAS FastCaloSim (Athena, classes TFCSGANEtaSlice, TFCSONNXHandler and TFCSEnergyAndHitGANV2).

FastCaloGAN V2: noise and the scaled logarithm of the energy in; voxels out, layer after layer, as
fractions of the kinetic energy.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from calojax.export.adapters.adapter import Adapter, at_centre, check_centre
from calojax.geometry import Geometry, PolarLayer
from calojax.training.trained import Generator

MEAN, SPREAD = 0.5, 0.5  # of the noise: GetNetworkOutputs draws Gaussians of these
# That many angles mean to TFCSEnergyAndHitGANV2 that their number depends on the ring.
VARIABLE = 32
# Names of the networks, and the range of momenta (exponents of 2, MeV) that each scales its
# energies by.
ELECTROMAGNETIC, HADRONIC = {'UltraLow12': (6, 12), 'High12': (12, 22)}, {'All': (8, 22)}
PARTICLES = {
  'photon': (22, 0.0, ELECTROMAGNETIC),
  'pion': (211, 139.57039, HADRONIC),
  'electron': (11, 0.51099895, ELECTROMAGNETIC),
}


def adapters(generator: Generator) -> list[Adapter]:
  """A file for every network that the class loads: for photons and electrons one below and one
  above a momentum of 4096 MeV.

  Raises:
    ValueError: layers that are no voxels of FastCaloSim, or a training without particles like
      those.
  """
  geometry = generator.geometry
  _check(geometry)
  check_centre('fastcalosim', generator)
  particle = next((name for name in PARTICLES if name in geometry.name), 'electron')
  return [_adapter(generator, particle, network) for network in PARTICLES[particle][2]]


def _check(geometry: Geometry) -> None:
  """Raises ValueError if a layer is not one of voxels in r and alpha that the class reads as it
  is.
  """
  for number, layer in enumerate(geometry.layers):
    if not isinstance(layer, PolarLayer):
      raise ValueError(
        f'the adapter fastcalosim needs layers of rings and angles; those of {geometry.name} '
        'have cells in x and y'
      )
    if len(layer.edges) == 2:
      raise ValueError(
        f'the adapter fastcalosim: layer {number} of {geometry.name} has a single ring, '
        'which FastCaloSim takes for no layer'
      )
    if layer.angles == VARIABLE:
      raise ValueError(
        f'the adapter fastcalosim: layer {number} of {geometry.name} has {VARIABLE} angles, '
        'which FastCaloSim takes for a number that depends on the ring'
      )


def _adapter(generator: Generator, particle: str, network: str) -> Adapter:
  """The file of one network."""
  geometry, latent = generator.geometry, generator.latent
  _, mass, networks = PARTICLES[particle]
  # The class knows a network by its range of momenta, and scales kinetic energies by it.
  low, high = (math.hypot(2.0**exponent, mass) - mass for exponent in networks[network])
  scale = math.log(high / low)

  def decode(noise, condition):
    energy = low * jnp.exp(condition[:, 0] * scale)
    return (noise - MEAN) / SPREAD, energy, *at_centre(energy, geometry)

  def encode(energies, energy):
    voxels = [
      # Ours have the angle as the slower index, the class the ring.
      jnp.swapaxes(image, 1, 2).reshape(-1, layer.cells)
      for image, layer in zip(geometry.split(energies), geometry.layers)
    ]
    return jnp.concatenate(voxels, 1) / energy[:, None]

  def draw(noise, conditions, rng):
    return (MEAN + SPREAD * noise).astype(np.float32), (
      np.log(conditions.energy[:, None] / low) / scale
    ).astype(np.float32)

  return Adapter(
    file=f'fastcalosim.{network}.onnx',
    framework='fastcalosim',
    inputs={'Noise': (latent,), 'mycond': (1,)},
    output='out',
    decode=decode,
    encode=encode,
    draw=draw,
    fraction=True,
    described=_described(geometry, latent, particle, network, (low, high)),
  )


def _described(
  geometry: Geometry, latent: int, particle: str, network: str, ends: tuple[float, float]
) -> dict[str, Any]:
  """What a user has to know."""
  pid, low, high = PARTICLES[particle][0], *ends
  return {
    'class': 'FastCaloSim TFCSGANEtaSlice, TFCSONNXHandler',
    'inputs': {
      'Noise': f'[batch, {latent}]: normal, mean {MEAN}, standard deviation {SPREAD}',
      'mycond': (
        f'[batch, 1]: ln(E / {low:.6g} MeV) / ln({high:.8g} / {low:.6g}), E the kinetic energy'
      ),
    },
    'output': (
      f'out [batch, {geometry.cells}]: fractions of the kinetic energy, layer after layer; in a '
      'layer r slower than alpha, alpha from -pi'
    ),
    'particle': particle,
    'energy_min_mev': low,
    'energy_max_mev': high,
    'settings': [
      f'file name: neural_net_{pid}_eta_<low>_<high>_{network}.onnx',
      f'binning.xml: latentDim="{latent}", symmetriseAlpha="false"; r_edges and n_bin_alpha as '
      'the geometry of this model',
    ],
    'notes': [
      'FastCaloSim gives neither impact point nor direction: the showers are perpendicular, at '
      'the centre of the voxels',
      'both networks of a photon or electron must be there; FastCaloSim takes UltraLow12 up to '
      'a momentum of 4096 MeV'
      if network != 'All'
      else 'the network of all momenta',
      f'the particle is told by the name of the geometry, {geometry.name}',
    ],
  }
