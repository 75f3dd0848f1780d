"""Linear or logarithmic: one rule for all axes of distributions, decided by the data."""

from __future__ import annotations

import numpy as np

# Of values along x, and of heights along y. The heights of a Gaussian over its central 99.8 % are
# within the second, those of an exponential are not.
VALUES, HEIGHTS = 1.0, 2.0


def spans(values: np.ndarray, decades: float) -> bool:
  """Whether the middle 80 % of the values reach over more than so many decades, all above 0."""
  if not len(values):
    return False
  low, high = np.quantile(values, (0.1, 0.9))
  return bool(low > 0 and high > low * 10**decades)


def bins(real: np.ndarray, count: int = 40) -> tuple[np.ndarray, bool]:
  """Edges `[count + 1]` over the central 99.8 % of the real values, and whether they are
  logarithmic.
  """
  low, high = np.quantile(real, (0.001, 0.999))
  if low > 0 and spans(real, VALUES):
    return np.geomspace(low, high, count + 1), True
  margin = (high - low) * 0.05 or 0.5
  return np.linspace(low - margin, high + margin, count + 1), False


def centres(edges: np.ndarray, logarithmic: bool) -> np.ndarray:
  """Where the point of a bin is drawn `[k]`, of edges `[k + 1]`."""
  return np.sqrt(edges[1:] * edges[:-1]) if logarithmic else (edges[1:] + edges[:-1]) / 2


def high(fractions: np.ndarray) -> bool:
  """Whether the heights of a histogram are better seen on a logarithmic scale."""
  return spans(fractions[fractions > 0], HEIGHTS)
