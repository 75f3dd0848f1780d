"""A generator in the clothes of another program: what its inputs are made of, and what its outputs
become.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from calojax.export import parity, program
from calojax.geometry import Geometry, PolarLayer
from calojax.inference import runtimes
from calojax.inference.sidecar import ranges_of
from calojax.showers import Condition
from calojax.training.trained import Generator

OPSET = 17


class Adapter(NamedTuple):
  """The convention of one model file of one framework.

  Attributes:
    file: name of the file.
    framework: the file's format in the sidecar.
    inputs: shape by name, without the batch, in the order that the framework gives them.
    output: its name.
    decode: `(*inputs) -> noise [b, latent], energy [b], position [b, 2], direction [b, 3]`, in MeV
      and mm, in JAX.
    encode: `(energies [b, v], energy [b]) -> outputs [b, ...]`, in JAX.
    draw: `(noise, conditions, rng) -> inputs` in NumPy, as the framework would draw them for these
      particles.
    fraction: whether the outputs are energies over the incident energy, else they are in MeV.
    described: what a user of the framework has to know, for the sidecar and the card.
  """

  file: str
  framework: str
  inputs: dict[str, tuple[int, ...]]
  output: str
  decode: Callable[..., tuple[jax.Array, ...]]
  encode: Callable[[jax.Array, jax.Array], jax.Array]
  draw: Callable[[np.ndarray, Condition, np.random.Generator], tuple[np.ndarray, ...]]
  fraction: bool
  described: dict[str, Any]


def adapted(adapter: Adapter, generate: program.Generate) -> Callable[..., jax.Array]:
  """The generator as a function of the framework's inputs."""

  def function(*inputs):
    noise, energy, position, direction = adapter.decode(*inputs)
    return adapter.encode(generate(noise, energy, position, direction), energy)

  return function


def model_file(adapter: Adapter, generate: program.Generate) -> bytes:
  """The ONNX file, of any batch size.

  Raises:
    Unsupported: ONNX cannot express the generator.
  """
  from calojax.export import onnx_file

  (batch,) = export.symbolic_shape('batch')
  shapes = {
    name: jax.ShapeDtypeStruct((batch, *shape), jnp.float32)
    for name, shape in adapter.inputs.items()
  }
  return onnx_file.model(
    onnx_file.translate(adapted(adapter, generate), shapes, adapter.output), OPSET
  ).SerializeToString()


def compare(
  adapter: Adapter,
  generate: program.Generate,
  path: str,
  drawn: parity.Draws,
  seed: int,
) -> dict[str, Any]:
  """The parity of a written file with the generator as JAX runs it, both given the framework's
  inputs for these draws.

  Raises:
    ValueError: they differ by more than the tolerance.
  """
  inputs = adapter.draw(*drawn, np.random.default_rng(seed))
  expected, found = (
    parity.in_pieces(run, *inputs) for run in (jax.jit(adapted(adapter, generate)), _runner(path))
  )
  energy = drawn.conditions.energy
  # A fraction has no scale of its own: it is off by as much of 1 as an energy of the incident one.
  incident = np.ones_like(energy) if adapter.fraction else energy
  flat = (len(energy), -1)
  return parity.compare(
    expected.reshape(flat), found.reshape(flat), incident, parity.TOLERANCES['onnx'], adapter.file
  )


def _runner(path: str) -> Callable[..., np.ndarray]:
  """A model file in onnxruntime, the inputs in its own order as the frameworks give them."""
  session = runtimes.onnx_session(path)
  names = [each.name for each in session.get_inputs()]
  return lambda *arrays: session.run(None, dict(zip(names, arrays)))[0]


def centre(geometry: Geometry) -> tuple[float, float]:
  """X and y of the cells' centre, mm."""
  first = geometry.layers[0]
  return (0.0, 0.0) if isinstance(first, PolarLayer) else first.centre


def at_centre(energy: jax.Array, geometry: Geometry) -> tuple[jax.Array, jax.Array]:
  """Position `[b, 2]` and direction `[b, 3]` of particles that meet the centre of the cells,
  perpendicular.
  """
  one = jnp.ones_like(energy)
  x, y = centre(geometry)
  return jnp.stack([x * one, y * one], 1), jnp.stack([0 * one, 0 * one, one], 1)


def check_centre(framework: str, generator: Generator) -> None:
  """Raises ValueError if the training had no particles around the one that the framework means:
  perpendicular, at the cells' centre.
  """
  ranges = ranges_of(*generator.spectrum)
  for name, value in zip(('x', 'y', 'dx/dz', 'dy/dz'), (*centre(generator.geometry), 0.0, 0.0)):
    low, high = ranges[name]
    if not low - 1e-3 <= value <= high + 1e-3:
      raise ValueError(
        f'the adapter {framework} makes showers of perpendicular particles at the centre of the '
        f'cells, with {name} = {value:g}; this generator was trained on {name} from {low:g} to '
        f'{high:g}'
      )


def uniform_stack(framework: str, geometry: Geometry) -> None:
  """Raises ValueError if the layers are not all divided into the same cells."""
  kinds = {
    (layer.shape, layer.edges)
    if isinstance(layer, PolarLayer)
    else (layer.shape, layer.pitch, layer.centre)
    for layer in geometry.layers
  }
  if len(kinds) > 1:
    grids = ', '.join(sorted({f'{a}x{b}' for a, b in geometry.grids}))
    raise ValueError(
      f'the adapter {framework} needs layers that are all alike; those of {geometry.name} '
      f'differ: grids {grids}' + ('' if ',' in grids else ' of other cell sizes')
    )
