"""Rules of products and convolutions: `(graph, outputs, parameters, *values) -> values`.

Those of the last axis wait before they become nodes: the scale of a batch norm goes into their
kernel, the shift and the bias into one vector.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from calojax.export import phases
from calojax.export.elementwise import Rule, simple
from calojax.export.graph import (
  Graph,
  Product,
  Unsupported,
  Value,
  full,
  node,
  reshape,
  static,
  tensor,
  transpose,
  weight,
)


def _waiting(kernel: np.ndarray, axis: int, nodes: Any, shape: Any) -> list[Value]:
  """The value of a product without a bias."""
  # What is multiplied into the kernel later should not add its rounding to that of float32.
  kernel = kernel.astype(np.float64)
  return [
    Value(
      tuple(shape), tuple(shape), product=Product(kernel, np.zeros(kernel.shape[-1]), axis, nodes)
    )
  ]


def affine(kind: str) -> Rule:
  """A rule for a sum, difference, product or quotient: with one number for each channel it goes
  into the product before it.
  """
  plain = simple(kind)

  def rule(
    graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, y: Value
  ) -> list[Value]:
    """The nodes of `x` and `y`, or the product with them folded into its kernel."""
    # Sums and products may stand either way round; c - x and c / x are no affine map of the
    # kernel's.
    first, second = (y, x) if y.product and kind in ('Add', 'Mul') else (x, y)
    numbers = _by_channel(first.product, len(first.shape), second)
    # A division by 0 stays where the program has it: the kernel must remain finite.
    if not first.product or numbers is None or (kind == 'Div' and not numbers.all()):
      return plain(graph, outputs, parameters, x, y)
    kernel, bias, axis, nodes = first.product
    if kind in ('Add', 'Sub'):
      bias = bias + numbers if kind == 'Add' else bias - numbers
    else:
      scale = numbers if kind == 'Mul' else 1 / numbers
      kernel, bias = kernel * scale, bias * scale
    return [first._replace(product=Product(kernel, bias, axis, nodes))]

  return rule


def _by_channel(product: Product | None, rank: int, y: Value) -> np.ndarray | None:
  """The constant y as one number for each channel of a product of this rank; None if they are not
  such.
  """
  if not product or y.array is None:
    return None
  held = (1,) * (rank - len(y.held)) + y.held
  if any(n != 1 for i, n in enumerate(held) if i != product.axis):
    return None
  return np.broadcast_to(y.array.reshape(-1), product.bias.shape).astype(np.float64)


def dot_general(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, y: Value
) -> list[Value]:
  """A matrix product of the last axis with a constant's, everything else as Einstein's sum."""
  (contracted, partner), (batched, _) = parameters['dimension_numbers']
  shape, kernel = outputs[0].shape, static(y)
  if len(x.shape) < 2 or batched or kernel is None or tuple(contracted) != (len(x.shape) - 1,):
    return [
      tensor(
        node(graph, 'Einsum', full(graph, x), full(graph, y), equation=_equation(x, y, parameters)),
        shape,
      )
    ]
  kernel = np.moveaxis(kernel, partner[0], 0)
  if kernel.ndim == 2:
    return _waiting(
      kernel, len(shape) - 1, functools.partial(_matmul, graph, full(graph, x)), shape
    )
  product = node(
    graph,
    'MatMul',
    full(graph, x),
    weight(graph, np.ascontiguousarray(kernel.reshape(len(kernel), -1))),
  )
  return [tensor(reshape(graph, product, shape), shape)]


def _matmul(graph: Graph, x: str, kernel: np.ndarray, bias: np.ndarray) -> str:
  name = node(graph, 'MatMul', x, weight(graph, kernel.astype(np.float32)))
  return node(graph, 'Add', name, weight(graph, bias.astype(np.float32))) if bias.any() else name


def _equation(x: Value, y: Value, parameters: dict[str, Any]) -> str:
  """The subscripts of a dot_general: batch axes, then those left of x, then those left of y."""
  (x_sum, y_sum), (x_batch, y_batch) = parameters['dimension_numbers']
  letters = [chr(ord('a') + i) for i in range(len(x.shape) + len(y.shape))]
  left, right = letters[: len(x.shape)], letters[len(x.shape) :]
  for i, j in zip((*x_sum, *x_batch), (*y_sum, *y_batch)):
    right[j] = left[i]
  kept = [left[i] for i in x_batch]
  kept += [c for i, c in enumerate(left) if i not in (*x_sum, *x_batch)] + [
    c for j, c in enumerate(right) if j not in (*y_sum, *y_batch)
  ]
  return f'{"".join(left)},{"".join(right)}->{"".join(kept)}'


def convolution(
  graph: Graph, outputs: Any, parameters: dict[str, Any], x: Value, kernel: Value
) -> list[Value]:
  """A convolution, of a dilated image the transposed one, in the form that the runtimes are fastest
  in.
  """
  p, layout, numbers = parameters, parameters['dimension_numbers'], static(kernel)
  if p['batch_group_count'] != 1 or numbers is None:
    raise Unsupported(
      'a convolution in groups of the batch, or with a kernel that the program computes'
    )
  transposed = any(d > 1 for d in p['lhs_dilation'])
  simple_taps = p['feature_group_count'] == 1 and not any(
    s > 1 for s in (*p['window_strides'], *p['rhs_dilation'])
  )
  if transposed and not simple_taps:
    raise Unsupported('a transposed convolution that is strided, dilated or in groups')
  image, shape = full(graph, x), outputs[0].shape
  # rhs_spec says where JAX has (co, ci, *taps) of this kernel.
  taps = np.transpose(numbers, (*layout.rhs_spec[2:], layout.rhs_spec[1], layout.rhs_spec[0]))
  where = None
  if simple_taps and (transposed or taps.shape[-1] <= phases.FEW) and _channels_last(layout):
    padding = [(int(low), int(high)) for low, high in p['padding']]
    where = phases.layout(x.shape[1:-1], taps.shape[:-2], p['lhs_dilation'], padding)
  if where:
    return _waiting(
      taps, len(shape) - 1, functools.partial(phases.convolve, graph, image, where), shape
    )
  form = _transposed if transposed else _conv
  return _waiting(taps, layout.out_spec[1], functools.partial(form, graph, image, p), shape)


def _channels_last(layout: Any) -> bool:
  rank = len(layout.lhs_spec)
  return tuple(layout.lhs_spec) == tuple(layout.out_spec) == (0, rank - 1, *range(1, rank - 1))


class _Form(NamedTuple):
  """A convolution as ONNX writes it down, but for image and bias.

  Attributes:
    kind: of the node.
    kernel: channels first, in the order of the kind: `[co, ci, *taps]` of Conv, `[ci, co, *taps]`
      of ConvTranspose.
    padding: of the image, of ConvTranspose what is cut off the result.
    attributes: the others of the node.
  """

  kind: str
  kernel: np.ndarray
  padding: list[tuple[int, int]]
  attributes: dict[str, Any]


def _conv(graph: Graph, image: str, p: dict[str, Any], kernel: np.ndarray, bias: np.ndarray) -> str:
  """ONNX's convolution."""
  attributes = {
    'strides': list(p['window_strides']),
    'dilations': list(p['rhs_dilation']),
    'group': p['feature_group_count'],
  }
  padding = [(int(low), int(high)) for low, high in p['padding']]
  form = _Form('Conv', np.moveaxis(kernel, (-1, -2), (0, 1)), padding, attributes)
  return _channels_first(graph, image, form, bias, p['dimension_numbers'])


def _transposed(
  graph: Graph, image: str, p: dict[str, Any], kernel: np.ndarray, bias: np.ndarray
) -> str:
  """ONNX's transposed convolution, which pads the result instead of the image."""
  # XLA correlates the dilated image with the kernel; ONNX lays a kernel down at every cell, which
  # is the same with the taps in the opposite order.
  kernel = np.flip(np.moveaxis(kernel, (-2, -1), (0, 1)), tuple(range(2, kernel.ndim)))
  cut = [
    (k - 1 - int(low), k - 1 - int(high)) for k, (low, high) in zip(kernel.shape[2:], p['padding'])
  ]
  attributes = {
    'strides': list(p['lhs_dilation']),
    # Where nothing is cut behind but more is wanted, ONNX has a name of its own for it.
    'output_padding': [max(0, -high) for _, high in cut],
  }
  form = _Form('ConvTranspose', kernel, [(low, max(0, high)) for low, high in cut], attributes)
  return _channels_first(graph, image, form, bias, p['dimension_numbers'])


def _channels_first(graph: Graph, image: str, form: _Form, bias: np.ndarray, layout: Any) -> str:
  """The node, the image's channels moved to where ONNX has them and back."""
  # ONNX cuts nothing off: its pads are sizes.
  if min(n for pair in form.padding for n in pair) < 0:
    raise Unsupported(f'a {form.kind} with negative padding {form.padding}')
  pads = [low for low, _ in form.padding] + [high for _, high in form.padding]
  tensors = [
    transpose(graph, image, layout.lhs_spec),
    weight(graph, np.ascontiguousarray(form.kernel, np.float32)),
  ]
  if bias.any():
    tensors.append(weight(graph, bias.astype(np.float32)))
  name = node(graph, form.kind, *tensors, pads=pads, **form.attributes)
  return transpose(graph, name, np.argsort(layout.out_spec))
