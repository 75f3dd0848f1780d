"""The evaluation: of a run's generator on the held-out showers, and of two files of showers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from calojax import data
from calojax.commands.judging import USUAL, Given, judge_run, on_terminal, present
from calojax.data import incident
from calojax.evaluation.arrangement import FEWEST
from calojax.evaluation.comparable import check_geometries
from calojax.evaluation.comparison import read_files, study_of
from calojax.evaluation.features import VARIANTS, default_variant
from calojax.evaluation.figures import plots
from calojax.evaluation.named import find_metric, usual
from calojax.evaluation.samples import read_sample
from calojax.evaluation.study import Settings, summary
from calojax.evaluation.wishes import Wishes
from calojax.exit_codes import DONE
from calojax.inference import coverage
from calojax.provenance import origin

if TYPE_CHECKING:  # two files are compared without JAX
  from calojax.training.parts import Parts

VALIDATION = 4  # showers at least, with which a training is watched


def files(
  reference: str | None,
  generated: str | None,
  training: str | None = None,
  wishes: Wishes = USUAL,
) -> Callable[[], int]:
  """The work of `compare_files`, its flags checked: a function that does it and returns the exit
  code.

  Raises:
    ValueError: there are no two files or no place for the result, or a wish that cannot be granted.
  """
  if not (reference and generated and wishes.output):
    raise ValueError(
      'a comparison of files needs --reference=FILE, --generated=FILE and --output=FOLDER'
    )
  if wishes.conditions:
    raise ValueError(
      f'--conditions={wishes.conditions} with --reference, expected a run: files are compared as '
      'they are'
    )
  wishes.checked()

  def work() -> int:
    compare_files(reference, generated, training, wishes)
    return DONE

  return work


def compare_files(
  reference: str, generated: str, training: str | None, wishes: Wishes
) -> dict[str, Any]:
  """The summary of a file of generated showers against one of real showers, written with pictures
  and reports to the folder that is wished, its table printed.

  Args:
    reference: file of any readable layout, or name of an embedded data set.
    generated: the same.
    training: file of the showers that the generator was trained on, to see whether it repeats them.
    wishes: with an output; all metrics if it names none.

  Raises:
    ValueError: a file cannot be read, the geometries differ, the particles do not match, or there
      are too few showers.
  """
  progress, settings = on_terminal(), wishes.settings(Settings(metrics=usual(classifier=True)))
  found = read_files(reference, [generated], training, settings.seed, progress, wishes.said)
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
    'asked': wishes.asked(),
    **origin(),
  }
  shown, made, _ = study.cells
  # Of the halves that are compared no particle is on both sides; these have the reference's own.
  pairs = None if study.own is None else (shown, study.own)
  drawn = plots.figures(shown, made, geometry, scores, pairs)
  present(wishes.output or '.', scores, drawn, wishes.vectors)
  return scores


def run(
  folder: str, wishes: Wishes = USUAL, *, checkpoint: str = 'newest', source: str | None = None
) -> Callable[[], int]:
  """`of_run` as a function that does it and returns the exit code."""
  judge = of_run(folder, wishes, checkpoint=checkpoint, source=source)

  def work() -> int:
    judge()
    return DONE

  return work


def of_run(
  folder: str, wishes: Wishes = USUAL, *, checkpoint: str = 'newest', source: str | None = None
) -> Callable[[], dict[str, Any]]:
  """The evaluation of a workdir's checkpoint on the held-out showers, or on those of a file, its
  input checked: a function that does it and returns the summary.

  Args:
    folder: the workdir.
    wishes: without an output it is written to `evaluation/<step>` of the workdir, which may be one
      that only can be read, or beside it, if something else than the usual is asked.
    checkpoint: `newest`, `best` or a step.
    source: where the data lie now, if they have moved.

  Raises:
    ValueError: the workdir is not complete or has no such checkpoint, its data cannot be read, or
      a wish that cannot be granted.
  """
  wishes.checked()
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
  given = showers_of(wishes, config, parts) if wishes.conditions else None
  return lambda: judge_run(config, parts, generator, folder, wishes, given)


def showers_of(wishes: Wishes, config: Any, parts: Parts) -> Given:
  """The showers of the file that a run is to be judged on; as many as memory should hold.

  Raises:
    ValueError: it has only particles, is of another calorimeter, has too few showers or cannot be
      read.
  """
  from calojax.training.parts import binning

  path = wishes.conditions or ''
  if os.path.isfile(path) and not incident.has_showers(path):
    raise ValueError(
      f'--conditions={path} has particles and no showers, expected real showers of these particles '
      'to judge by; sample makes generated ones of them'
    )
  own = binning(config) if os.path.isfile(path) else None
  with data.flagged('--'):
    sample, geometry, where = read_sample(path, config.seed, own, conventions=wishes.said.real)
  check_geometries(parts.geometry, geometry, str(config.data.source), path)
  if len(sample.kept) < 2 * FEWEST:
    raise ValueError(f'{path}: {len(sample.kept)} showers, expected at least {2 * FEWEST}')
  known = parts.train.condition
  coverage.warn(sample.condition, coverage.coverage(known), stacklevel=2)
  return Given(sample.showers, where)


def check(config: Any, parts: Parts) -> None:
  """Raises ValueError if the evaluation that the config asks for cannot be made of the data: better
  before the training than after.
  """
  settings, count = config.evaluation, len(parts.test.energies)
  if settings.runs < 1 or not 1 <= settings.clusters <= count:
    raise ValueError(
      f'evaluation.clusters is {settings.clusters} and evaluation.runs {settings.runs}, expected '
      f'1 to {count} (the test showers) and at least 1; --config.evaluation.clusters=N sets it'
    )
  for name in settings.metrics:
    find_metric(name, 'metric of evaluation.metrics')
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
