"""Where showers come from: an exported model or a run."""

from __future__ import annotations

import os

from calojax import inference

RUN = 'config.json'  # a folder with it is a run, one without an exported model


def is_run(source: str) -> bool:
  """Whether it is the folder of a training."""
  return os.path.isfile(os.path.join(source, RUN))


def load(
  source: str, runtime: str | None = None, threads: int | None = None, checkpoint: str = 'newest'
) -> inference.Model:
  """The generator of an exported model or of a run; see `calojax.load`."""
  if not is_run(source):
    return inference.load(source, runtime, threads)
  if runtime or threads:
    raise ValueError(
      f'runtime {runtime} and threads {threads} for a run, expected none: JAX runs it'
    )
  from calojax.training.trained import trained

  return trained(source, checkpoint)
