"""Which showers are compared with which, so that a score and its ceiling rest on equal numbers."""

from __future__ import annotations

from dataclasses import dataclass

from calojax.evaluation.bootstrap import generator
from calojax.evaluation.samples import Sample, sample, select
from calojax.evaluation.sets import Sets
from calojax.geometry import Geometry
from calojax.showers import Condition, Shower, take

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
      are repeated.
  """

  reference: Shower | Sample
  generated: Shower | Sample
  independent: Shower | Sample | None = None
  training: Shower | None = None
  paired: Shower | None = None


def arrange(compared: Compared, geometry: Geometry, seed: int = 0) -> tuple[Sets[Sample], str]:
  """The sets to compare, of equal numbers of showers, and in words where the independent ones come
  from.

  Without independent real showers the reference is divided at random: both the generated showers
  and the second part are compared with the first. As finite samples lower most scores, both
  comparisons have the same numbers: half of the reference or all generated showers, whichever is
  less.

  Raises:
    ValueError: sets of unequal size beside independent showers, or too few showers.
  """
  reference, generated = (_sampled(s, geometry) for s in (compared.reference, compared.generated))
  if compared.independent is None:
    return _divided(reference, generated, seed)
  sets = Sets(reference, generated, _sampled(compared.independent, geometry))
  counts = [f'{len(part.columns)} {name}' for name, part in sets._asdict().items()]
  if len({len(part.columns) for part in sets}) > 1:
    raise ValueError(f'{", ".join(counts)} showers, expected equal numbers')
  return sets, 'independent real showers'


def independent_of(real: Shower, others: Shower) -> Shower | None:
  """As many other real showers, for the ceiling; None if there are not enough."""
  count = len(real.energies)
  return take(others, slice(count)) if len(others.energies) >= count else None


def particles(real: Shower, independent: Shower | None, stores: bool) -> Condition:
  """Those that generated showers are asked for: of the independent showers, so that generated and
  independent Geant4 showers stand alike before the real ones. Drawn for the very particles of the
  real showers, a generator shares their sampling noise and can beat the ceiling.

  A generator that `stores` its training showers would give back the independent ones themselves,
  which are training showers: it gets the real showers' particles.
  """
  return real.condition if independent is None or stores else independent.condition


def _sampled(showers: Shower | Sample, geometry: Geometry) -> Sample:
  return sample(showers, geometry) if isinstance(showers, Shower) else showers


def _divided(reference: Sample, generated: Sample, seed: int) -> tuple[Sets[Sample], str]:
  """The first part of the reference, the generated showers, the second part."""
  real, fake = len(reference.columns), len(generated.columns)
  count = min(real // 2, fake)
  if count < FEWEST:
    raise ValueError(
      f'{real} reference and {fake} generated showers, expected at least {2 * FEWEST} and {FEWEST}'
    )
  rng = generator(seed)
  order = rng.permutation(real)
  second = order[count : 2 * count]
  # Generated showers may have been made for the reference's particles one by one. Then those of the
  # second part's are taken, so that neither side shares the first part's particles.
  chosen = second if fake == real else rng.permutation(fake)[:count]
  sets = Sets(
    select(reference, order[:count]), select(generated, chosen), select(reference, second)
  )
  return sets, 'two disjoint parts of the reference'
