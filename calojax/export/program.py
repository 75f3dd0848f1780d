"""A trained generator as one pure function with its weights inside, and that function as
StableHLO.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from jax import export

from calojax.models import convolutions
from calojax.showers import Condition
from calojax.training.trained import Generator

PLATFORMS = ('cpu', 'cuda')
OUTPUT = 'energies'

Generate = Callable[..., jax.Array]


def function(generator: Generator) -> Generate:
  """`(noise [b, latent], energy [b], position [b, 2], direction [b, 3]) -> energies [b, v]` in MeV
  and mm, averaged weights inside.
  """
  variables = jax.device_put(generator.variables)

  def generate(noise, energy, position, direction):
    return generator.method.sample(variables, noise, Condition(energy, position, direction))

  return generate


def inputs(latent: int) -> dict[str, jax.ShapeDtypeStruct]:
  """Shape and dtype of the inputs by name, with a symbolic batch size."""
  (batch,) = export.symbolic_shape('batch')
  shapes = {
    'noise': (batch, latent),
    'energy': (batch,),
    'position': (batch, 2),
    'direction': (batch, 3),
  }
  return {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes.items()}


def reads(generate: Generate, latent: int) -> list[str]:
  """Names of the inputs that the result depends on."""
  specifications = inputs(latent)
  jaxpr = jax.make_jaxpr(generate)(*specifications.values()).jaxpr
  # By identity: an operand can be a literal, which need not have a hash.
  needed = {id(jaxpr.outvars[0])}
  for equation in reversed(jaxpr.eqns):
    if any(id(variable) in needed for variable in equation.outvars):
      needed |= {id(atom) for atom in equation.invars}
  return [name for name, variable in zip(specifications, jaxpr.invars) if id(variable) in needed]


def stablehlo(generate: Generate, latent: int) -> bytes:
  """The function as serialised StableHLO of any batch size, for the `PLATFORMS`."""
  with _without_locations(), convolutions.portable():
    program = export.export(jax.jit(generate), platforms=PLATFORMS)(*inputs(latent).values())
    return bytes(program.serialize())


@contextlib.contextmanager
def _without_locations() -> Iterator[None]:
  """JAX writes no source locations into programs: they would tell the paths of the exporting
  machine, and the same generator would give another file from another folder.
  """
  name = 'jax_traceback_in_locations_limit'
  before = getattr(jax.config, name)
  jax.config.update(name, 0)
  try:
    yield
  finally:
    jax.config.update(name, before)
