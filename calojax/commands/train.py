"""`--mode=train`: a config is trained in a workdir, its generator judged on held-out showers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from calojax import __version__, interruption, provenance
from calojax.commands import evaluate, outcome
from calojax.commands.start_up import start_up
from calojax.exit_codes import DIVERGED, DONE
from calojax.training import callbacks, hosts, monitor, parts, pretrain, run, trackers, workdir
from calojax.training import origin as origins
from calojax.training.chosen import NEWEST
from calojax.training.place import Place
from calojax.training.trained import of_state


def training(
  config: Any,
  folder: str,
  *,
  steps: int | None = None,
  source: str | None = None,
  origin: str | None = None,
  checkpoint: str = NEWEST,
  place: Place | None = None,
) -> Callable[[], int]:
  """Trains a config in a workdir, from its newest checkpoint if there is one, and judges the result
  on the held-out showers.

  Args:
    config: of the run; None for the one that the workdir has.
    folder: the workdir.
    steps: the end, in place of `train.steps`; a workdir goes on to it from where it is.
    source: where the data lie now, in place of `data.source`; a workdir's have to be the same.
    origin: the workdir of a run whose weights a new run starts from.
    checkpoint: of that run: `newest`, `best` or a step.
    place: of this process among those that train together; None: it is alone.

  Raises:
    ValueError: the config, the data or the workdir does not do, or the processes do not come
      together.
  """
  with hosts.together(outcome.told):
    hosts.join(place, versions())
    trainer, before = prepared(config, folder, steps, source, origin, checkpoint)

  def work() -> int:
    """The exit status of a training that is told of in every process."""
    try:
      with hosts.together(told):
        return trained_and_judged(trainer, before)
    except callbacks.Diverged as error:
      outcome.say(told(error)[1])
      return DIVERGED
    finally:
      trainer.close()

  def told(error: Exception) -> tuple[int, str]:
    if isinstance(error, callbacks.Diverged):
      last = trainer.checkpoints.latest()
      kept = 'no checkpoint was' if last is None else f'checkpoint {last} is the last good one and'
      return DIVERGED, f'{error}; {kept} kept in {folder}'
    return outcome.told(error)

  return work


def versions() -> dict[str, Any]:
  """What has to be the same in all processes of a training."""
  return {
    'calojax': __version__,
    'commit': provenance.origin()['commit'],
    'jax': jax.__version__,
    'numpy': np.__version__,
  }


def prepared(
  config: Any,
  folder: str,
  steps: int | None,
  source: str | None,
  origin: str | None,
  checkpoint: str,
) -> tuple[run.Trainer, run.Trainer | None]:
  """A training, and that of its regressor if it needs one first; what is to be said is printed.

  Raises:
    ValueError: as `training`.
  """
  if checkpoint != NEWEST and not origin:
    raise ValueError(
      f'--checkpoint={checkpoint} is of the run that --from names, and there is none; a training '
      'goes on from its newest'
    )
  config = workdir.stored_config(folder) if config is None else config
  trackers.check(config.tracking)
  start_up()
  config = workdir.with_data(config, folder, source)
  began = origins.read(origin, checkpoint) if origin else None
  trainer = run.prepare(config, folder, check, steps=steps, origin=began)
  try:
    before = pretrain.prepare(trainer) if pretrain.needed(trainer) else None
  except BaseException:
    trainer.close()
    raise
  for line in introduced(trainer, began) if hosts.is_first() else ():
    print(line, flush=True)
  return trainer, before


def check(config: Any, data: parts.Parts) -> None:
  """Raises ValueError if what the config asks for at the end or on the way cannot be made of the
  data.
  """
  evaluate.check(config, data)
  monitor.check(config, data)


def introduced(trainer: run.Trainer, origin: origins.Origin | None) -> list[str]:
  """What is said of a training before it begins."""
  start, stop = int(trainer.state.step), trainer.config.train.steps
  together = '' if hosts.alone() else f' of {jax.process_count()} processes'
  lines = [
    f'workdir: {trainer.folder} ({"step " + str(start) + " of " + str(stop) if start else "new"}), '
    f'{len(trainer.parts.train.energies)} training showers of {trainer.parts.geometry.name}, '
    f'{jax.device_count()} {jax.default_backend()} device(s){together}'
  ]
  if origin and not start:
    about = origin.about()
    lines.append(
      f'starts from {about["path"]}, step {about["step"]}, trained on data of fingerprint '
      f'{about["fingerprint"]}'
    )
  return lines + trainer.told


def trained_and_judged(trainer: run.Trainer, before: run.Trainer | None) -> int:
  """Trains to the end, after the regressor's training if there is one, judges the generator, which
  the first process does, and returns the exit code.

  Raises:
    Interrupted: SIGTERM or SIGINT; the state is saved.
    Diverged: the last good checkpoint is kept.
  """
  folder, start, found = trainer.folder, int(trainer.state.step), trainer.parts
  with trackers.tracked(folder, trainer.config, start) as tracker:
    ready = pretrain.graft(trainer, pretrain.train(before)) if before else trainer
    look = monitor.monitor(trainer, tracker) if hosts.is_first() else lambda step, state: None
    state = run.run(ready, tracker, look)
    trainer.batches.release()  # an evaluation needs the memory
    hosts.part()
    if not hosts.is_first():
      return DONE
    # What was trained is saved, the rest can be made again.
    interruption.begin(interruption.PATIENCE)
    generator = of_state(state, trainer.method, (found.geometry, found.train.condition), {})
    summary = evaluate.judge_run(trainer.config, found, generator, folder)
    tracker.result(monitor.final(summary))
  return DONE
