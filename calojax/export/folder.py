"""Writes the folder of an exported generator, whole or not at all.

`generator.stablehlo`, `generator.opset<N>.onnx`, `<adapter>.onnx`; `spectrum.npz`, particles of the
training; `model.json`, the sidecar, with the sha256 of all of them; `README.md`, the model card.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from calojax import spectrum
from calojax.export import adapters, card, description, parity, program
from calojax.export.graph import Unsupported
from calojax.files import folder_aside
from calojax.inference import runtimes, sidecar
from calojax.training.trained import Generator

NEEDED = ('onnx', 'onnxruntime', 'flatbuffers')
STABLEHLO = 'generator.stablehlo'
PARTICLES = 10_000  # of the training spectrum, kept with the model
SEED = 0
RUNS = {'stablehlo': 'jax', 'onnx': 'onnxruntime'}  # what a file is compared in, by its format


def check(output: str | os.PathLike) -> None:
  """Raises ValueError if nothing can be written to the folder: it is there already, or a package is
  missing.
  """
  # Looked up, not imported: this is asked before any work, and to load them takes a while.
  missing = [name for name in NEEDED if not importlib.util.find_spec(name)]
  if missing:
    raise ValueError(
      f'an export needs {", ".join(missing)}, which is not installed: pip install "calojax[export]"'
    )
  if os.path.exists(output) and not _ours(output):
    raise ValueError(f'{output} is there already and is no exported model: give another --output')


def _ours(folder: str | os.PathLike) -> bool:
  """Whether a folder is empty or an exported model, which may be replaced."""
  return os.path.isdir(folder) and (
    not os.listdir(folder) or os.path.exists(os.path.join(folder, sidecar.SIDECAR))
  )


def write(
  generator: Generator,
  config: Any,
  output: str | os.PathLike,
  workdir: str | None = None,
  *,
  told: Callable[[str], None] = print,
  frameworks: Sequence[str] = (),
) -> dict[str, Any]:
  """The description of an exported generator, written with its model files to the folder `output`.

  A system that ONNX cannot express is written as StableHLO only, and the description says why.

  Args:
    generator: as `calojax.training.trained` gives it.
    config: of its training.
    output: the folder; an exported model in it is replaced.
    workdir: of its training, for the figures of its evaluation.
    told: called with lines on what has been done.
    frameworks: whose conventions further ONNX files are to follow, of `adapters.FRAMEWORKS`.

  Raises:
    ValueError: a package is missing, `output` is another folder, a framework that the generator
      cannot serve, or an exported file does not make the showers that the training code makes:
      nothing is written then.
  """
  check(output)
  wanted = adapters.chosen(frameworks, generator)
  with jax.default_device(jax.devices('cpu')[0]), folder_aside(os.fspath(output)) as folder:
    generate, latent = program.function(generator), generator.latent
    drawn = parity.draws(generator.spectrum, latent, SEED)
    files, reason = _programs(folder, generate, latent, told)
    if reason and wanted:
      raise ValueError(
        f'ONNX cannot express this generator, so that there are no adapters for it: {reason}'
      )
    expected = parity.reference(generate, drawn)
    for name, file in files.items():
      file |= _compared(folder, name, _parity(folder, name, file['format'], drawn, expected), told)
    spectrum.save(os.path.join(folder, spectrum.FILE), generator.spectrum, PARTICLES)
    files |= _adapted(folder, wanted, generate, drawn, told)
    reads = program.reads(generate, latent)
    described = description.content(
      generator, config, files, onnx_missing=reason, reads=reads, workdir=workdir
    )
    if wanted:
      described['adapters'] = {adapter.file: adapter.described for adapter in wanted}
    described['spectrum'] = _identity(os.path.join(folder, spectrum.FILE))
    describe(folder, described)
  return described


def describe(folder: str, described: dict[str, Any]) -> None:
  """Writes the sidecar and the model card."""
  _write(folder, sidecar.SIDECAR, _text(described))
  _write(folder, 'README.md', card.markdown(described).encode())


def _programs(
  folder: str, generate: program.Generate, latent: int, told: Callable[[str], None]
) -> tuple[dict[str, Any], str | None]:
  """The generator's files, written, and why there is no ONNX among them, or None."""
  _write(folder, STABLEHLO, program.stablehlo(generate, latent))
  onnx, reason = _onnx(folder, generate, latent)
  if reason:
    told(f'no ONNX of this generator: {reason}')
  return {STABLEHLO: {'format': 'stablehlo', 'platforms': list(program.PLATFORMS)}} | onnx, reason


def _onnx(
  folder: str, generate: program.Generate, latent: int
) -> tuple[dict[str, Any], str | None]:
  """The ONNX files, written: of the oldest and of the newest opset; or why there are none."""
  from calojax.export import onnx_file

  try:
    graph = onnx_file.translate(generate, program.inputs(latent), program.OUTPUT)
  except Unsupported as error:
    return {}, str(error)
  files = {}
  # The older one for software stacks whose ONNX Runtime is some years old, as those of experiments;
  # the newest for all others.
  for opset in sorted({onnx_file.PORTABLE, onnx_file.newest_opset()}):
    name = f'generator.opset{opset}.onnx'
    _write(folder, name, onnx_file.model(graph, opset).SerializeToString())
    files[name] = {'format': 'onnx', 'opset': opset}
  return files, None


def _parity(
  folder: str, name: str, form: str, drawn: parity.Draws, expected: np.ndarray
) -> dict[str, Any]:
  """How far the showers of a file are from those of the training code."""
  # By the runtime that a user would take, and read back from the disk: what is shipped is compared.
  run = runtimes.runner(os.path.join(folder, name), RUNS[form])
  found = parity.in_pieces(run, drawn.noise, *drawn.conditions)
  return parity.compare(expected, found, drawn.conditions.energy, parity.TOLERANCES[form], name)


def _adapted(
  folder: str,
  wanted: Sequence[adapters.Adapter],
  generate: program.Generate,
  drawn: parity.Draws,
  told: Callable[[str], None],
) -> dict[str, Any]:
  """The files of the adapters, written and compared."""
  files = {}
  for adapter in wanted:
    _write(folder, adapter.file, adapters.model_file(adapter, generate))
    path = os.path.join(folder, adapter.file)
    figures = adapters.compare(adapter, generate, path, drawn, SEED)
    files[adapter.file] = {'format': adapter.framework, 'opset': adapters.OPSET} | _compared(
      folder, adapter.file, figures, told
    )
  return files


def _compared(
  folder: str, name: str, figures: dict[str, Any], told: Callable[[str], None]
) -> dict[str, Any]:
  """What is known of a file that was compared."""
  known = _identity(os.path.join(folder, name))
  told(
    f'{name}: {known["bytes"] / 1e6:.2f} MB, off by {figures["cells"]:.1g} of the largest cell '
    'at most'
  )
  return {**known, 'parity': figures}


def _text(described: dict[str, Any]) -> bytes:
  """The sidecar with its own hash."""
  return (
    json.dumps({**described, 'sha256': sidecar.digest(described)}, indent=2, allow_nan=False) + '\n'
  ).encode()


def _identity(path: str) -> dict[str, Any]:
  with open(path, 'rb') as file:
    return {
      'bytes': os.path.getsize(path),
      'sha256': hashlib.file_digest(file, 'sha256').hexdigest(),
    }


def _write(folder: str, name: str, content: bytes) -> None:
  with open(os.path.join(folder, name), 'wb') as file:
    file.write(content)
