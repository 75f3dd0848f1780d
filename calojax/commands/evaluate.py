"""The evaluation: of a run's generator on the held-out showers, and of two files of showers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from calojax import data, interruption
from calojax.evaluation.arrangement import NOISE_SEED, Compared, independent_of, particles
from calojax.evaluation.comparison import UNSAID, Said, read_files, study_of
from calojax.evaluation.features import VARIANTS, default_variant
from calojax.evaluation.figures import plots
from calojax.evaluation.figures.layered import traversal_figures
from calojax.evaluation.metrics.challenge_features import CONVENTIONS, TODAY
from calojax.evaluation.metrics.traversals import REPEATS, Traversal, traverse
from calojax.evaluation.report.folder import write_evaluation
from calojax.evaluation.report.verdict import verdict_table
from calojax.evaluation.samples import gathered, most_cells, sample
from calojax.evaluation.sets import Progress
from calojax.evaluation.study import METRICS, Settings, prepare, summary, usual
from calojax.exit_codes import DONE
from calojax.geometry import Geometry
from calojax.provenance import origin
from calojax.registry import find
from calojax.showers import Condition, Shower, concatenate, take

if TYPE_CHECKING:  # two files are compared without JAX
  from matplotlib.figure import Figure

  from calojax.training.parts import Parts
  from calojax.training.trained import Generator

PAIRS = 5  # showers drawn side by side
VALIDATION = 4  # showers at least, with which a training is watched


def files(
  reference: str | None,
  generated: str | None,
  output: str | None,
  *,
  training: str | None = None,
  clusters: int = 400,
  classifier: bool = True,
  seed: int = 0,
  said: Said = UNSAID,
  challenge: str = TODAY,
) -> Callable[[], int]:
  """The work of `compare_files`, its flags checked: a function that does it and returns the exit
  code.

  Raises:
    ValueError: there are no two files, or no place for the result.
  """
  if not (reference and generated and output):
    raise ValueError(
      'a comparison of files needs --reference=FILE, --generated=FILE and --output=FOLDER'
    )
  _check_folder(output)
  find(CONVENTIONS, challenge, 'conventions of the CaloChallenge')

  def work() -> int:
    settings = Settings(clusters, seed=seed, metrics=usual(classifier), challenge=challenge)
    compare_files(reference, generated, output, training, settings, said)
    return DONE

  return work


def compare_files(
  reference: str,
  generated: str,
  output: str,
  training: str | None,
  settings: Settings,
  said: Said = UNSAID,
) -> dict[str, Any]:
  """The summary of a file of generated showers against one of real showers, written with pictures
  and reports to the folder `output`, its table printed.

  Args:
    reference: file of any readable layout, or name of an embedded data set.
    generated: the same.
    output: the folder, made if need be.
    training: file of the showers that the generator was trained on, to see whether it repeats them.
    settings: of the evaluation; fewer clusters where there are few showers.
    said: units, axes and what to do with negative cells, which the files do not tell.

  Raises:
    ValueError: a file cannot be read, the geometries differ, the particles do not match, or there
      are too few showers.
  """
  progress = on_terminal()
  found = read_files(reference, [generated], training, settings.seed, progress, said)
  (fake,), geometry = found.generated, found.geometry
  study = study_of(found, fake, settings, progress)
  real, made, _ = study.sets.map(lambda sample: len(sample.columns))
  print(
    f'{len(found.reference.columns)} reference and {len(fake.columns)} generated showers of '
    f'{geometry.name}: compares {real} with {made}; ceilings from as many of {study.ceiling}',
    flush=True,
  )
  scores = summary(study)
  scores['meta'] |= {
    **dict(zip(('reference_file', 'generated_file'), found.origins)),
    'paired': study.paired is not None,
    **origin(),
  }
  shown, made, _ = study.cells
  _present(output, scores, plots.figures(shown, made, geometry, scores['curves']))
  return scores


def run(
  folder: str,
  output: str | None = None,
  challenge: str = TODAY,
  *,
  checkpoint: str = 'newest',
  source: str | None = None,
) -> Callable[[], int]:
  """The evaluation of a workdir's checkpoint on the held-out showers, its input checked: a function
  that does it and returns the exit code.

  Args:
    folder: the workdir.
    output: the folder to write, where it is not to be `evaluation/<step>` of the workdir, which may
      be one that only can be read.
    challenge: conventions of the CaloChallenge's figures.
    checkpoint: `newest`, `best` or a step.
    source: where the data lie now, if they have moved.

  Raises:
    ValueError: the workdir is not complete or has no such checkpoint, its data cannot be read, or
      the output is a file.
  """
  _check_folder(output)
  find(CONVENTIONS, challenge, 'conventions of the CaloChallenge')
  from calojax.commands.start_up import start_up
  from calojax.training import workdir
  from calojax.training.parts import load_parts
  from calojax.training.trained import trained

  start_up()
  config = workdir.with_data(workdir.stored_config(folder), folder, source)
  parts = load_parts(config)
  generator = trained(folder, checkpoint)
  workdir.check_data(folder, generator.description, data.fingerprint(parts.train))
  check(config, parts)

  def work() -> int:
    judge_run(config, parts, generator, folder, output, challenge)
    return DONE

  return work


def _check_folder(output: str | None) -> None:
  """Raises ValueError if the folder to write is a file."""
  if output and os.path.exists(output) and not os.path.isdir(output):
    raise ValueError(f'--output={output} is a file, expected the name of a folder')


def check(config: Any, parts: Parts) -> None:
  """Raises ValueError if the evaluation that the config asks for cannot be made of the data: better
  before the training than after.
  """
  settings, count = config.evaluation, len(parts.test.energies)
  if settings.runs < 1 or not 1 <= settings.clusters <= count:
    raise ValueError(
      f'evaluation.clusters is {settings.clusters} and evaluation.runs {settings.runs}, expected '
      f'1 to {count} (the test showers) and at least 1'
    )
  for name in settings.metrics:
    find(METRICS, name, 'metric of evaluation.metrics')
  known = ('', *VARIANTS)
  if settings.statistics not in known:
    raise ValueError(f'evaluation.statistics is {settings.statistics!r}, expected one of {known}')
  if (
    settings.statistics == 'lhcb_reference' and default_variant(parts.geometry) != 'lhcb_reference'
  ):
    raise ValueError(
      'evaluation.statistics is lhcb_reference, which is defined for one layer of 30x30 cells only'
    )
  if len(parts.validation.energies) < VALIDATION:
    raise ValueError(
      f'{len(parts.validation.energies)} validation showers, expected at least {VALIDATION}'
    )


def judge_run(
  config: Any,
  parts: Parts,
  generator: Generator,
  folder: str,
  output: str | None = None,
  challenge: str = TODAY,
) -> dict[str, Any]:
  """The summary of a trained generator on the test showers, written with its pictures to `output`,
  by default `folder/evaluation/<step>`, its table printed.
  """
  real, geometry, asked = parts.test, parts.geometry, config.evaluation
  cells = most_cells(config.data.memory_gib)
  independent = independent_of(real, parts.train)
  wanted = particles(real, independent, generator.method.stores)
  generated = gathered(stream(generator, wanted), len(wanted.energy), geometry, cells)
  real = sample(real, geometry, cells)
  independent = independent and sample(independent, geometry, cells)
  paired = draw(generator, real.showers.condition)
  study = prepare(
    Compared(real, generated, independent, parts.train, paired),
    geometry,
    Settings(
      asked.clusters,
      asked.runs,
      config.seed,
      asked.statistics or None,
      tuple(asked.metrics),
      challenge,
    ),
    on_terminal(),
  )
  scores = summary(study)
  # The folder's name and no path: a summary may be published.
  scores['meta'] |= {
    'workdir': os.path.basename(os.path.abspath(folder)),
    'step': generator.step,
    'training_seed': config.seed,
    'data': data.fingerprint(parts.train),
    **origin(),
  }
  traversed = traversals(generator, parts.test, geometry)
  scores |= {f'traversals/{name}': found.figure for name, found in traversed.items()}
  figures = None
  if asked.pictures:
    pairs = take(real.showers, slice(PAIRS)), take(paired, slice(PAIRS))
    curves = scores.get('curves', {})
    figures = plots.figures(real.showers, generated.showers, geometry, curves, pairs)
    figures |= traversal_figures(traversed, geometry)
  _present(output or os.path.join(folder, 'evaluation', str(generator.step)), scores, figures)
  return scores


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


def _present(folder: str, scores: dict[str, Any], figures: dict[str, Figure] | None) -> None:
  """Writes an evaluation, with reports and pictures if there are figures, and prints its table."""
  path = write_evaluation(folder, scores, figures)
  beside = '' if figures is None else ', report.html and pictures beside it'
  print(f'\n{verdict_table(scores)}\n{path}{beside}', flush=True)
