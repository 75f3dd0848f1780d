"""Files of showers made ready to be compared: one reference, and files of generated showers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from calojax import data
from calojax.evaluation.arrangement import Compared
from calojax.evaluation.comparable import check_comparable, check_geometries, paired
from calojax.evaluation.samples import Sample, read_sample
from calojax.evaluation.sets import Progress
from calojax.evaluation.study import Settings, Study, clusters_for, prepare
from calojax.geometry import Geometry
from calojax.showers import Shower, thinned

TRAINING = 20_000  # showers trained on among which neighbours are sought


class Files(NamedTuple):
  """What files hold.

  Attributes:
    reference: real showers.
    generated: the showers of each other file, of like particles.
    geometry: of all.
    training: showers trained on, at most `TRAINING`, or None.
    origins: where each sample comes from, the reference first.
  """

  reference: Sample
  generated: list[Sample]
  geometry: Geometry
  training: Shower | None
  origins: list[dict[str, Any]]


def read_files(
  reference: str,
  generated: Sequence[str],
  training: str | None = None,
  seed: int = 0,
  progress: Progress | None = None,
) -> Files:
  """What these files, of any readable layout, or embedded sets hold.

  Args:
    reference: of real showers.
    generated: of generated showers.
    training: of the showers that were trained on, if they are known.
    seed: of the choice of showers whose cells are kept, where memory does not hold all.
    progress: called with (stage, done, total).

  Raises:
    ValueError: a file that cannot be read, of another calorimeter, or of other particles.
  """
  real, geometry, origin = read_sample(reference, seed, progress=progress)
  samples, origins = [], [origin]
  for file in generated:
    # What a generator makes need not be physics: the comparison is to find out.
    fake, other, origin = read_sample(file, seed, progress=progress, conventions=data.UNASKED)
    check_geometries(geometry, other, reference, file)
    check_comparable(real, fake, geometry, file)
    samples.append(fake)
    origins.append(origin)
  stored = _training(training, geometry, reference) if training else None
  return Files(real, samples, geometry, stored, origins)


def study_of(
  files: Files, generated: Sample, settings: Settings, progress: Progress | None = None
) -> Study:
  """The study of one file's showers against the reference, with as many clusters as they allow."""
  alike = paired(files.reference, generated)
  compared = Compared(
    files.reference,
    generated,
    training=files.training,
    paired=generated.showers if alike else None,
  )
  study = prepare(compared, files.geometry, settings, progress)
  # The PRD sees the cells that are kept; in a large file there are fewer of these than showers.
  clusters = clusters_for(len(study.sets.reference.kept), settings.clusters)
  return study._replace(settings=replace(settings, clusters=clusters))


def _training(path: str, geometry: Geometry, reference: str) -> Shower:
  """The showers trained on. ValueError if they are of another calorimeter."""
  stored = data.load(path).showers
  cells = stored.energies.shape[1]
  if cells != geometry.cells:
    raise ValueError(
      f'{path}: showers of {cells} cells, expected {geometry.cells} as in {reference}'
    )
  return thinned(stored, TRAINING)
