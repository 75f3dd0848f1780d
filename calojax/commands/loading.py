"""A generator by whatever name: one of the package, an exported one, a run's."""

from __future__ import annotations

import os

from calojax import inference
from calojax.commands.sample import is_run
from calojax.inference import Model

Path = str | os.PathLike[str]


def load(
  source: Path,
  runtime: str | None = None,
  threads: int | None = None,
  checkpoint: str = 'newest',
) -> Model:
  """A trained generator, ready to make showers: `generate`, `sample`, `stream`.

  Args:
    source: the name of one that comes with the package, the folder of an exported one, or the
      workdir of a run.
    runtime: onnxruntime, openvino or jax, for an exported one; by default the first installed.
    threads: of onnxruntime and openvino; by default as many as there are cores.
    checkpoint: of a run: `newest`, `best` or a step.

  Raises:
    ValueError: it is none of these, a file of it was altered, or no runtime is installed.
  """
  if not is_run(os.fspath(source)):
    return inference.load(source, runtime, threads)
  if runtime or threads:
    raise ValueError(
      f'runtime {runtime} and threads {threads} for a run, expected none: JAX runs it'
    )
  from calojax.training.trained import trained

  return trained(os.fspath(source), checkpoint)
