"""Distances of columns and of correlations: known answers, limits, symmetries, planted defects,
honest errors.
"""

from __future__ import annotations

import numpy as np
import pytest

from calojax.evaluation.features import column_names, observe, scalars
from calojax.evaluation.metrics.correlations import correlation_metrics
from calojax.evaluation.metrics.distances import KINDS, distance_metrics, ks_statistic, wasserstein1
from calojax.evaluation.metrics.separation import bin_edges, separation_power
from calojax.evaluation.sets import Sets
from calojax.showers import take

NAMES = ('a', 'b', 'c')


def normal(seed: int, count: int = 1000, columns: int = 3) -> np.ndarray:
  return np.random.default_rng(seed).normal(size=(count, columns))


def pull(figure: dict[str, float]) -> float:
  return (figure['value'] - figure['floor']) / np.hypot(figure['error'], figure['floor_error'])


@pytest.mark.parametrize(
  'p, q, power',
  [
    ((3, 4, 0), (6, 8, 0), 0),
    ((1, 0), (0, 5), 1),
    ((0.5, 0.5, 0), (0, 0.5, 0.5), 0.5),
    ((3, 1), (1, 3), 0.25),
  ],
)
def test_known_separation_powers(p, q, power):
  p, q = np.array(p), np.array(q)
  assert separation_power(p, q) == pytest.approx(power)
  assert separation_power(q, p) == pytest.approx(power)
  assert separation_power(np.stack([p, p]), np.stack([q, p])) == pytest.approx([power, 0])


@pytest.mark.parametrize(
  'p, q, message',
  [
    ((1, -1, 3), (1, 1, 1), 'first histogram'),
    ((1, 1), (0, 0), 'second histogram'),
    ((1, 2), (1, 2, 3), '2 and 3 bins'),
  ],
)
def test_bad_histograms(p, q, message):
  with pytest.raises(ValueError, match=message):
    separation_power(p, q)


def shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
  return np.histogram(values, edges)[0] / len(values)


def test_bins_of_a_long_tail_follow_the_bulk():
  rng = np.random.default_rng(0)
  values = np.concatenate([rng.random(9999), [1e6]])
  edges = bin_edges(values, 50)
  assert len(edges) == 51 and edges[0] == -np.inf and edges[-1] == np.inf
  assert shares(values, edges)[1:-1] == pytest.approx(1 / 48, rel=0.3)
  with pytest.raises(ValueError, match='2 bins'):
    bin_edges(values, 2)


@pytest.mark.parametrize('step', [1, 1 / 900, 0.1])
@pytest.mark.parametrize('points', [2, 7, 30, 130])
def test_bins_of_counts_hold_equal_numbers_of_values(step, points):
  values = np.repeat(np.arange(points) + 5, 3) * step
  counts = np.histogram(values, bin_edges(values, 50))[0]
  assert counts[0] == counts[-1] == 0 and len(counts) <= 50
  assert len(set(counts[1:-2])) <= 1 and counts.sum() == 3 * points
  assert (np.histogram(values + 0.3 * step, bin_edges(values, 50))[0] == counts).all()


@pytest.mark.parametrize('value', [0.0, 0.18, -3e5])
def test_bins_of_a_constant(value):
  reference = np.full(1000, value)
  edges = bin_edges(reference)
  assert shares(reference, edges).tolist() == [0, 1, 0]
  assert shares(value * (1 + 1e-15) + np.zeros(5), edges).tolist() == [0, 1, 0]
  assert shares(np.array([value - 1, value + 1]), edges).tolist() == [0.5, 0, 0.5]


def test_distances_are_those_of_scipy():
  from scipy.stats import ks_2samp, wasserstein_distance

  rng = np.random.default_rng(1)
  for real, fake in (
    (rng.normal(size=200), rng.gamma(2, size=311)),
    (rng.poisson(3, 200), rng.poisson(4, 150)),
  ):
    assert ks_statistic(real, fake) == pytest.approx(ks_2samp(real, fake)[0])
    assert ks_statistic(fake, real) == pytest.approx(ks_statistic(real, fake))
    assert wasserstein1(real, fake) == pytest.approx(wasserstein_distance(real, fake) / real.std())


def test_limits_of_the_distances():
  values = np.array([1.0, 2.0, 2.0, 7.0])
  assert ks_statistic(values, values) == wasserstein1(values, values) == 0
  assert ks_statistic(values, values + 10) == pytest.approx(1)
  assert wasserstein1(values, values + 10 * values.std()) == pytest.approx(10)
  assert wasserstein1(np.ones(4), np.full(3, 1.5)) == pytest.approx(0.5)
  with pytest.raises(ValueError, match='4 real and 0 generated'):
    ks_statistic(values, np.zeros(0))


def test_figures_are_the_distances_of_the_columns():
  from scipy.stats import ks_2samp

  real, fake, other = (normal(seed) for seed in range(3))
  figures = distance_metrics(NAMES, Sets(real, fake, other), resamples=5)
  assert set(figures) == {f'{kind}/{name}' for kind in KINDS for name in NAMES} | {
    'separation/mean'
  }
  powers = []
  for name, *columns in zip(NAMES, real.T, fake.T):
    edges = bin_edges(columns[0])
    powers.append(separation_power(*(shares(values, edges) for values in columns)))
    expected = powers[-1], ks_statistic(*columns), wasserstein1(*columns)
    assert [figures[f'{kind}/{name}']['value'] for kind in KINDS] == pytest.approx(expected)
    assert figures[f'ks/{name}']['p_value'] == pytest.approx(ks_2samp(*columns, method='asymp')[1])
  assert figures['separation/mean']['value'] == pytest.approx(np.mean(powers))
  assert all(type(number) is float for figure in figures.values() for number in figure.values())
  assert figures == distance_metrics(NAMES, Sets(real, fake, other), resamples=5)
  assert (
    distance_metrics(NAMES, Sets(real, other, other), resamples=5)['ks/a']['value']
    == figures['ks/a']['floor']
  )


def test_errors_are_the_spread_of_independent_samples():
  shift = np.array([0.0, 0.5, 0.0])
  several = [
    distance_metrics(NAMES, Sets(normal(i), normal(i + 50) + shift, normal(1)), 30, i)
    for i in range(25)
  ]
  for key in ('separation/b', 'ks/b', 'wasserstein/b', 'separation/mean'):
    values, errors = ([figures[key][field] for figures in several] for field in ('value', 'error'))
    assert 0.6 < np.mean(errors) / np.std(values, ddof=1) < 1.6, key


def test_equal_laws_reach_the_floor_and_defects_do_not():
  real, fake, other = (normal(seed, 3000) for seed in range(3))
  same = distance_metrics(NAMES, Sets(real, fake, other), 30)
  assert max(abs(pull(figure)) for figure in same.values()) < 4
  assert min(same[f'ks/{name}']['p_value'] for name in NAMES) > 1e-3
  spoiled = np.stack([fake[:, 0] + 0.25, fake[:, 1] * 1.3, np.zeros(3000)], axis=1)
  wrong = distance_metrics(NAMES, Sets(real, spoiled, other), 30)
  assert all(
    pull(wrong[key]) > 4 for key in ('ks/a', 'wasserstein/a', 'wasserstein/b', 'separation/b')
  )
  assert all(pull(wrong[f'{kind}/c']) > 20 for kind in KINDS) and wrong['ks/c'][
    'value'
  ] == pytest.approx(0.5, abs=0.05)


def test_an_energy_scale_of_two_per_cent_is_seen_in_the_response(embedded):
  order = (
    np.random.default_rng(0).permutation(len(embedded.showers.energies))[:1500].reshape(3, 500)
  )
  sets = [take(embedded.showers, rows) for rows in order]
  scaled = sets[1]._replace(energies=sets[1].energies * 1.02)
  names = scalars(embedded.geometry)
  real, fake, other, wrong = (
    observe(names, sample, embedded.geometry) for sample in (*sets, scaled)
  )
  labels = column_names(names, embedded.geometry)
  figures = distance_metrics(labels, Sets(real, wrong, other), 30)
  assert pull(figures['ks/response']) > 4 and figures['ks/response']['p_value'] < 1e-6
  same = distance_metrics(labels, Sets(real, fake, other), 30)
  assert same['ks/response']['p_value'] > 1e-3


def test_known_distance_of_correlations():
  rng = np.random.default_rng(0)

  def correlated(rho: float) -> np.ndarray:
    a, b, c = rng.normal(size=(3, 4000))
    return np.stack([a, rho * a + np.sqrt(1 - rho**2) * b, c, np.ones(4000)], axis=1)

  real, other = correlated(0.8), correlated(0.8)
  (figure,) = correlation_metrics(Sets(real, correlated(0.2) * 7 - 3, other), 30).values()
  assert figure['value'] == pytest.approx(0.6 / np.sqrt(3), abs=0.03) and pull(figure) > 10
  assert figure['floor'] < 0.03 and 0.003 < figure['error'] < 0.03
  (same,) = correlation_metrics(Sets(real, correlated(0.8), other), 30).values()
  assert abs(pull(same)) < 4
  assert correlation_metrics(Sets(real, real, other), 2)['correlations/distance']['value'] == 0


def test_correlations_see_shuffled_columns_and_dead_ones():
  base = normal(0, 4000, 1)
  real, fake, other = (base[1000 * i : 1000 * (i + 1)] + 0.3 * normal(i + 5) for i in range(3))
  shuffled = np.random.default_rng(0).permuted(fake, axis=0)
  sets = Sets(real, shuffled, other)
  assert abs(pull(distance_metrics(NAMES, sets, 30)['separation/mean'])) < 4
  assert pull(correlation_metrics(sets)['correlations/distance']) > 20
  dead = fake * (1, 1, 0)
  found = correlation_metrics(Sets(real, dead, other))['correlations/distance']
  assert found['value'] == pytest.approx(0.92 * np.sqrt(2 / 3), abs=0.03)
  sets = Sets(dead, real, dead)
  assert correlation_metrics(sets).keys() == {'correlations/distance'}
  assert correlation_metrics(sets.map(lambda sample: sample[:, 1:])) == {}


@pytest.mark.parametrize(
  'spoil, message',
  [
    (lambda real, fake: (real, fake[:, :2]), r'generated features of shape \(50, 2\)'),
    (
      lambda real, fake: (real, np.where(fake > 2, np.nan, fake)),
      'generated features hold .* not finite',
    ),
    (lambda real, fake: (real, fake[:1]), r'shape \(1, 3\)'),
    (lambda real, fake: (real[:, :2], fake[:, :2]), 'independent features|3 names for 2 columns'),
  ],
)
def test_bad_features(spoil, message):
  real, fake = normal(0, 50), normal(1, 50)
  with pytest.raises(ValueError, match=message):
    spoiled, made = spoil(real, fake)
    distance_metrics(NAMES, Sets(spoiled, made, fake), 2)
