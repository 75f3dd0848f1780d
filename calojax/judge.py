"""A run's generator before the evaluation: on the validation showers while it trains, on the held-out test showers at the end."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable

from calojax.data import fingerprint
from calojax.evaluation import plots, summary
from calojax.evaluation.physics import column_names, observe
from calojax.observables import OBSERVABLES
from calojax.provenance import origin
from calojax.run import Parts, Trainer
from calojax.sample import stream
from calojax.showers import Shower, concatenate, take
from calojax.state import Method, TrainState, Variables
from calojax.workdir import flatten

MONITORED = 2000  # validation showers at most
MONITOR_CLUSTERS, MONITOR_RUNS = 100, 2  # a quick PRD, its ceiling beside it
HISTOGRAMS = tuple(name for name, observable in OBSERVABLES.items() if observable.width == 1)
NOISE_SEED = 20_000  # of the showers that are judged: not a training key, and the same at every step


def draw(method: Method, variables: Variables, real: Shower) -> Shower:
  """One generated shower for each real one, of the same particle."""
  return concatenate(list(stream(method, variables, real.condition, NOISE_SEED)))


def independent_of(real: Shower, others: Shower) -> Shower | None:
  """As many other real showers, for the ceiling; None if there are not enough."""
  count = len(real.energies)
  return take(others, slice(count)) if len(others.energies) >= count else None


def monitor(trainer: Trainer, writer: Any) -> Callable[[int, TrainState], None]:
  """A report that puts pictures, observables' histograms and a quick PRD-AUC of the validation showers into TensorBoard."""
  parts = trainer.parts
  real = take(parts.validation, slice(MONITORED))
  clusters = min(MONITOR_CLUSTERS, len(real.energies) // 4)
  observed = observe(HISTOGRAMS, real, parts.geometry)

  def report(step: int, state: TrainState) -> None:
    generated = draw(trainer.method, state.generator.ema, real)
    scores = summary.evaluate(real, generated, parts.geometry, independent_of(real, parts.train), clusters, MONITOR_RUNS)
    for name in ('raw', 'physics', 'physics_corrected'):
      for key in ('value', 'ceiling'):
        writer.add_scalar(f'validation/prd_auc_{name}/{key}', scores[f'prd_auc/{name}'][key], step)
    for name, fake, true in zip(HISTOGRAMS, observe(HISTOGRAMS, generated, parts.geometry).T, observed.T):
      writer.add_histogram(f'{name}/generated', fake, step)
      writer.add_histogram(f'{name}/real', true, step)
    figure = plots.mean_image_figure(real, generated, parts.geometry)
    writer.add_image('showers/mean', plots.figure_to_array(figure), step, dataformats='HWC')
    figure = plots.sample_figure(real, generated, parts.geometry)
    writer.add_image('showers/samples', plots.figure_to_array(figure), step, dataformats='HWC')
    writer.flush()

  return report


def final(config: Any, method: Method, variables: Variables, step: int, parts: Parts, folder: str) -> dict[str, Any]:
  """The summary of the generator on the test showers; written with its plots to `folder/evaluation/<step>`, its table printed."""
  real = parts.test
  generated = draw(method, variables, real)
  independent = independent_of(real, parts.train)
  scores = summary.evaluate(real, generated, parts.geometry, independent, config.evaluation.clusters, config.evaluation.runs,
                            config.seed, config.evaluation.statistics, _progress())
  scores['meta'] |= {'workdir': os.path.basename(os.path.abspath(folder)), 'step': step, 'training_seed': config.seed,
                     'data': fingerprint(parts.train), **origin()}
  directory = os.path.join(folder, 'evaluation', str(step))
  plots.write_plots(directory, real, generated, parts.geometry, scores['curves'])
  path = summary.write_summary(scores, directory)
  print(f'\n{summary.verdict_table(scores)}\n{path} and pictures beside it', flush=True)
  return scores


def _progress() -> Callable[[str, int, int], None] | None:
  """A line that tells how far the evaluation is, on a terminal."""
  if not sys.stderr.isatty():
    return None
  return lambda stage, done, total: print(f'\revaluating: {stage} {done}/{total}' + ' ' * 20, end='', file=sys.stderr, flush=True)


def write_hparams(writer: Any, config: Any, scores: dict[str, Any]) -> None:
  """The config and the final scores as TensorBoard hyper-parameters."""
  values = {key: value if isinstance(value, (bool, int, float, str)) else str(value) for key, value in flatten(config.to_dict()).items()}
  metrics = {f'final/{name}': scores[name]['value'] for name in ('prd_auc/raw', 'prd_auc/physics', 'prd_auc/physics_corrected', 'prd_auc/min')}
  writer.add_hparams(values, metrics, name='hparams')
