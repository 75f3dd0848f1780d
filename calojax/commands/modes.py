"""What the command line can do. Each mode checks its input first and returns a function that does
the work and gives the exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax

from calojax import __version__, data
from calojax.commands import evaluate
from calojax.commands.sample import particles, writing
from calojax.commands.start_up import start_up
from calojax.exit_codes import DIVERGED, DONE, INTERRUPTED
from calojax.inference import sampler
from calojax.training import callbacks, monitor, pretrain, run, workdir


def training(config: Any, folder: str) -> Callable[[], int]:
  """Trains a config in a workdir, from its newest checkpoint if there is one, and judges the result
  on the held-out showers.

  Raises:
    ValueError: the config, the data or the workdir does not do.
  """
  start_up()
  trainer = run.prepare(config, folder, evaluate.check)
  before = pretrain.prepare(trainer) if pretrain.needed(trainer) else None
  start, stop = int(trainer.state.step), config.train.steps
  print(
    f'workdir: {folder} ({"step " + str(start) + " of " + str(stop) if start else "new"}), '
    f'{len(trainer.parts.train.energies)} training showers of {trainer.parts.geometry.name}, '
    f'{jax.device_count()} {jax.default_backend()} device(s)',
    flush=True,
  )

  def work() -> int:
    from tensorboardX import SummaryWriter

    with SummaryWriter(folder, purge_step=start + 1 if start else None) as writer:
      try:
        ready = pretrain.graft(trainer, pretrain.train(before)) if before else trainer
        state = run.run(ready, writer, monitor.monitor(trainer, writer))
      except callbacks.Interrupted as interruption:
        print(f'calojax: {interruption}; run the same command to go on', file=sys.stderr)
        return INTERRUPTED
      except callbacks.Diverged as error:
        print(
          f'calojax: {error}; the last good checkpoint in {folder} is {trainer.checkpoints.latest()}',
          file=sys.stderr,
        )
        return DIVERGED
      finally:
        trainer.checkpoints.close()
      weights, parts = state.generator.ema, trainer.parts
      assert weights is not None, 'every method keeps an average of its generator'
      generator = run.Generator(
        trainer.method, weights, int(state.step), parts.geometry, {}, parts.train.condition
      )
      summary = evaluate.judge_run(trainer.config, parts, generator, folder)
      monitor.write_hparams(writer, trainer.config, summary)
    return DONE

  return work


def sampling(
  folder: str, output: str, conditions: str | None, count: int | None, layout: str, seed: int
) -> Callable[[], int]:
  """Writes showers of a workdir's generator to a file: one for each particle of the file
  `conditions`, or `count` for particles drawn from the training spectrum.

  Raises:
    ValueError: the workdir is not complete, the conditions cannot be read, or the output cannot be
      written.
  """
  start_up()
  generator = run.trained(folder)
  wanted = particles(generator.spectrum, conditions, count, seed)
  provenance = {
    'generator': os.path.abspath(folder),
    'step': generator.step,
    'seed': seed,
    'calojax': __version__,
    'trained_on': generator.description['fingerprint'],
  }
  pieces = sampler.stream(generator.method, generator.variables, wanted, seed)
  return writing(
    data.Writer(output, generator.geometry, provenance, layout), pieces, len(wanted.energy)
  )


def exporting(folder: str, output: str, frameworks: Sequence[str]) -> Callable[[], int]:
  """Writes a workdir's generator to a folder that other programs run: StableHLO, ONNX, a
  description; ONNX for these frameworks too.

  Raises:
    ValueError: the workdir is not complete, a package is missing, the generator cannot serve a
      framework, or the folder cannot be written.
  """
  start_up()
  from calojax import export

  export.check(output)
  generator, config = run.trained(folder), workdir.stored_config(folder)
  export.adapters.chosen(frameworks, generator)

  def work() -> int:
    export.write(generator, config, output, folder, frameworks=frameworks)
    print(f'exported to {output}')
    return DONE

  return work
