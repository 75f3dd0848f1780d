"""A jaxpr without calls, and with all that depends on constants alone computed."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

CALLS = (
  'jit',
  'pjit',
  'closed_call',
  'core_call',
  'remat',
  'remat2',
  'checkpoint',
  'custom_jvp_call',
  'custom_vjp_call',
)
OF_BATCH = 'dim_as_value'  # has no sources, yet is no constant
KEPT = 'broadcast_in_dim'  # of a constant: it is not carried out, so that a bias stays a vector


class Equation(NamedTuple):
  """One primitive; arrays are named by numbers."""

  primitive: Any
  parameters: dict[str, Any]
  sources: tuple[int, ...]
  results: tuple[int, ...]
  outputs: tuple[Any, ...]  # abstract values of the results


@dataclasses.dataclass
class Flat:
  """Equations in order, and the constants and the arrays so far by number."""

  equations: list[Equation] = dataclasses.field(default_factory=list)
  constants: dict[int, Any] = dataclasses.field(default_factory=dict)
  count: int = 0

  def number(self, array: Any = None) -> int:
    """A new number, of a constant if an array is given."""
    self.count += 1
    if array is not None:
      self.constants[self.count] = array
    return self.count


def flatten(closed: Any) -> tuple[Flat, list[int], int]:
  """The equations of a closed jaxpr with one result, the numbers of its inputs and that of its
  result.
  """
  flat = Flat()
  inputs = [flat.number() for _ in closed.jaxpr.invars]
  (result,) = _inline(flat, closed.jaxpr, closed.consts, inputs)
  return fold(flat), inputs, result


def _inline(flat: Flat, jaxpr: Any, consts: Any, inputs: list[int]) -> list[int]:
  """Appends the equations of a jaxpr and returns the numbers of its results."""
  numbers = dict(zip(jaxpr.constvars, map(flat.number, consts))) | dict(zip(jaxpr.invars, inputs))
  read = lambda atom: (
    flat.number(np.asarray(atom.val, atom.aval.dtype)) if hasattr(atom, 'val') else numbers[atom]
  )
  for equation in jaxpr.eqns:
    sources, parameters = [read(atom) for atom in equation.invars], equation.params
    if equation.primitive.name in CALLS:
      # JAX names the inner program differently from call to call.
      inner = next(
        parameters[key] for key in ('jaxpr', 'call_jaxpr', 'fun_jaxpr') if key in parameters
      )
      results = _inline(flat, getattr(inner, 'jaxpr', inner), getattr(inner, 'consts', ()), sources)
    else:
      results = [flat.number() for _ in equation.outvars]
      outputs = tuple(variable.aval for variable in equation.outvars)
      flat.equations.append(
        Equation(equation.primitive, parameters, tuple(sources), tuple(results), outputs)
      )
    numbers.update(zip(equation.outvars, results))
  return [read(atom) for atom in jaxpr.outvars]


def fold(flat: Flat) -> Flat:
  """The equations that depend on inputs; what the others give is computed, in one program, and
  constant.
  """
  # Batch statistics, spectral norms and all else that a trained network knows beforehand are
  # computed here, once, and not in every call of the file.
  known, fixed, rest = set(flat.constants), [], []
  for equation in flat.equations:
    static = all(isinstance(n, int) for out in equation.outputs for n in out.shape)
    if static and equation.primitive.name != OF_BATCH and known.issuperset(equation.sources):
      fixed.append(equation)
      known.update(equation.results)
    if not known.issuperset(equation.results) or equation.primitive.name == KEPT:
      rest.append(equation)
  spread = {
    number for equation in fixed if equation.primitive.name == KEPT for number in equation.results
  }
  wanted = (
    {number for equation in rest for number in equation.sources if number in known}
    - spread
    - set(flat.constants)
  )
  constants = dict(flat.constants)
  # One compiled program, not one for each primitive.
  if wanted:
    order = sorted(wanted)
    constants |= dict(
      zip(order, jax.jit(lambda given: _evaluate(fixed, given, order))(flat.constants))
    )
  return Flat(rest, {number: np.asarray(array) for number, array in constants.items()}, flat.count)


def _evaluate(equations: list[Equation], given: dict[int, Any], wanted: list[int]) -> list[Any]:
  """The arrays that these equations give."""
  arrays = dict(given)
  for equation in equations:
    results = equation.primitive.bind(
      *(arrays[number] for number in equation.sources), **equation.parameters
    )
    arrays.update(
      zip(equation.results, results if equation.primitive.multiple_results else [results])
    )
  return [arrays[number] for number in wanted]
