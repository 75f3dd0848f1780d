"""`--mode=train`: a config is trained in a workdir, its generator judged on held-out showers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax

from calojax.commands import evaluate
from calojax.commands.start_up import start_up
from calojax.exit_codes import DIVERGED, DONE, INTERRUPTED
from calojax.training import callbacks, monitor, pretrain, run
from calojax.training.trained import of_state


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
          f'calojax: {error}; the last good checkpoint in {folder} is '
          f'{trainer.checkpoints.latest()}',
          file=sys.stderr,
        )
        return DIVERGED
      finally:
        trainer.checkpoints.close()
      parts = trainer.parts
      particles = (parts.geometry, parts.train.condition)
      generator = of_state(state, trainer.method, particles, {})
      summary = evaluate.judge_run(trainer.config, parts, generator, folder)
      monitor.write_hparams(writer, trainer.config, summary)
    return DONE

  return work
