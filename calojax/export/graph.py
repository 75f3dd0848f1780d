"""An ONNX graph under construction, and the values that flow in it.

A broadcast is not carried out before a node needs it: ONNX's elementwise nodes broadcast by
themselves, so that a bias stays a vector.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Unsupported(ValueError):
  """A program that this exporter cannot express in ONNX."""


class Product(NamedTuple):
  """A product with a constant kernel that waits for what is multiplied with or added to its
  channels.

  Attributes:
    kernel: `[..., co]`, float64.
    bias: `[co]`, float64.
    axis: of the result's channels.
    nodes: `(kernel, bias) -> tensor`: adds the nodes.
  """

  kernel: np.ndarray
  bias: np.ndarray
  axis: int
  nodes: Callable[[np.ndarray, np.ndarray], str]


class Value(NamedTuple):
  """An array of the program.

  Attributes:
    shape: of the program's array; a dimension is an integer or a multiple of the symbolic batch
      size.
    held: the shape that is stored, of the same rank: 1 where it is still to be broadcast.
    array: the stored numbers of a constant, else None.
    name: of the tensor that holds it; None of a constant and of a product.
    product: what gives the numbers, if no node does yet.
  """

  shape: tuple[Any, ...]
  held: tuple[Any, ...]
  array: np.ndarray | None = None
  name: str | None = None
  product: Product | None = None


@dataclasses.dataclass
class Graph:
  """Nodes in order and weights by name; `batch` is the symbolic batch size, `counted` a tensor that
  has it as its first dimension.
  """

  batch: Any
  counted: str
  nodes: list[Any] = dataclasses.field(default_factory=list)
  weights: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
  known: dict[Any, str] = dataclasses.field(default_factory=dict)


def constant(array: Any) -> Value:
  """A constant as a value."""
  array = np.asarray(array)
  return Value(array.shape, array.shape, array=array)


def node(graph: Graph, kind: str, *inputs: str, **attributes: Any) -> str:
  """Adds a node of one output and returns the output's name."""
  return nodes(graph, kind, inputs, 1, **attributes)[0]


def nodes(
  graph: Graph, kind: str, inputs: tuple[str, ...], outputs: int, **attributes: Any
) -> list[str]:
  """Adds a node and returns the names of its outputs."""
  from onnx import helper

  # Numbered by the nodes so far: the same generator gives the same file.
  names = [f't{len(graph.nodes)}_{i}' if i else f't{len(graph.nodes)}' for i in range(outputs)]
  graph.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
  return names


def weight(graph: Graph, array: Any) -> str:
  """The name of a constant tensor; equal small ones are stored once."""
  array = np.asarray(array)
  if str(array.dtype) not in ('float32', 'int32', 'int64', 'bool', 'float64'):
    raise Unsupported(f'a constant of {array.dtype}: only float32 networks are exported to ONNX')
  # Shapes and axes come again and again; kernels do not, and hashing them would take longer than it
  # saves.
  key = (str(array.dtype), array.shape, array.tobytes()) if array.size <= 64 else None
  if key is None or key not in graph.known:
    name = f'w{len(graph.weights)}'
    graph.weights[name] = array
    if key is None:
      return name
    graph.known[key] = name
  return graph.known[key]


def integers(graph: Graph, values: Any) -> str:
  """The name of a constant vector of integers."""
  return weight(graph, np.asarray(values, np.int64))


def loose(graph: Graph, value: Value) -> str:
  """The tensor as it is held, for a node that broadcasts by itself."""
  if value.product:
    return value.product.nodes(value.product.kernel, value.product.bias)
  return weight(graph, value.array) if value.name is None else value.name


def settled(graph: Graph, value: Value) -> Value:
  """The value, a product now carried out."""
  return tensor(loose(graph, value), value.shape) if value.product else value


def full(graph: Graph, value: Value) -> str:
  """The tensor of the whole shape."""
  if value.held == value.shape:
    return loose(graph, value)
  # Only where a node needs all numbers, as a convolution does.
  return node(graph, 'Expand', loose(graph, value), extents(graph, value.shape))


def static(value: Value) -> np.ndarray | None:
  """The whole array of a constant, None if it is none or its shape depends on the batch."""
  if value.array is None or any(not isinstance(n, int) for n in value.shape):
    return None
  return np.broadcast_to(value.array, value.shape)


def multiple(graph: Graph, size: Any) -> int:
  """How many times the batch size a symbolic dimension is.

  Raises:
    Unsupported: it is no multiple.
  """
  # JAX's symbolic dimensions are polynomials of the batch size: the quotient can be one too.
  times = size // graph.batch
  if not isinstance(times, int) or times * graph.batch != size:
    raise Unsupported(f'a dimension of {size} is no multiple of the batch size {graph.batch}')
  return times


def extents(graph: Graph, shape: tuple[Any, ...]) -> str:
  """A vector of integers: the shape, with the batch size of the moment."""
  if all(isinstance(n, int) for n in shape):
    return integers(graph, shape)
  # Asked of an input when the program runs: the batch size is not known before.
  batch = node(
    graph, 'Slice', node(graph, 'Shape', graph.counted), integers(graph, [0]), integers(graph, [1])
  )
  sizes = [
    integers(graph, [n])
    if isinstance(n, int)
    else node(graph, 'Mul', batch, integers(graph, [multiple(graph, n)]))
    for n in shape
  ]
  return node(graph, 'Concat', *sizes, axis=0)


def reshape(graph: Graph, name: str, shape: tuple[Any, ...]) -> str:
  """The tensor in another shape.

  Raises:
    Unsupported: two dimensions of the shape depend on the batch.
  """
  open_ended = [n for n in shape if not isinstance(n, int)]
  # ONNX's Reshape can find out one dimension, by -1.
  if len(open_ended) > 1:
    raise Unsupported(f'a reshape to {shape}: more than one dimension depends on the batch')
  if not open_ended:
    return node(graph, 'Reshape', name, integers(graph, shape))
  multiple(graph, open_ended[0])
  return node(
    graph, 'Reshape', name, integers(graph, [n if isinstance(n, int) else -1 for n in shape])
  )


def transpose(graph: Graph, name: str, order: Any) -> str:
  """The tensor with its axes in another order."""
  order = [int(i) for i in order]
  return name if order == sorted(order) else node(graph, 'Transpose', name, perm=order)


def tensor(name: str, shape: tuple[Any, ...], held: tuple[Any, ...] | None = None) -> Value:
  """A value that a node has made."""
  return Value(tuple(shape), tuple(shape if held is None else held), name=name)
