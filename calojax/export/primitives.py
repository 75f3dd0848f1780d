"""What JAX's primitives are in ONNX."""

from __future__ import annotations

from calojax.export import arrays, elementwise, products
from calojax.export.elementwise import Rule, each, simple
from calojax.export.graph import node

RULES: dict[str, Rule] = {
  **{
    name: simple(kind)
    for name, kind in {
      'pow': 'Pow',
      'min': 'Min',
      'neg': 'Neg',
      'abs': 'Abs',
      'sign': 'Sign',
      'floor': 'Floor',
      'ceil': 'Ceil',
      'exp': 'Exp',
      'log': 'Log',
      'sqrt': 'Sqrt',
      'tanh': 'Tanh',
      'logistic': 'Sigmoid',
      'erf': 'Erf',
      'sin': 'Sin',
      'cos': 'Cos',
      'eq': 'Equal',
      'lt': 'Less',
      'le': 'LessOrEqual',
      'gt': 'Greater',
      'ge': 'GreaterOrEqual',
      'not': 'Not',
    }.items()
  },
  **{
    name: products.affine(kind)
    for name, kind in {'add': 'Add', 'sub': 'Sub', 'mul': 'Mul', 'div': 'Div'}.items()
  },
  'max': elementwise.maximum,
  'ne': each(elementwise.ne),
  'rsqrt': each(elementwise.rsqrt),
  'expm1': each(elementwise.expm1),
  'log1p': each(elementwise.log1p),
  'atan2': each(elementwise.atan2),
  'square': each(lambda graph, x: node(graph, 'Mul', x, x)),
  'integer_pow': elementwise.integer_pow,
  'and': simple('And'),
  'or': simple('Or'),
  'select_n': elementwise.select_n,
  'clamp': each(lambda graph, low, x, high: node(graph, 'Min', node(graph, 'Max', x, low), high)),
  'convert_element_type': elementwise.convert,
  # They are for differentiation and for the compiler, and change no number.
  **dict.fromkeys(('stop_gradient', 'copy', 'copy_p', 'optimization_barrier'), elementwise.same),
  'broadcast_in_dim': arrays.broadcast,
  'reshape': arrays.reshaped,
  'transpose': arrays.transposed,
  'squeeze': arrays.squeeze,
  'concatenate': arrays.concatenate,
  'stack': arrays.stack,
  'split': arrays.split,
  'slice': arrays.sliced,
  'gather': arrays.gather,
  'pad': arrays.pad,
  'dot_general': products.dot_general,
  'conv_general_dilated': products.convolution,
  'reduce_sum': arrays.reduce('ReduceSum'),
  'reduce_max': arrays.reduce('ReduceMax'),
  'reduce_min': arrays.reduce('ReduceMin'),
  'reduce_prod': arrays.reduce('ReduceProd'),
}
