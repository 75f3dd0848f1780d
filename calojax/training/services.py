"""Weights & Biases and MLflow as trackers. Both write into the workdir and need no network, unless
their own environment variables say where to send.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

PROJECT = 'calojax'  # the project of W&B, the experiment of MLflow
BINS = 64  # of a histogram


class Wandb:
  """A run of Weights & Biases: offline in `FOLDER/wandb` unless WANDB_MODE says otherwise; `wandb
  sync` sends it later.

  Attributes:
    run: its id, with which it goes on.
  """

  def __init__(self, folder: str, config: Mapping[str, Any], run: str | None):
    import wandb  # pyright: ignore[reportMissingImports]  # an extra

    self._wandb = wandb
    self._run = wandb.init(
      project=os.environ.get('WANDB_PROJECT', PROJECT),
      name=_name(folder),
      id=run,  # None: a new one
      resume='allow',
      dir=folder,
      mode=os.environ.get('WANDB_MODE', 'offline'),  # type: ignore[arg-type]
      # The regressor's training has a run of its own within that of the generator.
      reinit='create_new',
      settings=wandb.Settings(console='off', silent=True, disable_git=True, disable_code=True),
    )
    # A training may go on with other values, as a later end.
    self._run.config.update(dict(config), allow_val_change=True)
    self.run = str(self._run.id)
    # Their own step counts calls and may not go back, as after a resume.
    self._run.define_metric('step')
    self._run.define_metric('*', step_metric='step')

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps numbers by name."""
    self._run.log({**values, 'step': step})

  def histogram(self, step: int, name: str, values: np.ndarray) -> None:
    """Keeps a distribution in `BINS` bins."""
    counted = self._wandb.Histogram(np_histogram=np.histogram(values, BINS))
    self._run.log({name: counted, 'step': step})

  def figure(self, step: int, name: str, image: np.ndarray) -> None:
    """Keeps a picture."""
    self._run.log({name: self._wandb.Image(image), 'step': step})

  def result(self, figures: Mapping[str, float]) -> None:
    """Keeps the final figures in the run's summary."""
    self._run.summary.update(dict(figures))

  def close(self, done: bool = True) -> None:
    """Ends the run."""
    self._run.finish(exit_code=0 if done else 1)


class MLflow:
  """A run of MLflow, in `FOLDER/mlflow.db` and `FOLDER/mlartifacts` unless MLFLOW_TRACKING_URI says
  otherwise.

  Attributes:
    run: its id, with which it goes on.
  """

  def __init__(self, folder: str, config: Mapping[str, Any], run: str | None):
    import mlflow  # pyright: ignore[reportMissingImports]  # an extra
    from mlflow.entities import Param  # pyright: ignore[reportMissingImports]  # an extra

    folder = os.path.abspath(folder)
    address = os.environ.get('MLFLOW_TRACKING_URI')
    self._client = mlflow.MlflowClient(address or f'sqlite:///{folder}/mlflow.db')
    name = os.environ.get('MLFLOW_EXPERIMENT_NAME', PROJECT)
    found = self._client.get_experiment_by_name(name)
    place = None if address else f'file://{folder}/mlartifacts'
    experiment = found.experiment_id if found else self._client.create_experiment(name, place)
    if run:
      self._client.update_run(run, 'RUNNING')
      self.run = run
      return
    self.run = str(self._client.create_run(experiment, run_name=_name(folder)).info.run_id)
    parameters = [Param(key, str(value)) for key, value in config.items()]
    for start in range(0, len(parameters), 100):  # at most so many at once
      self._client.log_batch(self.run, params=parameters[start : start + 100])

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Keeps numbers by name."""
    from mlflow.entities import Metric  # pyright: ignore[reportMissingImports]  # an extra

    now = int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, step) for name, value in values.items()]
    self._client.log_batch(self.run, metrics=metrics)

  def histogram(self, step: int, name: str, values: np.ndarray) -> None:
    """Keeps the mean and the spread: MLflow has no histograms."""
    self.scalars(step, {f'{name}/mean': values.mean(), f'{name}/spread': values.std()})

  def figure(self, step: int, name: str, image: np.ndarray) -> None:
    """Keeps a picture."""
    self._client.log_image(self.run, image, key=name, step=step)

  def result(self, figures: Mapping[str, float]) -> None:
    """Keeps the final figures as metrics."""
    self.scalars(0, figures)

  def close(self, done: bool = True) -> None:
    """Ends the run."""
    self._client.set_terminated(self.run, 'FINISHED' if done else 'KILLED')


def _name(folder: str) -> str:
  """What a run is called: its workdir's name and no path, which may be sent elsewhere."""
  return os.path.basename(os.path.abspath(folder))
