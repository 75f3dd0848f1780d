"""PRD against its known answers."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from calojax.evaluation.bootstrap import bootstrap_error
from calojax.evaluation.metrics.prd import prd
from calojax.evaluation.metrics.prd_curve import ANGLES, auc, f_beta_pair, prd_from_histograms


def two(seed: int, count: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
  """Two normal samples."""
  first, second = np.random.default_rng(seed).normal(size=(2, count, columns))
  return first, second


@pytest.mark.parametrize(
  'p, q, area',
  [
    ((3, 4, 5), (3, 4, 5), 1),
    ((30, 40, 50), (3, 4, 5), 1),
    ((1, 0), (0, 1), 0),
    ((0.5, 0.5, 0), (0, 0.5, 0.5), 0.25),
    ((0.6, 0.4), (0.4, 0.6), 0.929748),
  ],
)
def test_known_areas(p, q, area):
  assert auc(*prd_from_histograms(p, q)) == pytest.approx(area, abs=5e-7)


def test_curve_is_its_definition():
  rng = np.random.default_rng(0)
  p, q = rng.poisson(3.0, (2, 50)) * rng.integers(0, 2, (2, 50))
  p, q = p / p.sum(), q / q.sum()
  slopes = np.tan(ANGLES)
  alpha = np.minimum(slopes[:, None] * p, q).sum(1)
  precision, recall = prd_from_histograms(p, q)
  np.testing.assert_allclose(precision, alpha, rtol=1e-12)
  np.testing.assert_allclose(recall, alpha / slopes, rtol=1e-12)


def test_f_beta_pair_separates_precision_from_recall():
  everything, half = np.array([0.25] * 4), np.array([0.5, 0.5, 0, 0])
  f8, f1_8 = f_beta_pair(
    *prd_from_histograms(everything, half)
  )  # half the modes: all precise, recall 1/2
  assert f1_8 > 0.98 and 0.5 < f8 < 0.52
  assert f_beta_pair(*prd_from_histograms(half, everything)) == pytest.approx((f1_8, f8))
  assert f_beta_pair(*prd_from_histograms(np.array([1, 0]), np.array([0, 1]))) == (0, 0)


@pytest.mark.parametrize('clusters, ceiling', [(20, 0.977), (100, 0.913)])
def test_finite_sample_ceiling(clusters, ceiling):
  result = prd(*two(1, 1000, 24), clusters)
  assert result.value == pytest.approx(ceiling, abs=0.015)
  assert 0.001 < result.error < 0.015
  assert result.runs.shape == (10,)


def test_fast_equals_the_reference_method():
  rng = np.random.default_rng(2)
  real, fake = rng.gamma(0.3, 1, (2, 600, 12)) * [[[1.0]], [[1.15]]]
  fast, slow = (prd(real, fake, 60, 6, method=method) for method in ('fast', 'reference'))
  noise = np.hypot(fast.runs.std(ddof=1), slow.runs.std(ddof=1)) / np.sqrt(6)
  assert abs(fast.value - slow.value) < max(4 * noise, 0.5 * fast.error)


def test_error_is_the_scatter_of_independent_samples():
  samples = np.random.default_rng(3).normal(size=(24, 2, 500, 4))
  results = [prd(real, fake, 30, 3) for real, fake in samples]
  scatter = np.std([result.value for result in results], ddof=1)
  assert 0.6 < np.mean([result.error for result in results]) / scatter < 1.8


def test_a_set_against_itself_and_against_a_distant_one():
  cells = np.random.default_rng(4).gamma(0.2, 10, (500, 30))
  assert prd(cells, cells, 50, 2).value == pytest.approx(1)
  assert prd(cells, cells + 1e4, 50, 2).value == pytest.approx(0, abs=1e-9)


def test_same_seed_same_score_whatever_the_threads(monkeypatch):
  sets = two(5, 400, 10)
  first = prd(*sets, 40, 4, seed=7)
  monkeypatch.setattr('os.cpu_count', lambda: 1)
  again, other = prd(*sets, 40, 4, seed=7), prd(*sets, 40, 4, seed=8)
  np.testing.assert_array_equal(first.runs, again.runs)
  assert first.error == again.error
  assert not np.array_equal(first.runs, other.runs)


def test_units_do_not_matter():
  real, fake = (sample.astype(np.float32) for sample in two(6, 300, 5))
  scaled = prd(1e12 * real, 1e12 * fake, 20, 2)
  assert prd(real, fake, 20, 2).value == pytest.approx(scaled.value, abs=1e-3)


def test_empty_showers_do_not_break_it():
  assert prd(np.zeros((50, 9)), np.zeros((50, 9)), 10, 2).value == pytest.approx(1)


@pytest.mark.parametrize(
  'shapes, options, message',
  [
    (((30, 4), (20, 4)), {}, '30 reference and 20 generated'),
    (((30, 4), (30, 5)), {}, r'\(30, 4\) and \(30, 5\)'),
    (((30, 4), (30, 4)), {'clusters': 61}, '61 clusters for 60 showers'),
    (
      ((30, 4), (30, 4)),
      {'clusters': 5, 'method': 'quick'},
      "no PRD method 'quick'; .*known: fast, reference",
    ),
    (((30, 4), (30, 4)), {'clusters': 5, 'runs': 0}, '0 PRD runs'),
    (((0, 4), (0, 4)), {}, '400 clusters for 0 showers'),
  ],
)
def test_bad_input(shapes, options, message):
  with pytest.raises(ValueError, match=message):
    prd(np.ones(shapes[0]), np.ones(shapes[1]), **options)


def test_bad_features_and_histograms():
  with pytest.raises(ValueError, match='generated features hold 1 value'):
    prd(np.ones((9, 2)), np.where(np.arange(18).reshape(9, 2) == 3, np.nan, 1.0), 2)
  with pytest.raises(ValueError, match='generated histogram sums to 0'):
    prd_from_histograms(np.array([1, 2]), np.zeros(2))
  with pytest.raises(ValueError, match=r'\(2,\) and \(3,\)'):
    prd_from_histograms(np.array([1, 2]), np.array([1, 2, 3]))


def test_bootstrap_error_of_a_mean():
  values = np.random.default_rng(7).normal(0, 3, (400, 2))
  error = bootstrap_error(lambda sample: sample.mean(0), values, resamples=300)
  np.testing.assert_allclose(error, values.std(0) / 20, rtol=0.15)
  np.testing.assert_array_equal(
    error, bootstrap_error(lambda sample: sample.mean(0), values, resamples=300)
  )
  difference = bootstrap_error(
    lambda a, b: a.mean() - b.mean(), values[:, 0], values[:, 1], resamples=300
  )
  assert difference == pytest.approx(np.hypot(*error), rel=0.15)
  with pytest.raises(ValueError, match='array 0'):
    bootstrap_error(np.mean, values[:0])
  with pytest.raises(ValueError, match='1 bootstrap resamples'):
    bootstrap_error(np.mean, values, resamples=1)


def test_features_are_held_once_more_and_no_more_often():
  """Cells of many showers: the union of both samples is one copy of each, made in place."""
  for count, columns, copies in ((6000, 300, 3), (100, 3000, 7)):
    real, fake = (a.astype(np.float32) for a in two(3, count, columns))
    tracemalloc.start()
    prd(real, fake, clusters=10, runs=1, resamples=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < copies * real.nbytes
