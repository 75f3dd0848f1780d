"""Where results lie."""

from __future__ import annotations

import json
import pathlib
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'experiments' / 'results'


def stored(name: str) -> Any:
  """The content of a file of `experiments/results`."""
  return json.loads((RESULTS / name).read_text())
