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
from calojax.evaluation.wishes import UNSAID, Said
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
  said: Said = UNSAID,
) -> Files:
  """What these files, of any readable layout, or embedded sets hold.

  Args:
    reference: of real showers.
    generated: of generated showers.
    training: of the showers that were trained on, if they are known.
    seed: of the choice of showers whose cells are kept, where memory does not hold all.
    progress: called with (stage, done, total).
    said: what the files do not tell of themselves.

  Raises:
    ValueError: a file that cannot be read, of another calorimeter, or of other particles.
  """
  with data.flagged('--'):
    real, geometry, origin = read_sample(reference, seed, progress=progress, conventions=said.real)
    stored = _training(training, geometry, reference, said.real) if training else None
  samples, origins = [], [origin]
  for file in generated:
    with data.flagged('--generated_'):
      fake, other, origin = read_sample(file, seed, progress=progress, conventions=said.generated)
    check_geometries(geometry, other, reference, file)
    check_comparable(real, fake, geometry, file)
    samples.append(fake)
    origins.append(origin)
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
  return fewer_clusters(prepare(compared, files.geometry, settings, progress))


def fewer_clusters(study: Study) -> Study:
  """The study with as many clusters as its showers allow, at most those of its settings."""
  # The PRD sees the cells that are kept; in a large file there are fewer of these than showers.
  clusters = clusters_for(len(study.sets.reference.kept), study.settings.clusters)
  return study._replace(settings=replace(study.settings, clusters=clusters))


def _training(
  path: str, geometry: Geometry, reference: str, conventions: data.Conventions
) -> Shower:
  """The showers trained on. ValueError if they are of another calorimeter."""
  stored = data.load(path, conventions=conventions).showers
  cells = stored.energies.shape[1]
  if cells != geometry.cells:
    raise ValueError(
      f'{path}: showers of {cells} cells, expected {geometry.cells} as in {reference}'
    )
  return thinned(stored, TRAINING)
