"""What the command line can do. Each mode checks its input first and returns a function that does
the work and gives the exit code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax

from calojax import data
from calojax.commands import judge
from calojax.commands.start_up import start_up
from calojax.exit_codes import DIVERGED, DONE, INTERRUPTED
from calojax.training import callbacks, pretrain, run, workdir
from calojax.training.trained import trained


def training(config: Any, folder: str) -> Callable[[], int]:
  """Trains a config in a workdir, from its newest checkpoint if there is one, and judges the result
  on the held-out showers.

  Raises:
    ValueError: the config, the data or the workdir does not do.
  """
  start_up()
  trainer = run.prepare(config, folder, judge.check)
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
        state = run.run(ready, writer, judge.monitor(trainer, writer))
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
      summary = judge.final(
        trainer.config, trainer.method, state.generator.ema, int(state.step), trainer.parts, folder
      )
      judge.write_hparams(writer, trainer.config, summary)
    return DONE

  return work


def evaluation(folder: str) -> Callable[[], int]:
  """Judges the newest checkpoint of a workdir on the held-out showers.

  Raises:
    ValueError: the workdir is not complete, or its data cannot be read.
  """
  start_up()
  config = workdir.stored_config(folder)
  parts = run.load_parts(config)
  generator = trained(folder)
  workdir.check_data(folder, generator.description, data.fingerprint(parts.train))
  judge.check(config, parts)

  def work() -> int:
    judge.final(config, generator.method, generator.variables, generator.step, parts, folder)
    return DONE

  return work
