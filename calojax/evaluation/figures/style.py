"""The look of all figures: mplhep's, with sizes for several panels on a page.

mplhep brings its fonts along: a figure looks the same on every machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

# Smaller than mplhep's, which are for one panel of ten inches.
SIZES = {
  'font.family': ['TeX Gyre Heros', 'DejaVu Sans'],  # the second where the first lacks a sign
  'font.size': 12,
  'axes.labelsize': 13,
  'axes.titlesize': 11,
  'axes.linewidth': 1,
  'legend.fontsize': 10.5,
  'xtick.labelsize': 11,
  'ytick.labelsize': 11,
  'xtick.major.size': 6,
  'ytick.major.size': 6,
  'xtick.minor.size': 3,
  'ytick.minor.size': 3,
  'xtick.major.pad': 4,
  'mathtext.default': 'it',
  'svg.hashsalt': 'calojax',  # the same figure is the same file
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
  """In it, and in a function that it decorates, figures are made and drawn in this look."""
  import matplotlib
  import mplhep

  look: Any = {**mplhep.style.ROOT, **SIZES}
  with matplotlib.rc_context(look):
    yield
