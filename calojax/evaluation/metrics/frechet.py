"""Frechet and kernel physics distance, FPD and KPD (Kansal et al. 2022, arXiv:2211.10295), as the
authors' code defines them.

Both compare all columns at once, each in units of the largest absolute real value. FPD takes both
samples for Gaussians: it sees shifts, widths and linear correlations of any column that is not
small against its own maximum, and nothing of a shape or dependence beyond them; a column with one
far outlier hardly counts. KPD, of a kernel of degree 4, sees moments up to the fourth, with larger
errors. Neither sees repeated showers or memorised ones as long as those moments are right.

FPD extrapolates the size of the resamples to infinity, yet they are drawn from n showers: what is
left is the distance of two finite sets, some 1 / n above that of their laws. So a value means
something beside its floor, at the same n, only.
"""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator
from calojax.evaluation.metrics.columns import check_features
from calojax.evaluation.sets import Figures, Sets, beside

MAX_SAMPLES, MIN_SAMPLES = 50_000, 20_000
POINTS = 10  # sizes of resamples
REPEATS = 20  # resamples of each size
BATCHES, BATCH = 10, 5_000
FEW = 10  # showers, of less than which covariances mean nothing
BLOCK = 256  # rows of the kernel in memory at a time
Pair = tuple[np.ndarray, np.ndarray]


def sample_sizes(count: int) -> np.ndarray:
  """The ten sizes of resamples for samples of `count` showers, evenly spaced in 1 / size.

  From 20,000 to 50,000 as published; of smaller samples from 0.4 `count` to `count`, the same
  ratio, because resamples much larger than the sample would add no more information, only time.

  Raises:
    ValueError: less than 10 showers.
  """
  if count < FEW:
    raise ValueError(f'{count} showers, expected at least {FEW} for a Frechet distance')
  largest = min(count, MAX_SAMPLES)
  return (1 / np.linspace(MAX_SAMPLES / (MIN_SAMPLES * largest), 1 / largest, POINTS)).astype(int)


def scaled(real: np.ndarray, fake: np.ndarray) -> Pair:
  """Both samples `[n, m]` divided by the largest absolute real value of each column; columns that
  are 0 stay.
  """
  largest = np.abs(real).max(0)
  largest = np.where(largest > 0, largest, 1.0)
  return real / largest, fake / largest


def frechet_distance(means: Pair, covariances: Pair) -> float:
  """Squared Frechet distance |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2) of two Gaussians, means
  `[m]`, covariances `[m, m]`.

  tr (S1 S2)^1/2 is that of (R' S2 R)^1/2 with S1 = R R', a symmetric matrix: exact also where S1
  and S2 are singular.
  """
  values, vectors = np.linalg.eigh(covariances[0])
  root = vectors * np.sqrt(np.maximum(values, 0))
  overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root.T @ covariances[1] @ root), 0)).sum()
  return float(
    np.square(means[0] - means[1]).sum()
    + np.trace(covariances[0])
    + np.trace(covariances[1])
    - 2 * overlap
  )


def fpd(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[str, float]:
  """Frechet physics distance of features `[n, m]` and `[k, m]`, `{value, error, fit_error,
  max_samples, min_samples}`.

  Squared Frechet distances of resamples, drawn with replacement, are averaged over 20 of each size
  N; the value is a of the fit a + b / N with a, b >= 0. `fit_error` is the published error,
  sqrt(cov_aa): that of the straight line for the given showers, some times smaller than what other
  showers of the same law would change. The latter, the spread of the largest resamples (a
  bootstrap), is added in quadrature in `error`. How the largest value of a column fluctuates, by
  which all is scaled, is in neither: with long tails true distances of different real samples vary
  by some per cent more.
  """
  sets = scaled(real, fake)
  sets = [sample - sets[0].mean(0) for sample in sets]  # squares of a common offset would cancel
  count = min(len(real), len(fake))
  sizes = sample_sizes(count)
  rng = generator(seed)
  drawn = np.array(
    [
      [_gaussian_distance(*(_draw(x, size, rng) for x in sets)) for _ in range(REPEATS)]
      for size in sizes
    ]
  )
  value, fit_error = extrapolate(sizes, drawn.mean(1))
  # The largest resamples may be smaller than the sample: their spread is that much larger.
  spread = drawn[-1].std(ddof=1) * np.sqrt(sizes[-1] / count)
  error = float(np.hypot(fit_error, spread))
  return {
    'value': value,
    'error': error,
    'fit_error': fit_error,
    'max_samples': int(sizes[-1]),
    'min_samples': int(sizes[0]),
  }


def _gaussian_distance(real: np.ndarray, fake: np.ndarray) -> float:
  """The distance of the Gaussians with the samples' moments."""
  (first, wide), (second, narrow) = _moments(real), _moments(fake)
  return frechet_distance((first, second), (wide, narrow))


def extrapolate(sizes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
  """A of the least-squares fit a + b / sizes to the values with a, b >= 0, and sqrt(cov_aa) from
  the residuals.
  """
  design = np.stack([np.ones(len(sizes)), 1 / np.asarray(sizes, np.float64)], axis=1)
  a, b = np.linalg.lstsq(design, values)[0]
  if a < 0:
    a, b = 0.0, max(0.0, design[:, 1] @ values / (design[:, 1] @ design[:, 1]))
  elif b < 0:
    a, b = max(0.0, np.mean(values)), 0.0
  residual = np.square(values - design @ np.array([a, b])).sum() / (len(sizes) - 2)
  return float(a), float(np.sqrt(residual * np.linalg.inv(design.T @ design)[0, 0]))


def mmd(first: np.ndarray, second: np.ndarray) -> float:
  """Unbiased squared maximum mean discrepancy of `[n, m]` and `[k, m]` with the kernel (x.y / m +
  1)^4 (Gretton et al. 2012).

  May be negative.
  """
  # A column of ones adds the 1 of the kernel inside the product.
  x, y = (
    np.concatenate([z / np.sqrt(z.shape[1]), np.ones((len(z), 1))], axis=1) for z in (first, second)
  )
  within = [_pairs(z) / (len(z) * (len(z) - 1) / 2) for z in (x, y)]
  across = sum(_kernel_sum(x[i : i + BLOCK], y) for i in range(0, len(x), BLOCK)) / (
    len(x) * len(y)
  )
  return float(within[0] + within[1] - 2 * across)


def kpd(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[str, float]:
  """Kernel physics distance of features `[n, m]` and `[k, m]`, `{value, error, batch}`.

  Median of the unbiased squared MMD of 10 batches of 5,000 (of all, if there are less) drawn with
  replacement, and half their range from 16 to 84 %. A shower drawn twice meets itself in its batch:
  a bias of about 1 / n upwards.
  """
  batch = min(BATCH, len(real), len(fake))
  # The kernel is no function of distances: its value depends on the unit of every column.
  sets = scaled(real, fake)
  rng = generator(seed)
  values = [mmd(*(_draw(x, batch, rng) for x in sets)) for _ in range(BATCHES)]
  low, high = np.quantile(values, (0.16, 0.84))
  return {'value': float(np.median(values)), 'error': float(high - low) / 2, 'batch': batch}


def frechet_metrics(sets: Sets[np.ndarray], seed: int = 0) -> Figures:
  """`distances/fpd` and `distances/kpd` -> `{value, error, floor, floor_error}` and the sizes of
  resamples.

  Args:
    sets: `[n, m]` features of the showers; comparable with published figures from 50,000 each.
    seed: of the resamples.

  Raises:
    ValueError: features that do not compare, are not finite, or of less than 10 showers.
  """
  from threadpoolctl import threadpool_limits

  check_features(sets)
  with threadpool_limits(1):  # no sum depends on the number of threads
    figures, floors = (
      {'distances/fpd': fpd(*pair, seed), 'distances/kpd': kpd(*pair, seed)} for pair in sets.pairs
    )
  return beside(figures, floors, 'floor')


def _draw(sample: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
  return sample[rng.integers(len(sample), size=size)]


def _moments(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean `[m]` and covariance `[m, m]`."""
  mean = sample.mean(0)
  sample = sample - mean
  return mean, sample.T @ sample / (len(sample) - 1)


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
  """Sum of (x.y)^4 over all rows x of the one and y of the other."""
  square = x @ y.T
  square *= square
  return float(np.vdot(square, square))


def _pairs(x: np.ndarray) -> float:
  """Sum of (x.y)^4 over all pairs of different rows, each pair once."""
  own = np.square(np.square(np.square(x).sum(1))).sum()
  blocks = [(x[i : i + BLOCK], x[i + BLOCK :]) for i in range(0, len(x), BLOCK)]
  return (
    sum(_kernel_sum(block, block) / 2 + _kernel_sum(block, rest) for block, rest in blocks)
    - own / 2
  )
