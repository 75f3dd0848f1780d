"""Figures as PNG, and as pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
  from matplotlib.figure import Figure


def rendered(figures: dict[str, Figure]) -> dict[str, bytes]:
  """The figures as PNG."""
  images = {}
  for name, figure in figures.items():
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=130)
    images[name] = buffer.getvalue()
  return images


def figure_to_array(figure: Figure) -> np.ndarray:
  """The figure's pixels `[h, w, 3]`, uint8, at its own resolution."""
  from matplotlib.backends.backend_agg import FigureCanvasAgg

  canvas = FigureCanvasAgg(figure)
  canvas.draw()
  return np.asarray(canvas.buffer_rgba())[..., :3].copy()
