"""What is known of an exported generator, for programs: the content of the sidecar `model.json`."""

from __future__ import annotations

import glob
import json
import os
from typing import Any

from calojax import provenance
from calojax.evaluation.report.verdict import headlines
from calojax.geometry import Geometry
from calojax.inference import coverage, sidecar
from calojax.showers import Condition
from calojax.training.trained import Generator

LICENCE = 'Apache-2.0'
UNITS = {
  'noise': 'standard normal',
  'energy': 'MeV, kinetic',
  'position': 'mm, x and y on the front face',
  'direction': 'unit vector, z into the calorimeter',
  'energies': 'MeV, deposited in each cell',
}
# The order in which `Geometry` lays its cells out: whoever fills a detector from them needs it.
CELLS = (
  'layer after layer; in a layer of x and y, x is the slower index; in one of rings, the angle is '
  'the slower index'
)


def content(
  generator: Generator,
  config: Any,
  files: dict[str, Any],
  *,
  onnx_missing: str | None,
  reads: list[str],
  workdir: str | None,
) -> dict[str, Any]:
  """The content of the sidecar.

  Args:
    generator: as `calojax.training.trained` gives it.
    config: of its training.
    files: what is known of the model files, by name.
    onnx_missing: why there is no ONNX file, or None.
    reads: names of the inputs that the showers depend on.
    workdir: of its training, or None.
  """
  geometry, origin = generator.geometry, provenance.origin()
  return {
    'format': sidecar.FORMAT,
    'name': f'{geometry.name}_{config.method}',
    'files': files,
    'onnx_missing': onnx_missing,
    'inputs': _inputs(generator.latent, reads),
    'output': _output(geometry),
    'noise': {
      'variables': generator.latent,
      'law': 'independent, normal, mean 0, standard deviation 1',
    },
    'conditions': _conditions(generator.spectrum),
    'geometry': json.loads(geometry.to_json()),
    'cells': CELLS,
    'config': json.loads(config.to_json()),
    'step': generator.step,
    'data': {
      'fingerprint': generator.description['fingerprint'],
      'provenance': generator.description.get('provenance', {}),
    },
    'quality': _quality(workdir),
    'calojax': origin['calojax'],
    'commit': origin['commit'],
    'licence': LICENCE,
  }


def _inputs(latent: int, reads: list[str]) -> list[dict[str, Any]]:
  shapes = {
    'noise': ['batch', latent],
    'energy': ['batch'],
    'position': ['batch', 2],
    'direction': ['batch', 3],
  }
  return [
    {'name': name, 'shape': shape, 'dtype': 'float32', 'unit': UNITS[name], 'used': name in reads}
    for name, shape in shapes.items()
  ]


def _output(geometry: Geometry) -> dict[str, Any]:
  return {
    'name': 'energies',
    'shape': ['batch', geometry.cells],
    'dtype': 'float32',
    'unit': UNITS['energies'],
  }


def _conditions(spectrum: Condition) -> dict[str, Any]:
  """Where the training had particles."""
  return {
    'ranges': {name: list(ends) for name, ends in sidecar.ranges_of(*spectrum).items()},
    'units': sidecar.UNITS,
    'meaning': 'lowest and highest value in training; slopes are of the direction',
    # What the ranges do not tell: which values came together.
    'joint': coverage.described(coverage.coverage(spectrum)),
  }


def _quality(workdir: str | None) -> dict[str, Any] | None:
  """The headlines of the newest evaluation of a workdir, None without one."""
  # A workdir's name may hold *, ? or [, which glob would take for a pattern.
  pattern = os.path.join(glob.escape(workdir), 'evaluation', '*', 'summary.json') if workdir else ''
  folders = {os.path.basename(os.path.dirname(path)): path for path in glob.glob(pattern)}
  steps = {int(name): path for name, path in folders.items() if name.isdigit()}
  if not steps:
    return None
  with open(steps[max(steps)], encoding='utf-8') as file:
    summary = json.load(file)
  return {
    'step': max(steps),
    'figures': {key: summary[key] for key in headlines(summary)},
    'meta': _portable(summary['meta']),
  }


def _portable(meta: dict[str, Any]) -> dict[str, Any]:
  """What the figures rest on, without the names of folders: a model travels, and should not tell
  whose machine it comes from.
  """
  return {key: value for key, value in meta.items() if key != 'workdir'}
