"""A JAX program as an ONNX model: its primitives one by one, what only depends on constants
computed beforehand.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import onnx
from onnx import helper, numpy_helper

from calojax.export.flatten import Equation, flatten
from calojax.export.graph import Graph, Unsupported, Value, constant, full, settled
from calojax.export.primitives import RULES
from calojax.inference.runtimes import onnx_runtime
from calojax.models import convolutions

PORTABLE = 17  # the opset that all runtimes of the last years read


class Program(NamedTuple):
  """A finished graph with the shapes of its inputs by name, and its output's name and shape."""

  graph: Graph
  inputs: dict[str, tuple[Any, ...]]
  output: str
  shape: tuple[Any, ...]


def translate(
  function: Callable[..., Any], inputs: dict[str, jax.ShapeDtypeStruct], output: str
) -> Program:
  """`function(*inputs) -> array` in the operators of ONNX.

  Args:
    function: pure; what it closes over becomes constants.
    inputs: shape and dtype by name; the first dimension of the first is the symbolic batch size.
    output: the result's name.

  Raises:
    Unsupported: a primitive that has no rule, or not in this use.
  """
  with convolutions.plain():  # in a new function: the other form's program may be remembered
    program = jax.make_jaxpr(lambda *arrays: function(*arrays))(*inputs.values())
  flat, numbers, result = flatten(program)
  # A product may wait for what is multiplied with it and added to it, unless somebody else wants it
  # as it is.
  uses = collections.Counter(
    [result, *(number for equation in flat.equations for number in equation.sources)]
  )
  first = next(iter(inputs))
  graph = Graph(inputs[first].shape[0], first)
  values = {number: constant(array) for number, array in flat.constants.items()}
  values |= {
    number: Value(tuple(spec.shape), tuple(spec.shape), name=name)
    for number, (name, spec) in zip(numbers, inputs.items())
  }
  for equation in flat.equations:
    results = _apply(graph, equation, [values[number] for number in equation.sources])
    values |= {
      number: value if uses[number] == 1 else settled(graph, value)
      for number, value in zip(equation.results, results)
    }
  result = values[result]
  # For the name: users ask for the output by it, and nodes are named by number.
  graph.nodes.append(helper.make_node('Identity', [full(graph, result)], [output]))
  _prune(graph, output)
  return Program(graph, {name: spec.shape for name, spec in inputs.items()}, output, result.shape)


def model(program: Program, opset: int) -> onnx.ModelProto:
  """The ONNX model with the operators of version `opset`, at least 17."""
  info = lambda name, shape: helper.make_tensor_value_info(
    name, onnx.TensorProto.FLOAT, [n if isinstance(n, int) else 'batch' for n in shape]
  )
  graph = program.graph
  nodes = graph.nodes if opset >= 18 else [_older(graph, new) for new in graph.nodes]
  used = {name for each in nodes for name in each.input}
  weights = [
    numpy_helper.from_array(array, name) for name, array in graph.weights.items() if name in used
  ]
  inputs, outputs = (
    [info(*item) for item in program.inputs.items()],
    [info(program.output, program.shape)],
  )
  # The lowest version of the file format that has these operators: older runtimes refuse a newer
  # one.
  operators = [helper.make_opsetid('', opset)]
  return helper.make_model(
    helper.make_graph(nodes, 'generator', inputs, outputs, weights),
    opset_imports=operators,
    ir_version=helper.find_min_ir_version_for(operators),
    producer_name='calojax',
  )


def _older(graph: Graph, new: onnx.NodeProto) -> onnx.NodeProto:
  """The node before opset 18, where the axes of most reductions were no input."""
  if new.op_type not in ('ReduceMax', 'ReduceMin', 'ReduceProd'):
    return new
  return helper.make_node(
    new.op_type, new.input[:1], new.output, axes=graph.weights[new.input[1]].tolist(), keepdims=0
  )


def _apply(graph: Graph, equation: Equation, values: list[Value]) -> list[Value]:
  """The results of one equation."""
  name = equation.primitive.name
  if name not in RULES:
    raise Unsupported(f'ONNX has no counterpart here of the primitive {name!r}')
  return RULES[name](graph, equation.outputs, equation.parameters, *values)


def _prune(graph: Graph, output: str) -> None:
  """Removes nodes and weights that the output does not depend on."""
  needed, kept = {output}, []
  for candidate in reversed(graph.nodes):
    if needed & set(candidate.output):
      needed |= set(candidate.input)
      kept.append(candidate)
  graph.nodes[:] = reversed(kept)
  graph.weights = {name: array for name, array in graph.weights.items() if name in needed}


def newest_opset() -> int:
  """The newest opset that the installed onnx and onnxruntime both know."""
  onnxruntime = onnx_runtime()
  onnxruntime.set_default_logger_severity(4)
  value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
  trivial = helper.make_graph(
    [helper.make_node('Identity', ['x'], ['y'])], 'trivial', [value('x')], [value('y')]
  )
  for opset in range(onnx.defs.onnx_opset_version(), PORTABLE, -1):
    operators = [helper.make_opsetid('', opset)]
    file = helper.make_model(
      trivial, opset_imports=operators, ir_version=helper.find_min_ir_version_for(operators)
    )
    with contextlib.suppress(Exception):  # all that its exceptions have in common
      onnxruntime.InferenceSession(file.SerializeToString(), providers=['CPUExecutionProvider'])
      return opset
  return PORTABLE
