"""Two files of showers before the evaluation: no model of calojax is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from calojax import data
from calojax.evaluation import summary
from calojax.evaluation.arrangement import arrange, check_comparable, paired
from calojax.evaluation.features import column_names, compared
from calojax.evaluation.figures import plots
from calojax.evaluation.report import verdict
from calojax.evaluation.report.folder import write_report
from calojax.evaluation.samples import read_sample
from calojax.evaluation.study import METRICS, Progress
from calojax.geometry import Geometry
from calojax.provenance import origin
from calojax.showers import thinned

CLUSTER = 4  # showers at least for a cluster of the PRD
TRAINING = 20_000  # showers trained on among which neighbours are sought


def compare(
  reference: str,
  generated: str,
  output: str,
  training: str | None = None,
  clusters: int = 400,
  classifier: bool = True,
  seed: int = 0,
  progress: Progress | None = None,
) -> dict[str, Any]:
  """The summary of a file of generated showers against one of real showers, written with pictures
  and reports to the folder `output`.

  Args:
    reference, generated: files of any readable layout, or names of embedded data sets.
    output: the folder, made if need be.
    training: file of the showers that the generator was trained on, to see whether it repeats them.
    clusters: of the PRD, fewer if there are less than four showers a cluster.
    classifier: whether to train the classifiers too.
    seed: of everything random.
    progress: called with (stage, done, total).

  Raises:
    ValueError: a file cannot be read, the geometries differ, the particles do not match, or there
      are too few showers.
  """
  real, geometry, real_origin = read_sample(reference, seed, progress=progress)
  fake, other_geometry, fake_origin = read_sample(generated, seed, progress=progress)
  check_geometries(geometry, other_geometry, reference, generated)
  check_comparable(real, fake, column_names(compared(geometry), geometry).index('response'))
  stored = data.load(training).showers if training else None
  if stored is not None and stored.energies.shape[1] != geometry.cells:
    raise ValueError(
      f'{training}: showers of {stored.energies.shape[1]} cells, expected {geometry.cells} as in {reference}'
    )
  sets = arrange(real, fake, seed=seed)
  print(
    f'{len(real.columns)} reference and {len(fake.columns)} generated showers of {geometry.name}: compares '
    f'{len(sets.reference.columns)} with {len(sets.generated.columns)}; ceilings from as many of {sets.ceiling}',
    flush=True,
  )
  clusters = min(clusters, max(2, len(sets.reference.kept) // CLUSTER))
  names = [name for name in METRICS if classifier or name != 'classifier']
  alike = paired(real, fake)
  scores = summary.evaluate(
    real,
    fake,
    geometry,
    None,
    clusters,
    seed=seed,
    progress=progress,
    metrics=names,
    training=stored and thinned(stored, TRAINING),
    paired=fake.showers if alike else None,
  )
  scores['meta'] |= {
    'reference_file': real_origin,
    'generated_file': fake_origin,
    'paired': alike,
    **origin(),
  }
  images = plots.rendered(
    plots.figures(sets.reference.showers, sets.generated.showers, geometry, scores['curves'])
  )
  plots.write_images(output, images)
  path = summary.write_summary(scores, output)
  page = write_report(output, scores, images)
  print(
    f'\n{verdict.verdict_table(scores)}\n{path}, {page.name} and pictures beside it', flush=True
  )
  return scores


def check_geometries(first: Geometry, second: Geometry, reference: str, generated: str) -> None:
  """Raises ValueError if the cells of two files are not the same; names may differ."""
  if first.layers != second.layers:
    differing = next(
      (i for i, (a, b) in enumerate(zip(first.layers, second.layers)) if a != b), None
    )
    where = (
      f'layer {differing}: {first.layers[differing]} and {second.layers[differing]}'
      if differing is not None
      else (f'{len(first.layers)} and {len(second.layers)} layers')
    )
    raise ValueError(
      f'{reference} and {generated} are of different calorimeters: {first.name} and {second.name}; {where}'
    )


def on_terminal() -> Callable[[str, int, int], None] | None:
  """A line that tells how far the evaluation is; None where nobody looks."""
  if not sys.stderr.isatty():
    return None
  return lambda stage, done, total: print(
    f'\revaluating: {stage} {done}/{total}' + ' ' * 20, end='', file=sys.stderr, flush=True
  )


def check(reference: str | None, generated: str | None, output: str | None) -> None:
  """Raises ValueError unless there are two files and a place for the result."""
  if not (reference and generated and output):
    raise ValueError(
      'a comparison of files needs --reference=FILE, --generated=FILE and --output=FOLDER'
    )
  if os.path.exists(output) and not os.path.isdir(output):
    raise ValueError(f'--output={output} is a file, expected the name of a folder')
