"""A run's generator judged on real showers, and what an evaluation shows and writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from calojax import data, interruption
from calojax.evaluation.arrangement import NOISE_SEED, Compared, independent_of, particles
from calojax.evaluation.comparison import fewer_clusters
from calojax.evaluation.figures import plots
from calojax.evaluation.figures.layered import traversal_figures
from calojax.evaluation.metrics.traversals import REPEATS, Traversal, traverse
from calojax.evaluation.report.folder import write_evaluation
from calojax.evaluation.report.verdict import verdict_table
from calojax.evaluation.samples import gathered, most_cells, sample
from calojax.evaluation.sets import Progress
from calojax.evaluation.study import Settings, prepare, summary
from calojax.evaluation.wishes import Wishes
from calojax.evaluation.words import sentences
from calojax.geometry import Geometry
from calojax.provenance import origin
from calojax.showers import Condition, Shower, concatenate, take

if TYPE_CHECKING:  # two files are compared without JAX
  from matplotlib.figure import Figure

  from calojax.training.parts import Parts
  from calojax.training.trained import Generator

PAIRS = 5  # showers drawn side by side
USUAL = Wishes()


class Given(NamedTuple):
  """Real showers of a file to judge a run on, and where they come from."""

  showers: Shower
  origin: dict[str, Any]


def judge_run(
  config: Any,
  parts: Parts,
  generator: Generator,
  folder: str,
  wishes: Wishes = USUAL,
  given: Given | None = None,
) -> dict[str, Any]:
  """The summary of a trained generator on the test showers, or on those given, written with its
  pictures to `folder/evaluation/<step>` or where it is wished, its table printed.
  """
  whole, geometry = given.showers if given else parts.test, parts.geometry
  cells = most_cells(config.data.memory_gib)
  # Showers of a file may be of another law than those of the training: they are halved instead.
  others = None if given else independent_of(whole, parts.train)
  wanted = particles(whole, others, generator.method.stores)
  generated = gathered(stream(generator, wanted), len(wanted.energy), geometry, cells)
  real, independent = sample(whole, geometry, cells), others and sample(others, geometry, cells)
  paired = draw(generator, real.showers.condition)
  study = prepare(
    Compared(real, generated, independent, parts.train, paired),
    geometry,
    wishes.settings(settings_of(config)),
    on_terminal(),
  )
  if wishes.clusters or given:  # the config's have been checked with the test showers
    study = fewer_clusters(study)
  scores = summary(study)
  # The folder's name and no path: a summary may be published.
  scores['meta'] |= {
    'workdir': os.path.basename(os.path.abspath(folder)),
    'step': generator.step,
    'training_seed': config.seed,
    'data': data.fingerprint(parts.train),
    'asked': wishes.asked(),
    **({'reference_file': given.origin} if given else {}),
    **origin(),
  }
  traversed = traversals(generator, whole, geometry)
  scores |= {f'traversals/{name}': found.figure for name, found in traversed.items()}
  figures = None
  if config.evaluation.pictures:
    pairs = take(real.showers, slice(PAIRS)), take(paired, slice(PAIRS))
    figures = plots.figures(real.showers, generated.showers, geometry, scores, pairs)
    figures |= traversal_figures(traversed, geometry)
  usual = os.path.join(folder, 'evaluation', str(generator.step))
  present(wishes.folder(usual), scores, figures, wishes.vectors)
  return scores


def settings_of(config: Any) -> Settings:
  """How a config wants its run judged."""
  asked = config.evaluation
  return Settings(
    asked.clusters,
    asked.runs,
    config.seed,
    asked.statistics or None,
    tuple(asked.metrics),
  )


def traversals(generator: Generator, real: Shower, geometry: Geometry) -> dict[str, Traversal]:
  """Generated showers while one attribute of the particle moves and the noise stands still; of
  several layers, as in the paper, else none.
  """
  if len(geometry.layers) == 1:
    return {}
  z = np.random.default_rng(NOISE_SEED).standard_normal((REPEATS, generator.latent), np.float32)

  def generate(asked: Condition) -> Shower:
    return draw(generator, asked, np.tile(z, (len(asked.energy) // REPEATS, 1)))

  return traverse(generate, real, geometry)


def draw(generator: Generator, asked: Condition, noise: np.ndarray | None = None) -> Shower:
  """One generated shower for each particle, of the noise `[b, latent]` if it is given."""
  return concatenate(list(stream(generator, asked, noise)))


def stream(
  generator: Generator, asked: Condition, noise: np.ndarray | None = None
) -> Iterator[Shower]:
  """The same in pieces."""
  for piece in generator.stream(asked, NOISE_SEED, noise=noise):
    interruption.check()
    yield piece


def on_terminal() -> Progress:
  """A line that tells how far the evaluation is, where somebody looks; an interrupted one ends
  here.
  """

  def show(stage: str, done: int, total: int) -> None:
    words = f'\revaluating: {stage} {done}/{total}'
    print(words + ' ' * 20, end='', file=sys.stderr, flush=True)

  return interruption.progress(show if sys.stderr.isatty() else None)


def present(
  folder: str,
  scores: dict[str, Any],
  figures: dict[str, Figure] | None,
  vectors: Sequence[str],
) -> None:
  """Writes an evaluation, with reports and pictures if there are figures, and prints its table and
  what is wrong, which becomes the summary's `words`.
  """
  scores['words'] = sentences(scores)
  path = write_evaluation(folder, scores, figures, vectors)
  beside = '' if figures is None else ', report.html and pictures beside it'
  told = ''.join(f'\n- {sentence}' for sentence in scores['words'])
  print(f'\n{verdict_table(scores)}{told}\n{path}{beside}', flush=True)
