"""Rules of primitives that rearrange arrays or add up along their axes: `(graph, outputs,
parameters, *values) -> values`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calojax.export.elementwise import Rule
from calojax.export.graph import (
  Graph,
  Unsupported,
  Value,
  full,
  integers,
  loose,
  node,
  nodes,
  reshape,
  static,
  tensor,
  transpose,
)


def broadcast(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, *rest: Value
) -> list[Value]:
  """Nothing, as long as nobody needs the whole array: the value then has another shape than is
  held. Of a constant too, so that a bias stays a vector in the file.
  """
  shape, held = tuple(parameters['shape']), [1] * len(parameters['shape'])
  for axis, n in zip(parameters['broadcast_dimensions'], x.held):
    held[axis] = n
  held = tuple(held)
  if x.array is not None:
    return [Value(shape, held, array=x.array.reshape(held))]
  return [
    tensor(
      loose(graph, x) if held == x.held else reshape(graph, loose(graph, x), held), shape, held
    )
  ]


def reshaped(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, *rest: Value
) -> list[Value]:
  """Reshape."""
  if parameters.get('dimensions') is not None:
    raise Unsupported('a reshape that permutes')
  shape = tuple(outputs[0].shape)
  return [tensor(reshape(graph, full(graph, x), shape), shape)]


def transposed(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
  """Transpose, of what is held."""
  order = parameters['permutation']
  shape, held = (tuple(sizes[i] for i in order) for sizes in (x.shape, x.held))
  return [tensor(transpose(graph, loose(graph, x), order), shape, held)]


def concatenate(
  graph: Graph, outputs: Any, parameters: dict[str, Any], *values: Value
) -> list[Value]:
  """Concat."""
  return [
    tensor(
      node(graph, 'Concat', *(full(graph, v) for v in values), axis=parameters['dimension']),
      outputs[0].shape,
    )
  ]


def stack(graph: Graph, outputs: Any, parameters: dict[str, Any], *values: Value) -> list[Value]:
  """Concat of the arrays with a new axis each: ONNX has no Stack."""
  axis = parameters['axis']
  apart = [node(graph, 'Unsqueeze', full(graph, v), integers(graph, [axis])) for v in values]
  return [tensor(node(graph, 'Concat', *apart, axis=axis), outputs[0].shape)]


def split(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
  """Split."""
  names = nodes(
    graph,
    'Split',
    (full(graph, x), integers(graph, parameters['sizes'])),
    len(outputs),
    axis=parameters['axis'],
  )
  return [tensor(name, out.shape) for name, out in zip(names, outputs)]


def _cut(graph: Graph, x: Value, starts: Any, stops: Any, strides: Any) -> str:
  """The slice of a tensor along the axes that it is cut on."""
  # Only axes that are cut: of the batch's the end is not known.
  axes = [
    i for i, n in enumerate(x.shape) if not (starts[i] == 0 and stops[i] == n and strides[i] == 1)
  ]
  if not axes:
    return full(graph, x)
  columns = [[sizes[i] for i in axes] for sizes in (starts, stops, strides)]
  if not all(isinstance(n, (int, np.integer)) for column in columns for n in column):
    raise Unsupported(f'a slice of {x.shape} along the batch')
  lows, highs, steps = columns
  return node(
    graph,
    'Slice',
    full(graph, x),
    *(integers(graph, values) for values in (lows, highs, axes, steps)),
  )


def sliced(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
  """Slice along the axes that are cut."""
  strides = parameters['strides'] or (1,) * len(x.shape)
  return [
    tensor(
      _cut(graph, x, parameters['start_indices'], parameters['limit_indices'], strides),
      outputs[0].shape,
    )
  ]


def gather(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, indices: Value
) -> list[Value]:
  """A gather from one known place, which is how JAX slices where a dimension is symbolic."""
  # A known place makes it a slice, which runtimes have in one node.
  layout, place = parameters['dimension_numbers'], static(indices)
  if (
    place is None
    or place.ndim != 1
    or layout.operand_batching_dims
    or layout.offset_dims != tuple(range(len(outputs[0].shape)))
  ):
    raise Unsupported('gather from places that the program computes')
  starts = [0] * len(x.shape)
  for axis, start in zip(layout.start_index_map, place):
    starts[axis] = int(start)
  stops = [start + n for start, n in zip(starts, parameters['slice_sizes'])]
  name = _cut(graph, x, starts, stops, [1] * len(starts))
  if layout.collapsed_slice_dims:
    name = node(graph, 'Squeeze', name, integers(graph, layout.collapsed_slice_dims))
  return [tensor(name, outputs[0].shape)]


def squeeze(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
  """Squeeze."""
  return [
    tensor(
      node(graph, 'Squeeze', full(graph, x), integers(graph, parameters['dimensions'])),
      outputs[0].shape,
    )
  ]


def pad(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, filling: Value
) -> list[Value]:
  """Pad; negative widths cut, in ONNX as in JAX."""
  low, high, between = zip(*parameters['padding_config'])
  if any(between):
    raise Unsupported('pad with cells in between')
  name = full(graph, x)
  if any(low) or any(high):
    name = node(graph, 'Pad', name, integers(graph, low + high), full(graph, filling))
  return [tensor(name, outputs[0].shape)]


def reduce(kind: str) -> Rule:
  """A rule for a reduction, with its axes as an input."""

  # As opset 18 has them; `onnx_file` writes those of 17 with attributes.
  def rule(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value) -> list[Value]:
    return [
      tensor(
        node(graph, kind, full(graph, x), integers(graph, parameters['axes']), keepdims=0),
        outputs[0].shape,
      )
    ]

  return rule
