"""Figures as files, and as pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from calojax.evaluation.figures.style import styled

if TYPE_CHECKING:
  from matplotlib.figure import Figure

DPI = 130
DATES = {'pdf': {'CreationDate': None}, 'svg': {'Date': None}}  # not in a file


@styled()
def rendered(figures: dict[str, Figure], kind: str = 'png') -> dict[str, bytes]:
  """The figures as files of this kind: png, pdf, svg. Equal figures are equal files."""
  images = {}
  for name, figure in figures.items():
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI, metadata=DATES.get(kind))
    images[name] = buffer.getvalue()
  return images


@styled()
def figure_to_array(figure: Figure) -> np.ndarray:
  """The figure's pixels `[h, w, 3]`, uint8, at its own resolution."""
  from matplotlib.backends.backend_agg import FigureCanvasAgg

  canvas = FigureCanvasAgg(figure)
  canvas.draw()
  return np.asarray(canvas.buffer_rgba())[..., :3].copy()
