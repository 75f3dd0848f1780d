"""Rules of products and convolutions: `(graph, outputs, parameters, *values) -> values`."""

from __future__ import annotations

from typing import Any

import numpy as np

from calojax.export.graph import Graph, Unsupported, Value, full, node, reshape, static, tensor, transpose, weight


def dot_general(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, y: Value) -> list[Value]:
  """A matrix product of the last axis with a constant's, everything else as Einstein's sum."""
  (contracted, partner), (batched, _) = parameters['dimension_numbers']
  shape, kernel = outputs[0].shape, static(y)
  if len(x.shape) < 2 or batched or kernel is None or tuple(contracted) != (len(x.shape) - 1,):
    return [tensor(node(graph, 'Einsum', full(graph, x), full(graph, y), equation=_equation(x, y, parameters)), shape)]
  kernel = np.moveaxis(kernel, partner[0], 0)
  product = node(graph, 'MatMul', full(graph, x), weight(graph, np.ascontiguousarray(kernel.reshape(len(kernel), -1))))
  return [tensor(product if kernel.ndim == 2 else reshape(graph, product, shape), shape)]


def _equation(x: Value, y: Value, parameters: dict[str, Any]) -> str:
  """The subscripts of a dot_general: batch axes, then those left of x, then those left of y."""
  (x_sum, y_sum), (x_batch, y_batch) = parameters['dimension_numbers']
  letters = [chr(ord('a') + i) for i in range(len(x.shape) + len(y.shape))]
  left, right = letters[:len(x.shape)], letters[len(x.shape):]
  for i, j in zip((*x_sum, *x_batch), (*y_sum, *y_batch)):
    right[j] = left[i]
  kept = [left[i] for i in x_batch]
  kept += [c for i, c in enumerate(left) if i not in (*x_sum, *x_batch)] + [c for j, c in enumerate(right) if j not in (*y_sum, *y_batch)]
  return f'{"".join(left)},{"".join(right)}->{"".join(kept)}'


def convolution(graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, kernel: Value) -> list[Value]:
  """Convolutions with their channels moved to where ONNX has them; of a dilated image the transposed one."""
  p, layout = parameters, parameters['dimension_numbers']
  numbers = static(kernel)
  if p['batch_group_count'] != 1 or numbers is None:
    raise Unsupported('a convolution in groups of the batch, or with a kernel that the program computes')
  image = transpose(graph, full(graph, x), layout.lhs_spec)
  numbers = np.transpose(numbers, layout.rhs_spec)
  padding = [(int(low), int(high)) for low, high in p['padding']]
  if any(d > 1 for d in p['lhs_dilation']):
    if p['feature_group_count'] != 1 or any(s > 1 for s in (*p['window_strides'], *p['rhs_dilation'])):
      raise Unsupported('a transposed convolution that is strided, dilated or in groups')
    numbers = np.flip(np.swapaxes(numbers, 0, 1), tuple(range(2, numbers.ndim)))
    padding = [(k - 1 - low, k - 1 - high) for k, (low, high) in zip(numbers.shape[2:], padding)]
    kind, rest = 'ConvTranspose', {'strides': list(p['lhs_dilation']), 'output_padding': [max(0, -high) for _, high in padding]}
    padding = [(low, max(0, high)) for low, high in padding]
  else:
    kind, rest = 'Conv', {'strides': list(p['window_strides']), 'dilations': list(p['rhs_dilation']), 'group': p['feature_group_count']}
  if min(n for pair in padding for n in pair) < 0:
    raise Unsupported(f'a {kind} with negative padding {padding}')
  pads = [low for low, _ in padding] + [high for _, high in padding]
  name = node(graph, kind, image, weight(graph, np.ascontiguousarray(numbers)), pads=pads, **rest)
  return [tensor(transpose(graph, name, np.argsort(layout.out_spec)), outputs[0].shape)]
