"""Rules of primitives that act on every number by itself: `(graph, outputs, parameters, *values) ->
values`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from calojax.export.graph import Graph, Unsupported, Value, constant, loose, node, tensor, weight

Rule = Callable[..., list[Value]]


def each(build: Callable[..., str]) -> Rule:
  """A rule for arrays of one shape, or scalars, from `build(graph, *tensors) -> tensor`."""

  def rule(graph: Graph, outputs: Any, parameters: dict[str, Any], *values: Value) -> list[Value]:
    shape = outputs[0].shape
    held = [(1,) * (len(shape) - len(value.held)) + value.held for value in values]
    widest = tuple(next((n for n in sizes if n != 1), 1) for sizes in zip(*held))
    return [tensor(build(graph, *(loose(graph, value) for value in values)), shape, widest)]

  return rule


def simple(kind: str) -> Rule:
  """A rule for a primitive that is one elementwise node."""
  return each(lambda graph, *names: node(graph, kind, *names))


def number(graph: Graph, value: float) -> str:
  """The name of a constant float32 scalar."""
  return weight(graph, np.float32(value))


def ne(graph: Graph, x: str, y: str) -> str:
  """Not of Equal; ONNX has no node for it."""
  return node(graph, 'Not', node(graph, 'Equal', x, y))


def rsqrt(graph: Graph, x: str) -> str:
  """1 / sqrt(x); ONNX has no reciprocal root."""
  return node(graph, 'Reciprocal', node(graph, 'Sqrt', x))


def expm1(graph: Graph, x: str) -> str:
  """e^x - 1 = tanh(x / 2) (e^x + 1): as exact for small x as elsewhere, and 0 at 0."""
  # ONNX has no expm1, and e^x - 1 of a faint cell would be rounding only.
  half = node(graph, 'Tanh', node(graph, 'Mul', x, number(graph, 0.5)))
  return node(graph, 'Mul', half, node(graph, 'Add', node(graph, 'Exp', x), number(graph, 1)))


def log1p(graph: Graph, x: str) -> str:
  """ln(1 + x) = x ln(u) / (u - 1) with u = 1 + x rounded (Kahan): the rounding cancels."""
  # ONNX has no log1p either, and ln(1 + x) itself loses the digits of a small x.
  one = number(graph, 1)
  u = node(graph, 'Add', x, one)
  lost = node(graph, 'Equal', u, one)
  beyond = node(graph, 'Where', lost, one, node(graph, 'Sub', u, one))
  return node(
    graph,
    'Where',
    lost,
    x,
    node(graph, 'Mul', node(graph, 'Log', u), node(graph, 'Div', x, beyond)),
  )


def atan2(graph: Graph, y: str, x: str) -> str:
  """The angle of (x, y), 0 at the origin; ONNX has the arc tangent of a quotient only."""
  zero = number(graph, 0)
  # The quotient is kept from 0 / 0; a y of 0 with x < 0 gives pi, as atan2 does.
  nowhere = node(graph, 'And', node(graph, 'Equal', x, zero), node(graph, 'Equal', y, zero))
  slope = node(graph, 'Div', y, node(graph, 'Where', nowhere, number(graph, 1), x))
  turn = node(
    graph, 'Where', node(graph, 'Less', y, zero), number(graph, -math.pi), number(graph, math.pi)
  )
  behind = node(graph, 'Where', node(graph, 'Less', x, zero), turn, zero)
  return node(graph, 'Add', node(graph, 'Atan', slope), behind)


def integer_pow(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
  """Pow, the exponent a constant of the type of the numbers."""
  return simple('Pow')(graph, outputs, {}, x, constant(np.float32(parameters['y'])))


def maximum(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, y: Value
) -> list[Value]:
  """Max, and Relu of zero: runtimes can fuse that one with the product before it."""
  if y.array is not None and not y.array.any():
    return [tensor(node(graph, 'Relu', loose(graph, x)), x.shape, x.held)]
  return simple('Max')(graph, outputs, parameters, x, y)


def select_n(
  graph: Graph, outputs: Any, parameters: dict[str, Any], which: Value, *cases: Value
) -> list[Value]:
  """Where, whose cases stand the other way round: JAX has that of False first."""
  if len(cases) != 2:
    raise Unsupported(f'select_n of {len(cases)} cases')
  return simple('Where')(graph, outputs, parameters, which, cases[1], cases[0])


def convert(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
  """Cast; a network that computes in half precision is refused, not silently widened."""
  from onnx import helper

  wanted = np.dtype(parameters['new_dtype'])
  if str(wanted) not in ('float32', 'int32', 'int64', 'bool'):
    raise Unsupported(f'arithmetic in {wanted}: only float32 networks are exported to ONNX')
  return [
    tensor(
      node(graph, 'Cast', loose(graph, x), to=helper.np_dtype_to_tensor_dtype(wanted)),
      x.shape,
      x.held,
    )
  ]


def same(graph: Graph, outputs: Any, parameters: dict[str, Any], *values: Value) -> list[Value]:
  """The values as they are: what only tells JAX how to differentiate or to schedule."""
  return list(values)
