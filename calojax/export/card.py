"""The model card: what is said to people of an exported generator, made of its sidecar alone."""

from __future__ import annotations

from typing import Any

from calojax.inference import sidecar


def markdown(described: dict[str, Any]) -> str:
  """The model card of a sidecar's content."""
  sections = [
    *_title(described),
    *_calorimeter(described),
    *_arrays(described),
    *_range(described['conditions']),
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


def _title(described: dict[str, Any]) -> list[str]:
  return [
    f'# {described["name"]}',
    '',
    f'A generator of calorimeter showers, trained with calojax {described["calojax"]} (commit '
    f'{described["commit"] or "unknown"}), {described["step"]} steps. '
    f'Licence: {described["licence"]}.',
    '',
  ]


def _calorimeter(described: dict[str, Any]) -> list[str]:
  geometry = described['geometry']
  layers = ', '.join(_layer(layer) for layer in geometry['layers'][:6]) + (
    ', ...' if len(geometry['layers']) > 6 else ''
  )
  return [
    '## Calorimeter',
    '',
    f'{geometry["name"]}: {len(geometry["layers"])} layer(s) of {layers}; '
    f'{described["output"]["shape"][1]} cells, '
    f'{described["cells"]}. Mean visible over incident energy: {geometry["sampling_fraction"]:g}.',
    '',
  ]


def _arrays(described: dict[str, Any]) -> list[str]:
  """Inputs and output."""
  output, noise = described['output'], described['noise']
  rows = [
    f'| {i["name"]} | {i["shape"]} | {i["unit"]} | '
    f'{"" if i["used"] else "has no influence on this generator"} |'
    for i in described['inputs']
  ]
  return [
    '## Inputs and output',
    '',
    '| name | shape | unit | |',
    '|---|---|---|---|',
    *rows,
    f'| **{output["name"]}** | {output["shape"]} | {output["unit"]} | output |',
    '',
    f'All are float32; the batch is of any size. Noise: {noise["variables"]} variables a '
    f'shower, {noise["law"]}.',
    '',
  ]


def _range(conditions: dict[str, Any]) -> list[str]:
  rows = [
    f'| {name} | {low:.6g} | {high:.6g} | {conditions["units"][name]} |'
    for name, (low, high) in conditions['ranges'].items()
  ]
  return [
    '## Valid range',
    '',
    '| condition | from | to | unit |',
    '|---|---|---|---|',
    *rows,
    '',
    'Outside of it nothing is known of the showers.',
    '',
  ]


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
  # All files are compared on the same draws.
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
    '',
    "model = calojax.load('this-folder')",
    'energies = model.generate(energy, position, direction, seed=1)',
    '```',
  ]
