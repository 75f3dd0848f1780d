"""What a run's generator looks like on the validation showers while it trains, into TensorBoard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from calojax.config import flatten
from calojax.evaluation.arrangement import NOISE_SEED, Compared, independent_of, particles
from calojax.evaluation.features import observe, scalars
from calojax.evaluation.figures import plots
from calojax.evaluation.figures.rendering import figure_to_array
from calojax.evaluation.study import METRICS, Settings, clusters_for, evaluate
from calojax.methods.state import TrainState
from calojax.showers import Shower, take
from calojax.training.callbacks import Diverged
from calojax.training.parts import Parts
from calojax.training.run import Trainer

MONITORED = 2000  # validation showers at most
METRIC_OF = {'distances/fpd': 'FPD and KPD', 'separation/mean': 'distances'}  # others: prd
CLUSTERS, RUNS = 100, 2  # a quick PRD, its ceiling beside it


def monitor(trainer: Trainer, writer: Any) -> Callable[[int, TrainState], float | None]:
  """A report that puts pictures, observables' histograms and a quick PRD-AUC of the validation
  showers into TensorBoard; it gives the figure by which the best state is chosen.
  """
  parts, method = trainer.parts, trainer.method
  real = take(parts.validation, slice(MONITORED))
  count = len(real.energies)
  chosen = trainer.config.train.best_by
  metrics = dict.fromkeys(('prd', METRIC_OF.get(chosen, 'prd')))
  settings = Settings(clusters_for(count, CLUSTERS), RUNS, metrics=tuple(metrics))
  independent = independent_of(real, parts.train)
  names = scalars(parts.geometry)
  observed = observe(names, real, parts.geometry).T
  asked = particles(real, independent, method.stores)
  # One noise for all steps: from picture to picture only the generator changes.
  z = jax.random.normal(jax.random.key(NOISE_SEED), (count, method.latent))
  # The weights change from call to call: here they are arguments, not constants of the program.
  generate = jax.jit(method.sample)

  def report(step: int, state: TrainState) -> float | None:
    """Writes what the generator of a step makes; gives the figure.

    Raises:
      Diverged: it makes showers that are not finite.
    """
    generated, paired = (
      Shower(np.asarray(generate(state.generator.ema, z, c)), c) for c in (asked, real.condition)
    )
    if not np.isfinite(generated.energies).all():
      raise Diverged(f'step {step}: the generated showers are not finite')
    scores = evaluate(Compared(real, generated, independent), parts.geometry, settings)
    for kind in scores['curves']:
      for key in ('value', 'ceiling'):
        writer.add_scalar(f'validation/prd_auc_{kind}/{key}', scores[f'prd_auc/{kind}'][key], step)
    for name, fake, true in zip(names, observe(names, generated, parts.geometry).T, observed):
      for kind, values in (('generated', fake), ('real', true)):
        known = values[np.isfinite(values)]  # an empty shower has no centre
        if len(known):
          writer.add_histogram(f'{name}/{kind}', known, step)
    pictures = {
      'mean': plots.mean_image_figure(real, generated, parts.geometry),
      'samples': plots.sample_figure(real, paired, parts.geometry),
    }
    for name, figure in pictures.items():
      writer.add_image(f'showers/{name}', figure_to_array(figure), step, dataformats='HWC')
    if chosen in METRIC_OF:
      writer.add_scalar(f'validation/{chosen}', scores[chosen]['value'], step)
    writer.flush()
    return scores[chosen]['value'] if chosen else None

  return report


def check(config: Any, parts: Parts) -> None:
  """Raises ValueError if the best state cannot be chosen as the config asks for."""
  chosen, patience = config.train.best_by, config.train.patience
  if patience and not chosen:
    raise ValueError(
      f"train.patience is {patience} and train.best_by is '', expected a figure that is waited for"
    )
  count, fewest = len(parts.validation.energies), METRICS[METRIC_OF.get(chosen, 'prd')].fewest
  if chosen and count < fewest:
    raise ValueError(
      f'train.best_by is {chosen!r} with {count} validation showers, expected at least {fewest}'
    )


def write_hparams(writer: Any, config: Any, scores: dict[str, Any]) -> None:
  """The config and the final scores as TensorBoard hyper-parameters."""
  values = {
    key: value if isinstance(value, (bool, int, float, str)) else str(value)
    for key, value in flatten(config.to_dict()).items()
  }
  metrics = {
    f'final/prd_auc_{name}': scores[f'prd_auc/{name}']['value']
    for name in (*scores.get('curves', {}), 'min')
    if f'prd_auc/{name}' in scores
  }
  for name in ('worst', 'worst_trees'):
    if f'classifier/{name}' in scores:
      metrics[f'final/classifier_{name}'] = scores[f'classifier/{name}']['value']
  writer.add_hparams(values, metrics, name='hparams')
