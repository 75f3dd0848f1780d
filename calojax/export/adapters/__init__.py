"""Model files with the inputs and outputs of other programs' inference classes.

A file a program: `par04` (Geant4's example), `fastcalosim` (ATLAS), `ddml` (DD4hep). Each has a
function `adapters(generator)`, which says what the program gives and takes; `adapter` makes the
file of it and compares it. A new program: a file like these, and a line in `FRAMEWORKS`.
"""

from __future__ import annotations

from collections.abc import Sequence

from calojax import registry
from calojax.export.adapters import ddml, fastcalosim, par04
from calojax.export.adapters.adapter import OPSET, Adapter, compare, model_file
from calojax.inference.sidecar import ranges_of
from calojax.training.trained import Generator

FRAMEWORKS = {'par04': par04.adapters, 'fastcalosim': fastcalosim.adapters, 'ddml': ddml.adapters}

__all__ = ['FRAMEWORKS', 'OPSET', 'Adapter', 'chosen', 'compare', 'model_file']


def chosen(names: Sequence[str], generator: Generator) -> list[Adapter]:
  """The adapters of these frameworks for a generator.

  Raises:
    ValueError: an unknown framework, or one that the generator cannot serve.
  """
  makers = [registry.find(FRAMEWORKS, name, 'adapter') for name in dict.fromkeys(names)]
  low, high = ranges_of(*generator.spectrum)['energy']
  note = (
    f'trained on energies from {low:g} to {high:g} MeV: outside of them nothing is clipped and '
    'nothing is known of the showers'
  )
  return [_noted(adapter, note) for make in makers for adapter in make(generator)]


def _noted(adapter: Adapter, note: str) -> Adapter:
  """The adapter with a further note in its description."""
  told = adapter.described
  return adapter._replace(described={**told, 'notes': [*told['notes'], note]})
