"""Geant4's example Par04 (examples/extended/parameterisations/Par04, classes Par04InferenceSetup
and Par04OnnxInference).

One vector in: latent variables, energy, angle, geometry. A cylindrical mesh out, whose axis is the
particle, as fractions of its energy.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from calojax.export.adapters import rings
from calojax.export.adapters.adapter import Adapter, at_centre, centre, check_centre, uniform_stack
from calojax.geometry import Geometry, PolarLayer
from calojax.inference.sidecar import ranges_of
from calojax.showers import Condition
from calojax.training.trained import Generator

MAX_ENERGY = 1_024_000.0  # MeV, fMaxEnergy of Par04InferenceSetup
MAX_ANGLE = 90.0  # degrees, fMaxAngle
CONDITIONS = 4
# The geometry of these sets has no depths; they were simulated with this very example
# (common_settings_highgran.mac).
THICKNESS = {'calochallenge_2': 3.4, 'calochallenge_3': 3.4}


def adapters(generator: Generator) -> list[Adapter]:
  """The file `par04.onnx`.

  Raises:
    ValueError: layers that do not make a mesh of equal cells, or a training without particles like
      Par04's.
  """
  geometry, latent = generator.geometry, generator.latent
  uniform_stack('par04', geometry)
  _check_spacing(geometry)
  check_centre('par04', generator)
  inclined = _inclined(generator.spectrum)

  def decode(vector):
    energy = vector[:, latent] * MAX_ENERGY
    return (
      vector[:, :latent],
      energy,
      *(_aimed(vector[:, latent + 1], geometry) if inclined else at_centre(energy, geometry)),
    )

  def draw(noise, conditions, rng):
    theta = np.degrees(np.arccos(-conditions.direction[:, 0]))
    zero = np.zeros_like(conditions.energy)
    columns = (conditions.energy / MAX_ENERGY, theta / MAX_ANGLE, zero, zero + 1)
    return (np.concatenate([noise, np.stack(columns, 1)], 1).astype(np.float32),)

  to_mesh = _to_mesh(geometry)
  return [
    Adapter(
      file='par04.onnx',
      framework='par04',
      inputs={'input': (latent + CONDITIONS,)},
      output='fractions',
      decode=decode,
      encode=lambda energies, energy: to_mesh(energies) / energy[:, None],
      draw=draw,
      fraction=True,
      described=_described(geometry, latent, inclined),
    )
  ]


def _inclined(spectrum: Condition) -> bool:
  """Whether the training had particles at an angle, so that Par04's angle means something."""
  ranges = ranges_of(*spectrum)
  return max(abs(end) for name in ('dx/dz', 'dy/dz') for end in ranges[name]) > 1e-3


def _check_spacing(geometry: Geometry) -> None:
  """Raises ValueError if rings or layers are not equally spaced."""
  first = geometry.layers[0]
  if isinstance(first, PolarLayer) and not np.allclose(
    first.edges, np.linspace(0, first.edges[-1], len(first.edges)), atol=1e-3
  ):
    raise ValueError(
      f'the adapter par04 needs rings of equal width from the axis on; those of {geometry.name} '
      'have the edges '
      f'{first.edges}'
    )
  steps = np.diff([layer.depth for layer in geometry.layers])
  if len(steps) and not np.allclose(steps, steps[0]):
    raise ValueError(
      f'the adapter par04 needs layers at equal distances; those of {geometry.name} are '
      f'{np.unique(steps.round(6))} mm apart'
    )


def _aimed(angle, geometry: Geometry):
  """Position and direction of particles of Par04's polar angle over 90 degrees, on their way
  through the middle of the cells.

  Par04's calorimeter is a barrel: the angle is to the beam, so that 1 is perpendicular. In the
  frame of its mesh, whose x points to growing polar angles, the particle goes along (-cos, 0, sin)
  of the angle.
  """
  theta = angle * math.radians(MAX_ANGLE)
  cosine, sine = jnp.cos(theta), jnp.sin(theta)
  middle, (x, y) = float(np.mean([layer.depth for layer in geometry.layers])), centre(geometry)
  position = jnp.stack([x + middle * cosine / sine, y + 0 * cosine], 1)
  return position, jnp.stack([-cosine, 0 * cosine, sine], 1)


def _mesh(geometry: Geometry) -> dict[str, Any]:
  """Numbers of cells, and their sizes in mm; the thickness of a layer is None where the geometry
  has no depths.
  """
  first, depths = geometry.layers[0], [layer.depth for layer in geometry.layers]
  if isinstance(first, PolarLayer):
    count, width, angles = len(first.edges) - 1, first.edges[1], first.angles
    thickness = THICKNESS.get(geometry.name)
  else:
    (count, width), angles = rings.rings(first), rings.ANGLES
    # Par04 puts a layer's energy into its middle: a single layer becomes twice as thick as it is
    # deep.
    thickness = depths[1] - depths[0] if len(depths) > 1 else 2 * depths[0]
  return {'rho': count, 'phi': angles, 'z': len(depths), 'rho_mm': width, 'z_mm': thickness}


def _to_mesh(geometry: Geometry):
  """`energies [b, v] -> [b, R * phi * z]`, the layer being the fastest index and the ring the
  slowest.
  """
  first, depth = geometry.layers[0], len(geometry.layers)
  if isinstance(first, PolarLayer):
    return lambda energies: jnp.transpose(
      energies.reshape(-1, depth, *first.shape), (0, 3, 2, 1)
    ).reshape(-1, geometry.cells)
  sectors = rings.overlap(first)
  return lambda energies: jnp.swapaxes(
    energies.reshape(-1, depth, first.cells) @ sectors, 1, 2
  ).reshape(-1, depth * sectors.shape[1])


def _described(geometry: Geometry, latent: int, inclined: bool) -> dict[str, Any]:
  """What a user has to know."""
  mesh = _mesh(geometry)
  return {
    'class': 'Geant4 Par04InferenceSetup, Par04OnnxInference',
    'inputs': {
      'input': (
        f'[batch, {latent + CONDITIONS}]: {latent} standard normal variables; energy / '
        f'{MAX_ENERGY:g} MeV; polar angle / {MAX_ANGLE:g} degrees; two numbers for the geometry, '
        'without influence'
      )
    },
    'output': (
      f'fractions [batch, {mesh["rho"] * mesh["phi"] * mesh["z"]}]: of the incident energy, R '
      'slower than phi slower than z, phi from -pi'
    ),
    'mesh': mesh,
    'max_energy_mev': MAX_ENERGY,
    'max_angle_degrees': MAX_ANGLE,
    'settings': _settings(latent, mesh),
    'notes': _notes(geometry, latent, inclined),
  }


def _settings(latent: int, mesh: dict[str, Any]) -> list[str]:
  """The macro of Par04 with which it loads the file."""
  command = '/Par04/inference/'
  return [
    f'{command}setSizeLatentVector {latent}',
    f'{command}setSizeConditionVector {CONDITIONS}',
    f'{command}setModelPathName par04.onnx',
    f'{command}setInferenceLibrary ONNX',
    f'{command}setNbOfRhoCells {mesh["rho"]}',
    f'{command}setNbOfPhiCells {mesh["phi"]}',
    f'{command}setNbOfZCells {mesh["z"]}',
    f'{command}setSizeOfRhoCells {mesh["rho_mm"]:g} mm',
    f'{command}setSizeOfZCells {mesh["z_mm"]:g} mm'
    if mesh['z_mm']
    else f'# {command}setSizeOfZCells: thickness of a layer, which this geometry does not tell',
  ]


def _notes(geometry: Geometry, latent: int, inclined: bool) -> list[str]:
  """Where Par04's convention is not ours."""
  notes = [
    'energies are those deposited in the cells, not divided by the sampling fraction; Par04 '
    'multiplies with the incident energy',
    f'input {latent + 1} = 1 is perpendicular to the front face; the trajectory crosses the '
    'middle of the cells; Par04 sets the mesh along the particle, our cells lie in planes along '
    'the front face: exact for perpendicular particles only'
    if inclined
    else f'input {latent + 1} has no influence: the training had perpendicular particles only',
  ]
  if not isinstance(geometry.layers[0], PolarLayer):
    notes.append(
      'the square cells are divided among rings and angles by the area that they share: the '
      'energy is kept, the shape is smeared by the size of a sector, of which there are '
      f'{rings.ANGLES} in a ring'
    )
  return notes
