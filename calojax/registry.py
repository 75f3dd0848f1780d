"""Looking a name up in a registry, which is a literal dict."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any


def find(registry: Mapping[str, Any], name: str, kind: str) -> Any:
  """The entry of that name.

  >>> find({'hinge': 1}, 'hing', 'adversarial loss')
  Traceback (most recent call last):
  ValueError: no adversarial loss 'hing'; did you mean 'hinge'? known: hinge

  Raises:
    ValueError: there is none; the message names the nearest and all known.
  """
  if name not in registry:
    near = difflib.get_close_matches(str(name), registry, 1)
    hint = f'did you mean {near[0]!r}? ' if near else ''
    raise ValueError(f'no {kind} {name!r}; {hint}known: {", ".join(registry) or "none"}')
  return registry[name]
