"""A run's generator before the evaluation: on the validation showers while it trains, on the
held-out test showers at the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from calojax.commands.compare import on_terminal
from calojax.data import fingerprint
from calojax.evaluation import summary
from calojax.evaluation.features import default_variant, observe, scalars
from calojax.evaluation.figures import plots
from calojax.evaluation.figures.layered import traversal_figures
from calojax.evaluation.metrics import traversals
from calojax.evaluation.report import verdict
from calojax.evaluation.report.folder import write_report
from calojax.evaluation.study import METRICS
from calojax.geometry import Geometry
from calojax.inference import sampler
from calojax.methods.state import Method, TrainState, Variables
from calojax.provenance import origin
from calojax.showers import Condition, Shower, concatenate, take
from calojax.training.run import Parts, Trainer
from calojax.training.trained import compiled, filled_up, piece
from calojax.training.workdir import flatten

MONITORED = 2000  # validation showers at most
MONITOR_CLUSTERS, MONITOR_RUNS = 100, 2  # a quick PRD, its ceiling beside it
PAIRS = 5  # showers drawn side by side
VARIANTS = ('', 'lhcb_reference', 'lhcb_corrected')
NOISE_SEED = (
  20_000  # of the showers that are judged: not a training key, and the same at every step
)


def check(config: Any, parts: Parts) -> None:
  """Raises ValueError if the evaluation that the config asks for cannot be made of the data: better
  before the training than after.
  """
  settings, count = config.evaluation, len(parts.test.energies)
  if settings.runs < 1 or not 1 <= settings.clusters <= count:
    raise ValueError(
      f'evaluation.clusters is {settings.clusters} and evaluation.runs {settings.runs}, expected 1 to {count} (the test '
      'showers) and at least 1'
    )
  unknown = [name for name in settings.metrics if name not in METRICS]
  if unknown:
    raise ValueError(
      f'evaluation.metrics holds {unknown[0]!r}, expected some of {", ".join(METRICS)}'
    )
  if settings.statistics not in VARIANTS:
    raise ValueError(
      f'evaluation.statistics is {settings.statistics!r}, expected one of {VARIANTS}'
    )
  if (
    settings.statistics == 'lhcb_reference' and default_variant(parts.geometry) != 'lhcb_reference'
  ):
    raise ValueError(
      'evaluation.statistics is lhcb_reference, which is defined for one layer of 30x30 cells only'
    )
  if len(parts.validation.energies) < 4:
    raise ValueError(f'{len(parts.validation.energies)} validation showers, expected at least 4')


def draw(method: Method, variables: Variables, particles: Condition) -> Shower:
  """One generated shower for each particle."""
  size = piece()
  run = filled_up(compiled(method, variables), size)
  return concatenate(list(sampler.stream(run, method.latent, particles, NOISE_SEED, batch=size)))


def independent_of(real: Shower, others: Shower) -> Shower | None:
  """As many other real showers, for the ceiling; None if there are not enough."""
  count = len(real.energies)
  return take(others, slice(count)) if len(others.energies) >= count else None


def particles(method: Method, real: Shower, independent: Shower | None) -> Condition:
  """Those that generated showers are judged on: of the independent showers, so that generated and
  independent Geant4 showers stand alike before the real ones. Drawn for the very particles of the
  real showers, a generator shares their sampling noise and can beat the ceiling. A library would
  give back the independent showers themselves, which are training showers: it gets the real
  showers' particles.
  """
  return real.condition if independent is None or method.stores else independent.condition


def monitor(trainer: Trainer, writer: Any) -> Callable[[int, TrainState], None]:
  """A report that puts pictures, observables' histograms and a quick PRD-AUC of the validation
  showers into TensorBoard.
  """
  parts = trainer.parts
  real = take(parts.validation, slice(MONITORED))
  clusters = min(MONITOR_CLUSTERS, len(real.energies) // 4)
  names = scalars(parts.geometry)
  observed = observe(names, real, parts.geometry)
  independent = independent_of(real, parts.train)
  asked = particles(trainer.method, real, independent)
  z = jax.random.normal(jax.random.key(NOISE_SEED), (len(real.energies), trainer.method.latent))
  generate = jax.jit(
    trainer.method.sample
  )  # the weights change from call to call: here they are arguments

  def report(step: int, state: TrainState) -> None:
    """Writes what the generator of a step makes."""
    generated, paired = (
      Shower(np.asarray(generate(state.generator.ema, z, c)), c) for c in (asked, real.condition)
    )
    scores = summary.evaluate(
      real, generated, parts.geometry, independent, clusters, MONITOR_RUNS, metrics=('prd',)
    )
    for name in scores['curves']:
      for key in ('value', 'ceiling'):
        writer.add_scalar(f'validation/prd_auc_{name}/{key}', scores[f'prd_auc/{name}'][key], step)
    for name, fake, true in zip(names, observe(names, generated, parts.geometry).T, observed.T):
      writer.add_histogram(f'{name}/generated', fake, step)
      writer.add_histogram(f'{name}/real', true, step)
    figure = plots.mean_image_figure(real, generated, parts.geometry)
    writer.add_image('showers/mean', plots.figure_to_array(figure), step, dataformats='HWC')
    figure = plots.sample_figure(real, paired, parts.geometry)
    writer.add_image('showers/samples', plots.figure_to_array(figure), step, dataformats='HWC')
    writer.flush()

  return report


def final(
  config: Any, method: Method, variables: Variables, step: int, parts: Parts, folder: str
) -> dict[str, Any]:
  """The summary of the generator on the test showers; written with its plots to
  `folder/evaluation/<step>`, its table printed.
  """
  real, geometry = parts.test, parts.geometry
  independent = independent_of(real, parts.train)
  generated, paired = (
    draw(method, variables, asked)
    for asked in (particles(method, real, independent), real.condition)
  )
  scores = summary.evaluate(
    real,
    generated,
    geometry,
    independent,
    config.evaluation.clusters,
    config.evaluation.runs,
    config.seed,
    config.evaluation.statistics or None,
    on_terminal(),
    parts.train,
    paired,
    tuple(config.evaluation.metrics) or summary.FAST,
  )
  scores['meta'] |= {
    'workdir': os.path.basename(os.path.abspath(folder)),
    'step': step,
    'training_seed': config.seed,
    'data': fingerprint(parts.train),
    **origin(),
  }
  directory = os.path.join(folder, 'evaluation', str(step))
  traversed = traverse(method, variables, real, geometry) if len(geometry.layers) > 1 else {}
  scores |= {f'traversals/{name}': found.figure for name, found in traversed.items()}
  if config.evaluation.pictures:
    pairs = tuple(take(sample, slice(PAIRS)) for sample in (real, paired))
    drawn = plots.figures(
      real, generated, geometry, scores.get('curves', {}), pairs
    ) | traversal_figures(traversed, geometry)
    images = plots.rendered(drawn)
    plots.write_images(directory, images)
    write_report(directory, scores, images)
  path = summary.write_summary(scores, directory)
  print(
    f'\n{verdict.verdict_table(scores)}\n{path}'
    + config.evaluation.pictures * ', report.html and pictures beside it',
    flush=True,
  )
  return scores


def traverse(
  method: Method, variables: Variables, real: Shower, geometry: Geometry
) -> dict[str, traversals.Traversal]:
  """Generated showers while one attribute of the particle moves and the noise stands still."""
  z = jax.random.normal(jax.random.key(NOISE_SEED), (traversals.REPEATS, method.latent))

  def generate(asked: Condition) -> Shower:
    noise = jnp.tile(z, (len(asked.energy) // len(z), 1))
    return Shower(
      np.asarray(
        method.sample(variables, noise, Condition(*(jnp.asarray(f, jnp.float32) for f in asked)))
      ),
      asked,
    )

  return traversals.traverse(generate, real, geometry)


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
  writer.add_hparams(values, metrics, name='hparams')
