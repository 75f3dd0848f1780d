"""What is judged, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from calojax.evaluation.features import default_variant, scalars
from calojax.evaluation.metrics.challenge_features import TODAY
from calojax.evaluation.samples import Sample, observed
from calojax.evaluation.sets import Progress, Sets
from calojax.geometry import Geometry
from calojax.showers import Shower, thinned


@dataclass(frozen=True)
class Settings:
  """How showers are judged.

  Attributes:
    clusters, runs: of the PRD.
    seed: of everything random.
    variant: of the 24 statistics behind `prd_auc/physics`, see `features.VARIANTS`; by default
      that of the geometry.
    metrics: names of `named.METRICS`; none: all but the networks, which are slow. One that needs
      more showers than there are is left out.
    challenge: conventions of the CaloChallenge's figures, of `challenge_features.CONVENTIONS`.
  """

  clusters: int = 400
  runs: int = 10
  seed: int = 0
  variant: str | None = None
  metrics: Sequence[str] = ()
  challenge: str = TODAY


class Study(NamedTuple):
  """What is judged, and how.

  Attributes:
    sets: the samples, of equal numbers of showers.
    ceiling: in words, where the independent showers come from.
    geometry: of all showers.
    settings: see there.
    training: the showers trained on, or None.
    paired: showers generated for the particles of real showers not trained on, one by one, or None.
    own: those of them that have the very particles of the reference in `sets`, or None.
    progress: called with (stage, done, total), or None.
  """

  sets: Sets[Sample]
  ceiling: str
  geometry: Geometry
  settings: Settings
  training: Shower | None
  paired: Shower | None
  own: Shower | None
  progress: Progress | None

  @property
  def cells(self) -> Sets[Shower]:
    """The showers whose cells are in memory."""
    return self.sets.map(lambda sample: sample.showers)

  @property
  def even_cells(self) -> Sets[Shower]:
    """Equally many of them of each set, as the PRD needs."""
    count = min(len(sample.kept) for sample in self.sets)
    return self.cells.map(lambda showers: thinned(showers, count))

  @property
  def scalars(self) -> Sets[np.ndarray]:
    """The observables of one value a shower, of all showers."""
    return self.observed(scalars(self.geometry))

  def observed(self, names: Sequence[str]) -> Sets[np.ndarray]:
    """These observables of all showers, `[n, k]`."""
    return self.sets.map(lambda sample: observed(sample, names, self.geometry))

  @property
  def variant(self) -> str:
    """Of the statistics behind `prd_auc/physics`."""
    return self.settings.variant or default_variant(self.geometry)
