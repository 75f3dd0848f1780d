"""Model files with the inputs and outputs of other programs' inference classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calojax.export.adapters import ddml, fastcalosim, par04
from calojax.export.adapters.adapter import OPSET, Adapter, compare, model_file
from calojax.inference.sidecar import ranges_of

FRAMEWORKS = {'par04': par04.adapters, 'fastcalosim': fastcalosim.adapters, 'ddml': ddml.adapters}

__all__ = ['FRAMEWORKS', 'OPSET', 'Adapter', 'chosen', 'compare', 'model_file']


def chosen(names: Sequence[str], generator: Any) -> list[Adapter]:
  """The adapters of these frameworks for a generator.

  Raises:
    ValueError: an unknown framework, or one that the generator cannot serve.
  """
  for name in names:
    if name not in FRAMEWORKS:
      raise ValueError(f'adapter {name!r}, expected some of {", ".join(FRAMEWORKS)}')
  low, high = ranges_of(*generator.spectrum)['energy']
  range_of = f'trained on energies from {low:g} to {high:g} MeV: outside of them nothing is clipped and nothing is known of the showers'
  found = [adapter for name in dict.fromkeys(names) for adapter in FRAMEWORKS[name](generator)]
  return [
    adapter._replace(
      described=adapter.described | {'notes': [*adapter.described['notes'], range_of]}
    )
    for adapter in found
  ]
