"""FPD and KPD: Gaussians of known distance, the definition by other means, planted defects."""

from __future__ import annotations

import numpy as np
import pytest

from calojax.evaluation.metrics.frechet import (
  extrapolate,
  fpd,
  frechet_distance,
  frechet_metrics,
  mmd,
  sample_sizes,
  scaled,
)
from calojax.evaluation.sets import Sets


def normal(seed: int, count: int = 2000, columns: int = 4) -> np.ndarray:
  return np.random.default_rng(seed).normal(size=(count, columns))


def pull(figure: dict[str, float]) -> float:
  return (figure['value'] - figure['floor']) / np.hypot(figure['error'], figure['floor_error'])


def test_known_frechet_distances():
  zero, unit = np.zeros(3), np.eye(3)
  assert frechet_distance((zero, np.array([3.0, 4.0, 0.0])), (unit, unit)) == pytest.approx(25)
  assert frechet_distance((zero, zero), (4 * unit, 9 * unit)) == pytest.approx(
    3
  )  # of standard deviations 2 and 3
  assert frechet_distance(
    (zero, zero), (np.diag([1.0, 0, 0]), np.diag([0, 1.0, 0]))
  ) == pytest.approx(2)


def test_frechet_distance_is_symmetric_and_that_of_the_matrix_root():
  from scipy.linalg import sqrtm

  a, b = (np.cov(normal(seed, 10, 4) * (1, 2, 3, 4), rowvar=False) for seed in (0, 1))
  first, second = normal(2, 2)
  expected = np.square(first - second).sum() + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
  assert frechet_distance((first, second), (a, b)) == pytest.approx(expected)
  assert frechet_distance((second, first), (b, a)) == pytest.approx(expected)


def test_sizes_of_resamples():
  sizes = sample_sizes(10**6)
  assert sizes[0] == 20_000 and sizes[-1] in (49_999, 50_000) and len(sizes) == 10
  np.testing.assert_allclose(np.diff(1 / sizes), -3e-5 / 9, rtol=0.02)
  assert sample_sizes(1000)[[0, -1]].tolist() == [400, 1000]
  with pytest.raises(ValueError, match='9 showers'):
    sample_sizes(9)


@pytest.mark.parametrize(
  'intercept, slope', [(1.0, 30.0), (0.0, 30.0), (-0.01, 30.0), (1.0, -300.0)]
)
def test_extrapolation_is_the_bounded_fit(intercept, slope):
  from scipy.optimize import curve_fit

  sizes = sample_sizes(1000)
  values = intercept + slope / sizes + np.random.default_rng(0).normal(0, 0.003, 10)
  fit, covariance = curve_fit(
    lambda x, a, b: a + b * x, 1 / sizes, values, bounds=([0, 0], [np.inf, np.inf])
  )
  value, error = extrapolate(sizes, values)
  assert value == pytest.approx(fit[0], abs=1e-4) and error == pytest.approx(
    np.sqrt(covariance[0, 0]), rel=0.01
  )


def test_features_are_scaled_by_the_real_maximum():
  real, fake = scaled(np.array([[1.0, 0, -8], [-2, 0, 2]]), np.array([[4.0, 3, 4]]))
  assert real.tolist() == [[0.5, 0, -1], [-1, 0, 0.25]] and fake.tolist() == [[2, 3, 0.5]]


@pytest.mark.parametrize('shift, factor', [(0.5, 1.0), (0.0, 1.5), (0.3, 0.8)])
def test_fpd_of_gaussians(shift, factor):
  real, fake = normal(0), normal(1) * factor + shift
  figure = fpd(real, fake)
  expected = ((shift**2 + (factor - 1) ** 2) / np.square(np.abs(real).max(0))).sum()
  assert abs(figure['value'] - expected) < 4 * figure['error'] and figure['error'] < 0.2 * expected
  assert (figure['max_samples'], figure['min_samples']) == (2000, 800) and 0 < figure[
    'fit_error'
  ] < figure['error']


def test_fpd_is_the_published_recipe():
  """Straight from the definition, with numpy's covariance and scipy's matrix root and fit."""
  from scipy.linalg import sqrtm
  from scipy.optimize import curve_fit

  real, fake = normal(0, 500, 3), normal(1, 500, 3) * 1.4
  x, y = real / np.abs(real).max(0), fake / np.abs(real).max(0)
  rng, sizes, averages = np.random.default_rng(9), sample_sizes(500), []
  for size in sizes:
    distances = []
    for _ in range(20):
      a, b = x[rng.choice(500, size)], y[rng.choice(500, size)]
      first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
      roots = np.trace(np.real(sqrtm(first @ second)))
      distances.append(
        np.square(a.mean(0) - b.mean(0)).sum() + np.trace(first) + np.trace(second) - 2 * roots
      )
    averages.append(np.mean(distances))
  fit, covariance = curve_fit(
    lambda n, a, b: a + b * n, 1 / sizes, averages, bounds=([0, 0], [np.inf, np.inf])
  )
  figure = fpd(real, fake)
  assert abs(figure['value'] - fit[0]) < 4 * np.hypot(
    figure['fit_error'], np.sqrt(covariance[0, 0])
  )
  assert 0.3 < figure['fit_error'] / np.sqrt(covariance[0, 0]) < 3


def test_fpd_error_is_the_spread_of_independent_samples():
  figures = [
    fpd(np.clip(normal(i, 300), -2, 2), np.clip(normal(i + 50, 300) + 0.5, -2, 2), i)
    for i in range(25)
  ]
  values, errors, fits = (
    [figure[key] for figure in figures] for key in ('value', 'error', 'fit_error')
  )
  assert 0.6 < np.mean(errors) / np.std(values, ddof=1) < 1.6
  assert np.mean(fits) < 0.5 * np.std(values, ddof=1)  # which is why it is not the error


def test_mmd_is_its_definition():
  x, y = normal(0, 9, 3), normal(1, 7, 3) + 0.5

  def mean(a: np.ndarray, b: np.ndarray, same: bool) -> float:
    pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if not same or i != j]
    return float(np.mean([(a[i] @ b[j] / 3 + 1) ** 4 for i, j in pairs]))

  expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
  assert mmd(x, y) == pytest.approx(expected) and mmd(y, x) == pytest.approx(expected)


def test_mmd_over_several_blocks_and_without_bias():
  x, y = normal(0, 700, 2), normal(1, 300, 2)
  kernel = lambda a, b: (a @ b.T / 2 + 1) ** 4
  means = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(x, x), kernel(y, y))]
  assert mmd(x, y) == pytest.approx(sum(means) - 2 * kernel(x, y).mean())
  values = [mmd(normal(i, 50, 2), normal(i + 1000, 50, 2)) for i in range(300)]
  assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300) and np.min(values) < 0


def test_equal_laws_reach_the_floor_and_defects_do_not():
  real, fake, other = (normal(seed, 1500) for seed in range(3))
  sets = Sets(real, fake, other)
  same = frechet_metrics(sets)
  assert set(same) == {'distances/fpd', 'distances/kpd'}
  assert all(
    abs(pull(figure)) < 4 and abs(figure['value']) < 4 * figure['error'] for figure in same.values()
  )
  assert same['distances/kpd']['batch'] == 1500
  assert same == frechet_metrics(sets) != frechet_metrics(sets, seed=1)
  for wrong in (
    fake + 0.4,
    fake * 1.3,
    np.column_stack([fake[:, :3], fake[:, 0]]),
    fake[:10].repeat(150, 0),
  ):
    figures = frechet_metrics(sets._replace(generated=wrong))
    assert pull(figures['distances/fpd']) > 5, wrong[:2]
  assert pull(frechet_metrics(sets._replace(generated=fake + 0.3))['distances/kpd']) > 3


def test_shapes_beyond_the_second_moment_are_seen_by_kpd_only():
  rng = np.random.default_rng(0)
  real, other = (np.sqrt(3) * rng.uniform(-1, 1, (2000, 1)) for _ in range(2))
  spiked = rng.choice([-3.0, 0.0, 3.0], (2000, 1), p=(1 / 18, 16 / 18, 1 / 18))
  figures = frechet_metrics(Sets(real, spiked, other))
  assert pull(figures['distances/fpd']) < 4 < pull(figures['distances/kpd'])


def test_columns_that_never_vary_are_harmless():
  constant = np.zeros(400), np.ones(400)
  sets = Sets(0, 1, 2).map(lambda seed: np.column_stack([normal(seed, 400, 2), *constant]))
  figures = frechet_metrics(sets)
  assert all(np.isfinite(list(figure.values())).all() for figure in figures.values())
  assert all(abs(pull(figure)) < 5 for figure in figures.values())


def test_bad_features():
  real, fake = normal(0, 50), normal(1, 50)
  with pytest.raises(ValueError, match='not finite'):
    frechet_metrics(Sets(real, np.where(fake > 2, np.inf, fake), fake))
  with pytest.raises(ValueError, match='5 showers'):
    frechet_metrics(Sets(real[:5], fake[:5], fake))
