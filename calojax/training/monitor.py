"""What a run's generator looks like on the validation showers while it trains, into
the run's tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from calojax.evaluation.arrangement import NOISE_SEED, Compared, independent_of, particles
from calojax.evaluation.features import observe, scalars
from calojax.evaluation.figures import plots
from calojax.evaluation.figures.rendering import figure_to_array
from calojax.evaluation.named import METRICS
from calojax.evaluation.study import Settings, clusters_for, evaluate
from calojax.methods.state import TrainState
from calojax.showers import Shower, take
from calojax.training import gates, sharding
from calojax.training.callbacks import Diverged, tell
from calojax.training.parts import Parts
from calojax.training.run import Trainer
from calojax.training.trackers import Tracker

MONITORED = 2000  # validation showers at most
METRIC_OF = {'distances/fpd': 'frechet', 'separation/mean': 'distances'}  # others: prd
CLUSTERS, RUNS = 100, 2  # a quick PRD, its ceiling beside it


def monitor(trainer: Trainer, tracker: Tracker) -> Callable[[int, TrainState], float | None]:
  """A report that puts pictures, observables' histograms, a quick PRD-AUC of the validation showers
  and what the gates say into the tracker, the last also into the log; it gives the figure by which
  the best state is chosen.
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
  beside = gates.Beside(real, parts.geometry)
  score = gates.scorer(method, parts.train, real, trainer.config.train.batch)
  # One noise for all steps: from picture to picture only the generator changes.
  z = jax.random.normal(jax.random.key(NOISE_SEED), (count, method.latent))
  # The weights change from call to call: here they are arguments, not constants of the program.
  generate = jax.jit(method.sample)

  def report(step: int, state: TrainState) -> float | None:
    """Writes what the generator of a step makes; gives the figure.

    Raises:
      Diverged: it makes showers that are not finite.
    """
    variables = sharding.local(state.generator.ema)
    generated, paired = (
      Shower(np.asarray(generate(variables, z, c)), c) for c in (asked, real.condition)
    )
    if not np.isfinite(generated.energies).all():
      raise Diverged(f'step {step}: the generated showers are not finite')
    scores = evaluate(Compared(real, generated, independent), parts.geometry, settings)
    figures, scored = beside(generated, paired), score and score(state)
    for line in gates.lines(step, figures, count, scored):
      tell(line)
    if scored:
      figures |= {'score_gap': scored.gap, 'score_spread': scored.spread}
    figures |= _quick(scores, chosen)
    tracker.scalars(step, {f'validation/{name}': v for name, v in figures.items()})
    made = observe(names, generated, parts.geometry).T
    histograms(tracker, step, names, {'generated': made, 'real': observed})
    pictures = {
      'mean': plots.mean_image_figure(real, generated, parts.geometry),
      'samples': plots.sample_figure(real, paired, parts.geometry),
    }
    for name, figure in pictures.items():
      tracker.figure(step, f'showers/{name}', figure_to_array(figure))
    return scores[chosen]['value'] if chosen else None

  return report


def _quick(scores: dict[str, Any], chosen: str) -> dict[str, float]:
  """PRD-AUC of each kind beside its ceiling, and the figure that the best state is chosen by."""
  found = {
    f'prd_auc_{kind}/{key}': scores[f'prd_auc/{kind}'][key]
    for kind in scores['curves']
    for key in ('value', 'ceiling')
  }
  return found | ({chosen: scores[chosen]['value']} if chosen in METRIC_OF else {})


def histograms(
  tracker: Tracker, step: int, names: Sequence[str], kinds: Mapping[str, np.ndarray]
) -> None:
  """Puts the observables `[k, n]` of each kind of showers into the tracker."""
  for i, name in enumerate(names):
    for kind, columns in kinds.items():
      known = columns[i][np.isfinite(columns[i])]  # an empty shower has no centre
      if len(known):
        tracker.histogram(step, f'observables/{name}/{kind}', known)


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


def final(scores: dict[str, Any]) -> dict[str, float]:
  """The figures of an evaluation that are kept beside the config, to compare trainings by."""
  metrics = {
    f'final/prd_auc_{name}': scores[f'prd_auc/{name}']['value']
    for name in (*scores.get('curves', {}), 'min')
    if f'prd_auc/{name}' in scores
  }
  for name in ('worst', 'worst_trees'):
    if f'classifier/{name}' in scores:
      metrics[f'final/classifier_{name}'] = scores[f'classifier/{name}']['value']
  return metrics
