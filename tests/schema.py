"""The fields of `metrics.jsonl` as the documentation has them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conftest import ROOT

TYPES = {'integer': int, 'number': float}


def documented() -> dict[str, str]:
  """Field -> type, of the table in the documentation."""
  text = (ROOT / 'docs' / 'pages' / 'tracking.md').read_text()
  return dict(re.findall(r'^\| `([\w/<>]+)` \| (\w+) \|', text, re.MULTILINE))


def unknown(names: Iterable[str]) -> list[str]:
  """The names that no field of the documentation stands for."""
  patterns = [re.compile(re.sub(r'<\w+>', r'.+', field)) for field in documented()]
  return [name for name in names if not any(p.fullmatch(name) for p in patterns)]


def check_line(line: dict) -> None:
  """Asserts that a line has the documented fields and types."""
  assert {'step', 'throughput/showers_per_second'} < set(line)
  assert unknown(line) == [], 'expected in docs/pages/tracking.md'
  for name, value in line.items():
    assert type(value) is TYPES[documented().get(name, 'number')], name
