"""Panels of a distribution over the ratio generated / Geant4, with one x axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from calojax.evaluation.figures.drawing import FAKE, POINTS, REAL

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

# Inches: of a panel, around its axes, and between the two of them.
SIZE = (4.6, 4.3)
LEFT, RIGHT, BOTTOM, TOP, GAP = 0.85, 0.15, 0.65, 0.3, 0.07
LABEL = 0.58  # from the axes to the name of y
SHARE = 0.26  # of the height, for the ratio
ROOM = 0.35  # above the data, for the legend
REACH = 0.7  # of the ratio to either side of 1


class Measured(NamedTuple):
  """Heights of points `[k]` and their errors."""

  values: np.ndarray
  errors: np.ndarray


class Places(NamedTuple):
  """Where points lie `[k]`, and the edges of their bins `[k + 1]`."""

  centres: np.ndarray
  edges: np.ndarray


class Axis(NamedTuple):
  """A panel: the distributions and, below, their ratio."""

  main: Axes
  ratio: Axes


def panels(count: int, columns: int) -> tuple[Figure, list[Axis]]:
  """A figure of so many panels, row by row.

  They are placed by hand: to ask every text for its size takes longer than all else.
  """
  from matplotlib.figure import Figure

  width, height = SIZE[0] * columns, SIZE[1] * -(-count // columns)
  figure, made = Figure(figsize=(width, height)), []
  wide, high = SIZE[0] - LEFT - RIGHT, SIZE[1] - BOTTOM - TOP - GAP
  for number in range(count):
    row, column = divmod(number, columns)
    left, bottom = column * SIZE[0] + LEFT, height - (row + 1) * SIZE[1] + BOTTOM
    low = SHARE * high
    boxes = ((bottom + low + GAP, high - low), (bottom, low))
    main, ratio = (
      figure.add_axes((left / width, y / height, wide / width, tall / height)) for y, tall in boxes
    )
    ratio.sharex(main)
    for axis in (main, ratio):
      axis.yaxis.set_label_coords(-LABEL / wide, 1)
    made.append(Axis(main, ratio))
  return figure, made


def draw_ratio(
  axis: Axes, places: Places, real: Measured, fake: Measured, reach: float = REACH
) -> None:
  """Generated over real; the band is the error of the real values, the bars those of the generated
  ones.
  """
  centres, edges = places
  count, filled = len(real.values), real.values > 0
  quotient, bar = (
    np.divide(part, real.values, out=np.full(count, np.nan), where=filled) for part in fake
  )
  band = np.divide(real.errors, real.values, out=np.zeros(count), where=filled)
  axis.stairs(1 + band, edges, baseline=1 - band, fill=True, color=REAL, alpha=0.25)
  axis.axhline(1, color=REAL, linewidth=1)
  axis.errorbar(centres, quotient, bar, **POINTS)
  # A point outside the panel becomes an arrow at its edge.
  for outside, marker, side in ((quotient > 1 + reach, '^', 1), (quotient < 1 - reach, 'v', -1)):
    place = np.full(outside.sum(), 1 + side * 0.9 * reach)
    axis.plot(centres[outside], place, marker, color=FAKE, markersize=4)
  step = round(0.7 * reach, 1)
  axis.set(ylim=(1 - reach, 1 + reach), ylabel='ratio', yticks=(1 - step, 1, 1 + step))


def finish(panel: Axis, told: str = '') -> None:
  """Legend with room above the data, ticks that do not overlap, and what is told of the panel."""
  main, ratio = panel
  low, high = main.get_ylim()
  if main.get_yscale() == 'log':
    main.set_ylim(low, high * (high / low) ** ROOM)
  elif low <= 0:
    main.set_ylim(0, high * (1 + ROOM))
  if main.get_xscale() == 'log':
    _decades(ratio)
  else:
    ratio.locator_params(axis='x', nbins=5)
  main.legend(loc='best')
  main.tick_params(labelbottom=False)
  main.set_title(told, loc='left')


def _decades(axis: Axes) -> None:
  """Numbers at a logarithmic x axis: powers of ten, and some between them where those are few."""
  from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

  low, high = axis.get_xlim()
  decades = np.log10(high / low)
  if decades < 2.5 and low >= 1e-3 and high <= 1e5:
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 1.5 else (1, 3)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f'{value:g}'))
  axis.xaxis.set_minor_formatter(NullFormatter())
