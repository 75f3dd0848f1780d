"""The parameter regressor's own training, in `WORKDIR/regressor`, before the generator's: resumable
like any, and with its own result.
"""

from __future__ import annotations

import json
import os
from typing import Any

import jax
import numpy as np

from calojax import observables
from calojax.evaluation.bootstrap import bootstrap_error
from calojax.files import write_text
from calojax.methods import quantities, regressor
from calojax.methods.gan import GanState
from calojax.methods.state import TrainState
from calojax.methods.vae_gan import VaeGanState
from calojax.showers import take
from calojax.training import hosts, sharding
from calojax.training.checkpoint import Checkpoints
from calojax.training.feed import batches_of
from calojax.training.loop import initial_state, steps_per_dispatch
from calojax.training.run import Trainer, run
from calojax.training.trackers import tracked
from calojax.training.trained import piece

FOLDER = 'regressor'
ANSWERING = (GanState, VaeGanState)  # of methods whose generators can answer to a regressor


def needed(trainer: Trainer) -> bool:
  """Whether a regressor has to be trained before this run's first step."""
  state = trainer.state
  return isinstance(state, ANSWERING) and state.frozen is not None and int(state.step) == 0


def prepare(trainer: Trainer) -> Trainer:
  """The regressor's training, ready to start or to go on.

  Raises:
    ValueError: its settings do not do.
  """
  config = trainer.config.copy_and_resolve_references()
  config.train.update(
    steps=config.pretraining.steps,
    batch=config.pretraining.batch,
    discriminator_steps=1,
    best_by='',
    patience=0,
  )
  dispatch, batches = steps_per_dispatch(config), batches_of(config, trainer.parts, trainer.mesh)
  method = regressor.from_config(config, trainer.parts.geometry, trainer.parts.train)
  folder = os.path.join(trainer.folder, FOLDER)
  hosts.of_first(lambda: os.makedirs(folder, exist_ok=True))
  checkpoints, example = Checkpoints(folder), take(trainer.parts.train, slice(2))
  state = initial_state(method, example, config.seed, trainer.mesh)
  state = state if checkpoints.latest() is None else checkpoints.restore(state)
  return trainer._replace(
    config=config,
    folder=folder,
    method=method,
    batches=batches,
    dispatch=dispatch,
    checkpoints=checkpoints,
    state=state,
  )


def train(trainer: Trainer) -> TrainState:
  """The trained regressor's state; its resolution is printed and kept in `resolution.json`.

  Raises:
    Interrupted, Diverged: as `run.run`.
  """
  try:
    with tracked(trainer.folder, trainer.config) as tracker:
      state = run(trainer, tracker, lambda step, state: None)
  finally:
    trainer.checkpoints.close()
    trainer.batches.release()
  hosts.of_first(lambda: tell_resolution(trainer, state))
  return state


def tell_resolution(trainer: Trainer, state: TrainState) -> None:
  """Prints the regressor's resolution, and keeps it in `resolution.json`."""
  found = resolution(trainer, state)
  write_text(os.path.join(trainer.folder, 'resolution.json'), json.dumps(found, indent=1) + '\n')
  print(table(found), flush=True)


def graft(trainer: Trainer, state: TrainState) -> Trainer:
  """The generator's training with the regressor's averaged variables, frozen."""
  assert isinstance(trainer.state, ANSWERING)  # no other method is `needed` to
  frozen = sharding.placed(
    jax.tree.map(np.asarray, state.generator.ema), sharding.replicated(trainer.mesh)
  )
  return trainer._replace(state=trainer.state._replace(frozen=frozen))


def resolution(trainer: Trainer, state: TrainState) -> dict[str, dict[str, Any]]:
  """For each parameter the rms of (read - true) on the test showers with its error, and the
  parameter's own spread, which is what knowing nothing would give.
  """
  names, parts = tuple(trainer.config.pretraining.targets), trainer.parts
  mean, spread = quantities.moments(names, parts.geometry, parts.train)
  network = regressor.from_config(trainer.config, parts.geometry, parts.train)
  read, test = jax.jit(network.read), parts.test
  size, variables = piece(), sharding.local(state.generator.ema)
  pieces = [take(test, slice(i, i + size)) for i in range(0, len(test.energies), size)]
  values = (
    np.concatenate([np.asarray(read(variables, showers.energies)) for showers in pieces]) * spread
    + mean
  )
  true = np.asarray(observables.evaluate_observables(names, test, parts.geometry))
  rms = lambda residuals: np.sqrt(np.mean(residuals**2, axis=0))
  value, error = rms(values - true), bootstrap_error(rms, values - true)
  return {
    name: {
      'value': float(v),
      'error': float(e),
      'spread': float(s),
      'unit': observables.find_observable(name).unit,
    }
    for name, v, e, s in zip(names, value, error, true.std(0))
  }


def table(found: dict[str, dict[str, Any]]) -> str:
  """The resolutions as text."""
  lines = [f'{"regressor":<18} {"resolution (rms)":>24} {"spread":>12}']
  for name, figure in found.items():
    cell = f'{figure["value"]:.4g} +- {figure["error"]:.2g} {figure["unit"]}'
    lines.append(f'{name:<18} {cell:>24} {figure["spread"]:>12.4g}')
  return '\n'.join(lines)
