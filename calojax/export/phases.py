"""Convolutions as matrix products over the channels, channels last, in the two forms that ONNX
runtimes are fast in.

Tap t of a transposed convolution of stride s sends input i to output s i + low - t: to number i +
shift of one of s phases. Runtimes do not combine the taps of a phase, nor use vectors where the
result has one or two channels.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from calojax.export.graph import Graph, integers, node, nodes, reshape, transpose, weight
from calojax.models.output_phases import output_phases

FEW = 2  # channels of the result, up to which whole images are shifted

Shift = tuple[int, ...]


class Layout(NamedTuple):
  """Which taps meet where.

  Attributes:
    phases: for each output phase, last axis fastest, the tap of every shift of the image that it
      adds up.
    space: sizes of the image.
    counts: sizes of a phase.
    strides: phases along each axis.
    sizes: of the result; a phase can have one cell more.
  """

  phases: list[dict[Shift, tuple[int, ...]]]
  space: tuple[int, ...]
  counts: tuple[int, ...]
  strides: tuple[int, ...]
  sizes: tuple[int, ...]


def layout(space: Any, taps: Any, strides: Any, padding: Any) -> Layout | None:
  """The layout of a convolution whose image has `strides - 1` zeros between its cells; None if a
  phase has no tap.
  """
  axes = [output_phases(*each) for each in zip(space, taps, strides, padding)]
  if not all(terms for phases, _ in axes for terms in phases):
    return None
  phases = []
  for phase in itertools.product(*(phases for phases, _ in axes)):
    phases.append(
      {
        tuple(shift for _, shift, _ in terms): tuple(tap for tap, _, _ in terms)
        for terms in itertools.product(*phase)
      }
    )
  sizes = tuple(size for _, size in axes)
  return Layout(
    phases, tuple(space), tuple(-(-n // s) for n, s in zip(sizes, strides)), tuple(strides), sizes
  )


def convolve(graph: Graph, image: str, where: Layout, kernel: np.ndarray, bias: np.ndarray) -> str:
  """The convolution `[b, *sizes, co]` of `image` `[b, *space, ci]` with `kernel` `[*taps, ci,
  co]`.
  """
  form = _shifted_images if kernel.shape[-1] <= FEW else _summed_products
  name = form(graph, image, where, kernel, bias)
  whole = [n * s for n, s in zip(where.counts, where.strides)]
  axes = [i for i, (n, size) in enumerate(zip(whole, where.sizes)) if n != size]
  if not axes:
    return name
  stops = [where.sizes[i] for i in axes]
  return node(
    graph,
    'Slice',
    name,
    *(integers(graph, values) for values in ([0] * len(axes), stops, [i + 1 for i in axes])),
  )


def _summed_products(
  graph: Graph, image: str, where: Layout, kernel: np.ndarray, bias: np.ndarray
) -> str:
  """Each phase as a sum of products, one for each tap, that begins with the bias; then the phases
  side by side.
  """
  ci, co = kernel.shape[-2:]
  # Gemm has a third operand that it adds: the bias comes first and costs no node.
  images, parts, first = {}, [], weight(graph, bias.astype(np.float32))
  for phase in where.phases:
    total = first
    for shift, tap in phase.items():
      if shift not in images:
        images[shift] = reshape(graph, _shift(graph, image, where, shift, 1), (graph.batch, ci))
      total = node(
        graph, 'Gemm', images[shift], weight(graph, kernel[tap].astype(np.float32)), total
      )
    parts.append(total)
  inner = co
  for axis in reversed(range(len(where.space))):
    inner *= where.strides[axis]
    groups = [parts[i : i + where.strides[axis]] for i in range(0, len(parts), where.strides[axis])]
    parts = [
      node(graph, 'Concat', *group, axis=1) if len(group) > 1 else group[0] for group in groups
    ]
    inner *= where.counts[axis]
    parts = [reshape(graph, part, (graph.batch, inner)) for part in parts]
  return reshape(
    graph, parts[0], (graph.batch, *(n * s for n, s in zip(where.counts, where.strides)), co)
  )


def _shifted_images(
  graph: Graph, image: str, where: Layout, kernel: np.ndarray, bias: np.ndarray
) -> str:
  """One product to all taps, channels moved to the front, and for each shift one sum of images of
  all phases.
  """
  rank, (ci, co), count = len(where.space), kernel.shape[-2:], len(where.phases)
  shifts = sorted({shift for phase in where.phases for shift in phase})
  columns = np.zeros((ci, len(shifts), co, count), np.float32)
  for p, phase in enumerate(where.phases):
    for shift, tap in phase.items():
      columns[:, shifts.index(shift), :, p] = kernel[tap]
  name = node(graph, 'MatMul', image, weight(graph, columns.reshape(ci, -1)))
  # Channels to the front, where shifting an image moves whole rows.
  name = transpose(graph, name, (0, rank + 1, *range(1, rank + 1)))
  parts = nodes(
    graph, 'Split', (name, integers(graph, [co * count] * len(shifts))), len(shifts), axis=1
  )
  moved = (_shift(graph, part, where, shift, 2) for shift, part in zip(shifts, parts))
  total = functools.reduce(lambda total, part: node(graph, 'Add', total, part), moved)
  if bias.any():
    total = node(
      graph,
      'Add',
      total,
      weight(graph, np.repeat(bias, count).astype(np.float32).reshape(-1, *(1,) * rank)),
    )
  return _side_by_side(graph, total, where, co)


def _side_by_side(graph: Graph, name: str, where: Layout, co: int) -> str:
  """Images `[b, co * phases, *counts]` as `[b, *(counts * strides), co]`."""
  rank, whole = len(where.space), [n * s for n, s in zip(where.counts, where.strides)]
  if where.strides == (2, 2):
    name = node(
      graph, 'DepthToSpace', name, blocksize=2, mode='CRD'
    )  # faster than the same by axes
  elif math.prod(where.strides) > 1:
    name = reshape(graph, name, (graph.batch, co, *where.strides, *where.counts))
    name = transpose(
      graph, name, (0, 1, *(i for axis in range(rank) for i in (2 + rank + axis, 2 + axis)))
    )
  if co == 1:
    return reshape(graph, name, (graph.batch, *whole, 1))
  return transpose(
    graph, reshape(graph, name, (graph.batch, co, *whole)), (0, *range(2, rank + 2), 1)
  )


def _shift(graph: Graph, name: str, where: Layout, shift: Shift, first: int) -> str:
  """The image moved by `shift` along the axes from `first`, cut or filled with zeros to the size of
  a phase.
  """
  before = [0] * first + list(shift)
  after = [0] * first + [count - n - s for count, n, s in zip(where.counts, where.space, shift)]
  ends = [0] * (2 - first)
  pads = [*before, *ends, *after, *ends]
  return node(graph, 'Pad', name, integers(graph, pads)) if any(pads) else name
