"""Structural similarity of pairs of showers (Wang et al. 2004), as a measure of diversity (Rehm et
al. 2021, figure 9).
"""

from __future__ import annotations

import numpy as np

from calojax.evaluation.bootstrap import generator
from calojax.evaluation.metrics.profiles import blocks, is_stack
from calojax.evaluation.sets import Figures, figure
from calojax.geometry import Geometry
from calojax.showers import Shower
from calojax.units import GEV

RANGE = 1e-4  # L of the paper, GeV
SIGMA, RADIUS = 1.5, 5  # Gaussian window of 11 x 11 cells
PAIRS = 500  # at most, of each kind
KINDS = ('real_real', 'generated_generated', 'real_generated')


def similarity(first: np.ndarray, second: np.ndarray, data_range: float = RANGE) -> np.ndarray:
  """SSIM `[n]` of images `[n, channels, x, y]`: 1 for equal ones.

  Gaussian weights, K1 = 0.01, K2 = 0.03, moments without the n / (n - 1); mean over the channels
  and over the pixels whose window lies within the image (of 25 x 25, the inner 15 x 15; for a side
  under 11 at least its middle).
  """
  first, second = (np.asarray(images, np.float64) for images in (first, second))
  c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
  means = _windowed(first), _windowed(second)
  variances = [_windowed(images**2) - mean**2 for images, mean in zip((first, second), means)]
  covariance = _windowed(first * second) - means[0] * means[1]
  luminance = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
  structure = (2 * covariance + c2) / (variances[0] + variances[1] + c2)
  return (luminance * structure).mean((1, 2, 3))


def similarities(
  reference: Shower,
  generated: Shower,
  geometry: Geometry,
  seed: int = 0,
  pairs: int = PAIRS,
) -> dict[str, np.ndarray]:
  """SSIM of random pairs of showers of each of `KINDS`, `[p]`; no shower is in two pairs of one
  kind.

  Layers are channels, energies in GeV. Pairs are drawn whatever their energies, as the paper seems
  to do, so the values depend on the spectrum: compare only the kinds with each other.
  """
  rng = generator(seed)
  real, fake = (rng.permutation(len(sample.energies)) for sample in (reference, generated))
  halves = [
    (order[: len(order) // 2], order[len(order) // 2 : len(order) // 2 * 2])
    for order in (real, fake)
  ]
  count = min(len(real), len(fake))
  indices = halves[0], halves[1], (real[:count], fake[:count])
  sets = (reference, reference), (generated, generated), (reference, generated)
  result = {}
  for kind, samples, chosen in zip(KINDS, sets, indices):
    images = [
      blocks(sample.energies[index[:pairs]] / GEV, geometry)
      for sample, index in zip(samples, chosen)
    ]
    starts = range(0, len(images[0]), 16)  # a few at a time stay in the cache
    result[kind] = np.concatenate(
      [similarity(images[0][i : i + 16], images[1][i : i + 16]) for i in starts]
    )
  return result


def ssim_metrics(
  reference: Shower, generated: Shower, geometry: Geometry, seed: int = 0
) -> Figures:
  """`ssim/<kind>` -> `{value, error, reference, reference_error}`, the mean over pairs; nothing
  unless a stack.

  The reference is that of pairs of real showers. Generated pairs above it lack diversity; mixed
  pairs below it do not look alike.
  """
  if not is_stack(geometry) or min(len(sample.energies) for sample in (reference, generated)) < 4:
    return {}
  values = similarities(reference, generated, geometry, seed)
  means = {kind: (v.mean(), v.std(ddof=1) / np.sqrt(len(v))) for kind, v in values.items()}
  return {
    f'ssim/{kind}': figure('reference', (*mean, *means['real_real']))
    for kind, mean in means.items()
  }


def _windowed(images: np.ndarray) -> np.ndarray:
  """Gaussian mean `[n, c, x', y']` about each pixel whose window lies within the image."""
  from scipy.ndimage import correlate1d

  kernel = np.exp(-(np.arange(-RADIUS, RADIUS + 1) ** 2) / (2 * SIGMA**2))
  smooth = images
  for axis in (2, 3):
    # At the border the window is mirrored, and says more of the mirror than of the shower.
    margin = min(RADIUS, (images.shape[axis] - 1) // 2)
    smooth = correlate1d(smooth, kernel / kernel.sum(), axis)
    smooth = np.take(smooth, np.arange(margin, images.shape[axis] - margin), axis)
  return smooth
