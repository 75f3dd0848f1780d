"""Which showers are compared with which, so that a score and its ceiling rest on equal numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from calojax.evaluation.bootstrap import generator
from calojax.evaluation.comparable import paired
from calojax.evaluation.samples import Sample, sample, select
from calojax.evaluation.sets import Sets
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower, thinned

FEWEST = 4  # showers on each side
# Of generated showers that are judged: not a training key, and the same at every step of a
# training, so that figures and pictures of different steps compare.
NOISE_SEED = 20_000


@dataclass(frozen=True)
class Compared:
  """The showers that somebody wants compared.

  Attributes:
    reference: real showers.
    generated: generated showers.
    independent: further real showers, for the ceilings and floors: as many as of the others.
      Without them the reference is divided, see `arrange`.
    training: the showers trained on, for `neighbours/...`.
    paired: showers generated for the reference's own particles, which tell whether training showers
      are repeated, and give the PRD that papers print; of a sample of which not all cells are kept,
      for the particles of those.
  """

  reference: Shower | Sample
  generated: Shower | Sample
  independent: Shower | Sample | None = None
  training: Shower | None = None
  paired: Shower | None = None


class Arranged(NamedTuple):
  """What is compared with what.

  Attributes:
    sets: of equal numbers of showers; no particle is on both sides of a comparison.
    ceiling: in words, where the independent showers come from.
    own: showers generated for the very particles of the reference in `sets`, or None.
  """

  sets: Sets[Sample]
  ceiling: str
  own: Shower | None


def arrange(compared: Compared, geometry: Geometry, seed: int = 0) -> Arranged:
  """The sets to compare.

  Without independent real showers the reference is divided at random: both the generated showers
  and the second part are compared with the first. As finite samples lower most scores, both
  comparisons have the same numbers: half of the reference or all generated showers, whichever is
  less. The same is done with generated showers of the reference's own particles, whatever else
  there is: they would share its sampling noise, and a PRD of theirs can lie above its ceiling.

  Raises:
    ValueError: sets of unequal size beside independent showers, or too few showers.
  """
  reference, generated = (_sampled(s, geometry) for s in (compared.reference, compared.generated))
  alike = paired(reference, generated)
  # A handful of showers, with which nothing but the code is tried, cannot be divided.
  if compared.independent is None or (alike and len(reference.columns) >= 2 * FEWEST):
    return _divided(reference, generated, seed, alike)
  sets = Sets(reference, generated, _sampled(compared.independent, geometry))
  counts = [f'{len(part.columns)} {name}' for name, part in sets._asdict().items()]
  if len({len(part.columns) for part in sets}) > 1:
    raise ValueError(f'{", ".join(counts)} showers, expected equal numbers')
  return Arranged(sets, 'independent real showers', compared.paired)


def independent_of(real: Shower, others: Shower) -> Shower | None:
  """As many other real showers, for the ceiling; None if there are not enough. Evenly from all: a
  file's first showers may be of one energy, or of one of the files that it was joined of.
  """
  count = len(real.energies)
  return thinned(others, count) if len(others.energies) >= count else None


def particles(real: Shower, independent: Shower | None, stores: bool) -> Condition:
  """Those that generated showers are asked for: of the independent showers, so that generated and
  independent Geant4 showers stand alike before the real ones. Drawn for the very particles of the
  real showers, a generator shares their sampling noise and can beat the ceiling.

  A generator that `stores` its training showers would give back the independent ones themselves,
  which are training showers: it gets the real showers' particles, and `arrange` halves.
  """
  return real.condition if independent is None or stores else independent.condition


def _sampled(showers: Shower | Sample, geometry: Geometry) -> Sample:
  return sample(showers, geometry) if isinstance(showers, Shower) else showers


def _divided(reference: Sample, generated: Sample, seed: int, alike: bool) -> Arranged:
  """The first part of the reference, the generated showers, the second part."""
  real, fake = len(reference.columns), len(generated.columns)
  count = min(real // 2, fake)
  if count < FEWEST:
    raise ValueError(
      f'{real} reference and {fake} generated showers, expected at least {2 * FEWEST} and {FEWEST}'
    )
  rng = generator(seed)
  order = rng.permutation(real)
  first, second = order[:count], order[count : 2 * count]
  # Generated showers may have been made for the reference's particles one by one. Then those of the
  # second part's are taken, so that neither side shares the first part's particles.
  chosen = second if fake == real else rng.permutation(fake)[:count]
  sets = Sets(select(reference, first), select(generated, chosen), select(reference, second))
  ceiling = 'two disjoint parts of the reference'
  if not alike:
    return Arranged(sets, ceiling, None)
  ceiling += '; the generated showers have its particles, and those of the second part are taken'
  return Arranged(sets, ceiling, select(generated, first).showers)
