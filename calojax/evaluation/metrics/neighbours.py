"""Nearest neighbours of showers: does the generator reach the real ones, and does it repeat those
it was trained on?

De Oliveira et al. 2017 show nearest generated neighbours "by standard vectoral 2-norm" in pictures;
here they are counted.
"""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator, multiplicities
from calojax.evaluation.sets import Figure, Figures, figure
from calojax.showers import Shower

QUERIES = 1000  # showers at most whose neighbour is sought
CANDIDATES = 20_000  # showers at most among which
QUANTILE = 0.05
BLOCK = 2048
RESAMPLES = 200  # of the bootstrap


def nearest(queries: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Index `[n]` of the nearest of candidates `[m, v]` in L2 and its distance `[n]`, in units of the
  norm of queries `[n, v]`.

  The index is found in single precision, the distance is exact. The distance from an empty shower
  is in MeV.

  Raises:
    ValueError: no candidates.
  """
  if len(candidates) == 0:
    raise ValueError('no showers to be neighbours of, expected at least one')
  points = np.asarray(queries, np.float32)
  best, index = np.full(len(points), np.inf, np.float32), np.zeros(len(points), int)
  for start in range(0, len(candidates), BLOCK):
    block = np.asarray(candidates[start : start + BLOCK], np.float32)
    # |query|^2 is the same for all candidates and left out.
    square = np.einsum('ij,ij->i', block, block) - 2 * (points @ block.T)
    place = square.argmin(1)
    closest = square[np.arange(len(points)), place]
    nearer = closest < best
    best, index = np.where(nearer, closest, best), np.where(nearer, start + place, index)
  distances = [
    np.linalg.norm(query - np.float64(candidates[i])) for query, i in zip(queries, index)
  ]
  norms = np.array([np.linalg.norm(np.float64(query)) for query in queries])
  return index, np.array(distances) / np.where(norms > 0, norms, 1.0)


def nearest_neighbours(
  reference: Shower,
  generated: Shower,
  training: Shower,
  paired: Shower | None = None,
  seed: int = 0,
) -> Figures:
  """How near real, generated and training showers lie to each other; distances are medians of |a -
  b| / |a|.

  Neighbours are first of all showers of like particles, so what is compared must come of like
  particles: a perfect generator asked for a training particle would lie nearer to its shower than
  any held-out one does.

  Args:
    reference: real showers that were not trained on.
    generated: generated showers, of the particles of the first training showers or of others.
    training: the showers trained on, at least as many as generated ones for a fair
      `neighbours/reached`.
    paired: showers generated for the reference's particles; without them there is only
      `neighbours/reached`.
    seed: of the bootstrap.

  Returns:
    `neighbours/reached` -> `{value, error, floor, floor_error}`: from a held-out to the nearest
    generated shower; floor: to the nearest of as many training showers. A generator that misses
    part of the real showers lies above. `neighbours/training` -> `{value, error, reference,
    reference_error}`: from a paired to the nearest training shower;
    reference: the same from a held-out one. Well below, the generator repeats what it has seen.
    `neighbours/memorised` -> `{value, error, reference}`: share of paired showers nearer to a
    training shower than all but 5 % of the held-out ones are, so 0.05 if nothing is repeated; it
    sees a few repeated showers where the median does not.
  """
  rng = generator(seed)
  stored = training.energies[:CANDIDATES]
  count = min(len(generated.energies), len(stored))
  held_out = reference.energies[:QUERIES]
  # As many candidates on both sides: among more showers the nearest is nearer.
  missed, known = (nearest(held_out, some[:count])[1] for some in (generated.energies, stored))
  figures = {'neighbours/reached': figure('floor', (*_median(missed, rng), *_median(known, rng)))}
  if paired is None:
    return figures
  repeated, fresh = (nearest(sample, stored)[1] for sample in (paired.energies[:QUERIES], held_out))
  medians = (*_median(repeated, rng), *_median(fresh, rng))
  return figures | {
    'neighbours/training': figure('reference', medians),
    'neighbours/memorised': _memorised(repeated, fresh),
  }


def _memorised(repeated: np.ndarray, fresh: np.ndarray) -> Figure:
  """The share of distances that lie below the quantile of the fresh ones."""
  near = np.mean(repeated < np.quantile(fresh, QUANTILE))
  # The threshold is itself the quantile of a sample: its binomial error is the second term.
  error = np.sqrt(
    max(near * (1 - near), 1 / len(repeated)) / len(repeated)
    + QUANTILE * (1 - QUANTILE) / len(fresh)
  )
  return {'value': float(near), 'error': float(error), 'reference': QUANTILE}


def _median(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
  """Median and its bootstrap error."""
  draws = multiplicities(len(values), RESAMPLES, rng)
  drawn = [np.median(np.repeat(values, counts)) for counts in draws]
  return float(np.median(values)), float(np.std(drawn, ddof=1))
