"""What is said about an exported generator: for programs as JSON, for people as a model card."""

from __future__ import annotations

import glob
import json
import os
from typing import Any

from calojax import provenance
from calojax.evaluation.report.verdict import headlines
from calojax.inference import coverage, sidecar
from calojax.training.trained import Generator

LICENCE = 'Apache-2.0'
UNITS = {
  'noise': 'standard normal',
  'energy': 'MeV, kinetic',
  'position': 'mm, x and y on the front face',
  'direction': 'unit vector, z into the calorimeter',
  'energies': 'MeV, deposited in each cell',
}


def description(
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
  geometry, ranges = generator.geometry, sidecar.ranges_of(*generator.spectrum)
  shapes = {
    'noise': ['batch', generator.latent],
    'energy': ['batch'],
    'position': ['batch', 2],
    'direction': ['batch', 3],
  }
  inputs = [
    {'name': name, 'shape': shape, 'dtype': 'float32', 'unit': UNITS[name], 'used': name in reads}
    for name, shape in shapes.items()
  ]
  origin = provenance.origin()
  return {
    'format': sidecar.FORMAT,
    'name': f'{geometry.name}_{config.method}',
    'files': files,
    'onnx_missing': onnx_missing,
    'inputs': inputs,
    'output': {
      'name': 'energies',
      'shape': ['batch', geometry.cells],
      'dtype': 'float32',
      'unit': UNITS['energies'],
    },
    'noise': {
      'variables': generator.latent,
      'law': 'independent, normal, mean 0, standard deviation 1',
    },
    'conditions': {
      'ranges': {name: list(ends) for name, ends in ranges.items()},
      'units': sidecar.UNITS,
      'meaning': 'lowest and highest value in training; slopes are of the direction',
      # What the ranges do not tell: which values came together.
      'joint': coverage.described(coverage.coverage(generator.spectrum)),
    },
    'geometry': json.loads(geometry.to_json()),
    'cells': (
      'layer after layer; in a layer of x and y, x is the slower index; in one of rings, the '
      'angle is the slower index'
    ),
    'config': json.loads(config.to_json()),
    'step': generator.step,
    'data': {
      'fingerprint': generator.description['fingerprint'],
      'provenance': generator.description.get('provenance', {}),
    },
    'quality': quality(workdir),
    'calojax': origin['calojax'],
    'commit': origin['commit'],
    'licence': LICENCE,
  }


def quality(workdir: str | None) -> dict[str, Any] | None:
  """The headlines of the newest evaluation of a workdir, None without one."""
  found = (
    glob.glob(os.path.join(glob.escape(workdir), 'evaluation', '*', 'summary.json'))
    if workdir
    else []
  )
  steps = {
    int(step): path for path in found if (step := os.path.basename(os.path.dirname(path))).isdigit()
  }
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
  """What the figures rest on, without the names of folders."""
  return {key: value for key, value in meta.items() if key != 'workdir'}


def markdown(described: dict[str, Any]) -> str:
  """The model card."""
  geometry, noise = described['geometry'], described['noise']
  layers = ', '.join(_layer(layer) for layer in geometry['layers'][:6]) + (
    ', ...' if len(geometry['layers']) > 6 else ''
  )
  sections = [
    f'# {described["name"]}',
    '',
    f'A generator of calorimeter showers, trained with calojax {described["calojax"]} (commit '
    f'{described["commit"] or "unknown"}), {described["step"]} steps. '
    f'Licence: {described["licence"]}.',
    '',
    '## Calorimeter',
    '',
    f'{geometry["name"]}: {len(geometry["layers"])} layer(s) of {layers}; '
    f'{described["output"]["shape"][1]} cells, '
    f'{described["cells"]}. Mean visible over incident energy: {geometry["sampling_fraction"]:g}.',
    '',
    '## Inputs and output',
    '',
    '| name | shape | unit | |',
    '|---|---|---|---|',
    *(
      f'| {i["name"]} | {i["shape"]} | {i["unit"]} | '
      f'{"" if i["used"] else "has no influence on this generator"} |'
      for i in described['inputs']
    ),
    f'| **{described["output"]["name"]}** | {described["output"]["shape"]} | '
    f'{described["output"]["unit"]} | output |',
    '',
    f'All are float32; the batch is of any size. Noise: {noise["variables"]} variables a '
    f'shower, {noise["law"]}.',
    '',
    '## Valid range',
    '',
    '| condition | from | to | unit |',
    '|---|---|---|---|',
    *(
      f'| {name} | {low:.6g} | {high:.6g} | {described["conditions"]["units"][name]} |'
      for name, (low, high) in described['conditions']['ranges'].items()
    ),
    '',
    'Outside of it nothing is known of the showers.',
    '',
    *_files(described),
    '',
    *_adapters(described.get('adapters', {})),
    *_quality(described['quality']),
    '',
    *_use(described),
    '',
    '## Training',
    '',
    f'Data: fingerprint {described["data"]["fingerprint"]}. The full configuration and the '
    f'origin of the data are in `{sidecar.SIDECAR}`.',
    '',
  ]
  return '\n'.join(sections)


def _layer(layer: dict[str, Any]) -> str:
  if 'edges' in layer:
    return f'{layer["angles"]} angles x {len(layer["edges"]) - 1} rings'
  (columns, rows), (x, y) = layer['shape'], layer['pitch']
  return f'{columns}x{rows} cells of {x:g}x{y:g} mm'


def _files(described: dict[str, Any]) -> list[str]:
  lines = [
    '## Files',
    '',
    '| file | size | largest deviation from the training code: cell / largest cell | energy | '
    'sha256 |',
    '|---|---|---|---|---|',
  ]
  for name, file in described['files'].items():
    p = file['parity']
    exact = ' (bitwise equal)' if p['bitwise'] else ''
    lines.append(
      f'| {name} | {file["bytes"] / 1e6:.2f} MB | {p["cells"]:.1g}{exact} | {p["energy"]:.1g} | '
      f'`{file["sha256"][:16]}` |'
    )
  draws = next(iter(described['files'].values()))['parity']['draws']
  lines += [
    '',
    f'Compared on {draws} draws of noise and particles, the corners of the valid range among them.',
  ]
  if described['onnx_missing']:
    lines += ['', f'There is no ONNX file: {described["onnx_missing"]}.']
  return lines


def _adapters(adapters: dict[str, Any]) -> list[str]:
  """What is said of the files for other programs, for each its inputs, output, settings and
  notes.
  """
  lines = []
  for name, told in adapters.items():
    inputs = [f'- input `{key}`: {meaning}' for key, meaning in told['inputs'].items()]
    lines += [
      f'## {name}',
      '',
      f'For {told["class"]}; any batch size, such as the one shower of that program.',
      '',
      *inputs,
      f'- output `{told["output"].split()[0]}`: {told["output"].split(" ", 1)[1]}',
      *(f'- {note}' for note in told['notes']),
      '',
      '```',
      *told['settings'],
      '```',
      '',
    ]
  return lines


def _quality(quality: dict[str, Any] | None) -> list[str]:
  if quality is None:
    return ['## Quality', '', 'Not evaluated.']
  lines = [
    '## Quality',
    '',
    f'Of step {quality["step"]}, against Geant4 showers held out of the training.',
    '',
    '| figure | generated | Geant4 |',
    '|---|---|---|',
  ]
  for name, figure in quality['figures'].items():
    beside = ', '.join(
      f'{other} {figure[other]:.4g}'
      for other in ('ceiling', 'floor', 'reference')
      if other in figure
    )
    error = f' +- {figure["error"]:.2g}' if 'error' in figure else ''
    lines.append(f'| {name} | {figure["value"]:.4g}{error} | {beside} |')
  return lines


def _use(described: dict[str, Any]) -> list[str]:
  runtime = 'numpy with onnxruntime or jax' if not described['onnx_missing'] else 'numpy with jax'
  return [
    '## Use',
    '',
    f'With {runtime}:',
    '',
    '```python',
    'import calojax',
    "model = calojax.load('this-folder')",
    'energies = model.generate(energy, position, direction, seed=1)',
    '```',
  ]
