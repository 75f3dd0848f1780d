"""DDML, machine learning in DD4hep simulations (github.com/key4hep/DDML, classes
RegularGridGANModel and ONNXInference).

Latent variables and the energy in GeV in; cells of equal Cartesian layers out, in MeV.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from calojax.export.adapters.adapter import Adapter, at_centre, check_centre, uniform_stack
from calojax.geometry import Layer, PolarLayer
from calojax.training.trained import Generator
from calojax.units import GEV

# The shape that RegularGridGANModel gives its first tensor, whatever LatentVectorSize is.
LATENT = 100
LAST = 1 - 2.0**-24  # the largest float32 below 1
# Coefficients of w - 2.5 for w < 5, and of sqrt(w) - 3 for the tails (Giles 2012, "Approximating
# the erfinv function", single precision).
MIDDLE = (
  2.81022636e-08,
  3.43273939e-07,
  -3.5233877e-06,
  -4.39150654e-06,
  2.1858087e-04,
  -1.25372503e-03,
  -4.17768164e-03,
  0.246640727,
  1.50140941,
)
TAIL = (
  -2.00214257e-04,
  1.00950558e-04,
  1.34934322e-03,
  -3.67342844e-03,
  5.73950773e-03,
  -7.6224613e-03,
  9.43887047e-03,
  1.00167406,
  2.83297682,
)


def adapters(generator: Generator) -> list[Adapter]:
  """The file `ddml.onnx`.

  Raises:
    ValueError: layers that do not make a regular grid, or a training without particles like DDML's.
  """
  geometry, latent = generator.geometry, generator.latent
  first = geometry.layers[0]
  if isinstance(first, PolarLayer):
    raise ValueError(
      f'the adapter ddml needs layers of cells in x and y; those of {geometry.name} have rings '
      'and angles'
    )
  uniform_stack('ddml', geometry)  # so that all layers are what the first is
  check_centre('ddml', generator)
  # More inputs than are used do no harm; fewer would leave noise out.
  width = max(LATENT, latent)

  def decode(z, energy):
    incident = energy[:, 0, 0, 0, 0] * GEV
    return normal(z[:, :latent, 0, 0, 0]), incident, *at_centre(incident, geometry)

  def draw(noise, conditions, rng):
    uniform = rng.uniform(-1, 1, (len(noise), width, 1, 1, 1))
    return uniform.astype(np.float32), (conditions.energy / GEV).reshape(-1, 1, 1, 1, 1).astype(
      np.float32
    )

  depth = len(geometry.layers)
  return [
    Adapter(
      file='ddml.onnx',
      framework='ddml',
      inputs={'z': (width, 1, 1, 1), 'E': (1, 1, 1, 1)},
      output='energies',
      decode=decode,
      encode=lambda energies, energy: energies.reshape(-1, depth, *first.shape),
      draw=draw,
      fraction=False,
      described=_described(first, depth, latent, width),
    )
  ]


def normal(uniform):
  """Standard normal variables of uniform ones from -1 to 1: sqrt(2) times the inverse error
  function.
  """
  # At +-1 itself the normal variable is infinite.
  u = jnp.clip(uniform, -LAST, LAST)
  # (1 - u)(1 + u), not 1 - u^2: close to +-1 the square has lost what is left over.
  w = -jnp.log((1 - u) * (1 + u))
  middle, tail = (
    _polynomial(numbers, x)
    for numbers, x in ((MIDDLE, w - 2.5), (TAIL, jnp.sqrt(jnp.maximum(w, 5.0)) - 3))
  )
  return jnp.where(w < 5, middle, tail) * u * np.float32(np.sqrt(2))


def _polynomial(numbers, x):
  """The polynomial with these coefficients, that of the highest power first."""
  result = jnp.full_like(x, numbers[0])
  for number in numbers[1:]:
    result = result * x + number
  return result


def _described(first: Layer, layers: int, latent: int, width: int) -> dict[str, Any]:
  """What a user has to know of a stack of layers like the first."""
  settings = {
    'ModelPath': 'ddml.onnx',
    'LatentVectorSize': width,
    'NCellsX': first.shape[0],
    'NCellsY': first.shape[1],
    'NCellsZ': layers,
    'CellSizeX': first.pitch[0],
    'CellSizeY': first.pitch[1],
    'CorrectForAngles': False,
  }
  notes = [
    'RegularGridGANModel gives neither impact point nor direction: the showers are '
    'perpendicular, at the centre of the cells',
    'DDML puts layer i into layer i of the detector, which must be like this calorimeter: '
    f'{layers} layers',
  ]
  if width > LATENT:
    notes.append(
      f'RegularGridGANModel gives its first tensor the shape [1, {LATENT}, 1, 1, 1]: change '
      f'm_tensDims to [1, {width}, 1, 1, 1]'
    )
  elif latent < LATENT:
    notes.append(
      f'the first {latent} of the {LATENT} variables are used; RegularGridGANModel always gives '
      f'{LATENT}'
    )
  for axis, count, pitch in zip('xy', first.shape, first.pitch):
    if count % 2:
      notes.append(
        f'RegularGridGANModel puts cell i at (i - {count // 2} + 0.5) cells, which for an odd '
        f'number of cells is half a cell ({pitch / 2:g} mm) too far along {axis}'
      )
  return {
    'class': 'DDML RegularGridGANModel, ONNXInference',
    'inputs': {
      'z': f'[batch, {width}, 1, 1, 1]: uniform from -1 to 1',
      'E': '[batch, 1, 1, 1, 1]: kinetic energy, GeV',
    },
    'output': (
      f'energies [batch, {layers}, {first.shape[0]}, {first.shape[1]}]: MeV, deposited in the '
      'cells; layer, x, y'
    ),
    'settings': [f'model.{name} = {value!r}' for name, value in settings.items()],
    'notes': notes,
  }
