"""`--mode=train`: a config is trained in a workdir, its generator judged on held-out showers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from calojax import interruption
from calojax.commands import evaluate
from calojax.commands.outcome import say
from calojax.commands.start_up import start_up
from calojax.exit_codes import DIVERGED, DONE
from calojax.training import callbacks, monitor, pretrain, run
from calojax.training.board import board
from calojax.training.trained import of_state


def training(config: Any, folder: str) -> Callable[[], int]:
  """Trains a config in a workdir, from its newest checkpoint if there is one, and judges the result
  on the held-out showers.

  Raises:
    ValueError: the config, the data or the workdir does not do.
  """
  start_up()
  trainer = run.prepare(config, folder, evaluate.check)
  try:
    before = pretrain.prepare(trainer) if pretrain.needed(trainer) else None
  except BaseException:
    trainer.close()
    raise
  start, stop = int(trainer.state.step), config.train.steps
  print(
    f'workdir: {folder} ({"step " + str(start) + " of " + str(stop) if start else "new"}), '
    f'{len(trainer.parts.train.energies)} training showers of {trainer.parts.geometry.name}, '
    f'{jax.device_count()} {jax.default_backend()} device(s)',
    flush=True,
  )

  def work() -> int:
    try:
      return trained_and_judged(trainer, before)
    except callbacks.Diverged as error:
      last = trainer.checkpoints.latest()
      kept = 'no checkpoint was' if last is None else f'checkpoint {last} is the last good one and'
      say(f'{error}; {kept} kept in {folder}')
      return DIVERGED
    finally:
      trainer.close()

  return work


def trained_and_judged(trainer: run.Trainer, before: run.Trainer | None) -> int:
  """Trains to the end, after the regressor's training if there is one, judges the generator and
  returns the exit code.

  Raises:
    Interrupted: SIGTERM or SIGINT; the state is saved.
    Diverged: the last good checkpoint is kept.
  """
  folder, start, parts = trainer.folder, int(trainer.state.step), trainer.parts
  with board(folder, start) as writer:
    ready = pretrain.graft(trainer, pretrain.train(before)) if before else trainer
    state = run.run(ready, writer, monitor.monitor(trainer, writer))
    interruption.begin(
      interruption.PATIENCE
    )  # what was trained is saved, the rest can be made again
    generator = of_state(state, trainer.method, (parts.geometry, parts.train.condition), {})
    summary = evaluate.judge_run(trainer.config, parts, generator, folder)
    monitor.write_hparams(writer, trainer.config, summary)
  return DONE
