"""Precision, recall, density and coverage: brute force, limits, symmetry, planted defects."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from calojax.evaluation.metrics import manifold
from calojax.evaluation.metrics.manifold import KINDS, inside, manifold_metrics, radii
from calojax.evaluation.sets import Sets


def normal(seed: int, count: int = 800, columns: int = 6) -> np.ndarray:
  return np.random.default_rng(seed).normal(size=(count, columns))


def values(figures: dict[str, dict[str, float]]) -> list[float]:
  return [figures[f'manifold/{kind}']['value'] for kind in KINDS]


@pytest.mark.parametrize('columns', [1, 2, 20])
def test_radii_are_those_of_a_tree(columns):
  from scipy.spatial import KDTree

  points = normal(0, 300, columns)
  expected = KDTree(points).query(points, 6)[0][:, 5]
  np.testing.assert_allclose(np.sqrt(radii(points)), expected, rtol=1e-6)


@pytest.mark.parametrize('block', [2**20, 1000])
def test_figures_are_their_definitions(block, monkeypatch):
  monkeypatch.setattr(manifold, 'BLOCK', block)
  real, fake = normal(0, 150, 3), normal(1, 130, 3) * 1.5

  def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a[:, None] - b, axis=-1)

  real_radii, fake_radii = (np.sort(distances(x, x))[:, 5] for x in (real, fake))
  across = distances(real, fake)
  held = across <= real_radii[:, None]
  expected = (
    held.any(0).mean(),
    (across <= fake_radii).any(1).mean(),
    held.sum() / 5 / 130,
    held.any(1).mean(),
  )
  parts = inside(real, fake)
  assert [parts[kind][0].mean() for kind in KINDS] == pytest.approx(expected)
  assert parts['density'][1].mean() == pytest.approx(expected[2])
  swapped = inside(fake, real)
  assert swapped['precision'][0].mean() == parts['recall'][0].mean()


def test_equal_laws_reach_the_ceiling():
  real, fake, other = (normal(seed) for seed in range(3))
  figures = manifold_metrics(Sets(real, fake, other))
  assert list(figures) == [f'manifold/{kind}' for kind in KINDS]
  for figure in figures.values():
    assert abs(figure['value'] - figure['ceiling']) < 4 * np.hypot(
      figure['error'], figure['ceiling_error']
    )
    assert figure['count'] == 800 and all(
      type(figure[key]) is float for key in ('value', 'error', 'ceiling', 'ceiling_error')
    )
  assert figures['manifold/coverage']['value'] == pytest.approx(1 - 2**-5, abs=0.025)
  assert figures['manifold/density']['value'] == pytest.approx(1, abs=0.1)
  assert figures == manifold_metrics(Sets(real, fake, other))


def test_a_set_against_itself_is_perfect():
  real = normal(0)
  assert values(manifold_metrics(Sets(real, real.copy(), real)))[:2] == [1, 1]
  assert values(manifold_metrics(Sets(real, real.copy(), real)))[3] == 1


def test_units_do_not_matter():
  real, fake, other = (normal(seed, 300) for seed in range(3))
  change = lambda x: np.column_stack(
    [x * (1e6, 1e-6, 1, 1, 1, 3) + (0, 0, 50, 0, 0, 0), np.full(len(x), 7.0)]
  )
  changed = manifold_metrics(Sets(real, fake, other).map(change))
  assert values(changed) == pytest.approx(
    values(manifold_metrics(Sets(real, fake, other))), abs=1e-9
  )


def test_a_far_cluster_has_nothing_in_common():
  real, fake, other = (normal(seed) for seed in range(3))
  figures = manifold_metrics(Sets(real, fake * 0.1 + 100, other))
  assert values(figures) == [0, 0, 0, 0]
  assert all(figure['error'] > 0 for figure in figures.values())  # 0 of 800 is no proof of 0


def test_part_far_away_costs_its_share():
  real, fake, other = (normal(seed) for seed in range(3))
  whole, part = (
    values(manifold_metrics(Sets(real, sample, other)))
    for sample in (fake, np.where(np.arange(800)[:, None] < 200, 50, fake))
  )
  assert part[0] / whole[0] == pytest.approx(0.75, abs=0.03) and part[2] / whole[
    2
  ] == pytest.approx(0.75, abs=0.06)


def test_collapse_to_ten_showers():
  real, fake, other = (normal(seed) for seed in range(3))
  modes = np.random.default_rng(0).choice(real, 10, replace=False)
  for copies in (modes.repeat(80, 0), modes.repeat(80, 0) + 1e-3 * fake):
    precision, recall, density, coverage = values(manifold_metrics(Sets(real, copies, other)))
    assert precision == 1 and density > 0.8
    assert recall < 0.02 and coverage < 0.12


def test_a_rare_mode_is_seen_by_coverage_only():
  rng = np.random.default_rng(0)

  def sample(share: float) -> np.ndarray:
    return rng.normal(size=(2000, 4)) + 20 * (rng.random((2000, 1)) < share)

  figures = manifold_metrics(Sets(sample(0.5), sample(0.15), sample(0.5)))
  drops = {
    kind: (f['ceiling'] - f['value']) / np.hypot(f['error'], f['ceiling_error'])
    for kind, f in zip(KINDS, figures.values())
  }
  assert drops.pop('coverage') > 8
  assert max(drops.values()) < 3


def test_coinciding_showers_are_inside_each_other():
  counts = np.random.default_rng(0).integers(0, 3, (400, 2)) * (0.1, 1e5)
  assert values(manifold_metrics(Sets(counts[:200], counts[200:], counts)))[:2] == [1, 1]


def test_errors_are_the_spread_of_independent_samples():
  several = [
    manifold_metrics(Sets(normal(i, 300), normal(i + 50, 300), normal(1, 20))) for i in range(40)
  ]
  for kind in KINDS:
    figures = [result[f'manifold/{kind}'] for result in several]
    ratio = np.mean([f['error'] for f in figures]) / np.std([f['value'] for f in figures], ddof=1)
    assert 0.6 < ratio < 1.7, kind


def test_large_sets_are_thinned(monkeypatch):
  monkeypatch.setattr(manifold, 'MOST', 100)
  real, fake, other = (normal(seed, 300) for seed in range(3))
  assert manifold_metrics(Sets(real, fake, other))['manifold/recall']['count'] == 100


def test_memory_is_bounded():
  real, fake = normal(0, 3000), normal(1, 3000)
  tracemalloc.start()
  try:
    inside(real, fake)
    assert tracemalloc.get_traced_memory()[1] < 40e6  # all distances would be 72 MB
  finally:
    tracemalloc.stop()


def test_bad_features():
  real, fake = normal(0, 50), normal(1, 50)
  with pytest.raises(ValueError, match='5 showers, expected more than 5'):
    manifold_metrics(Sets(real, fake[:5], fake))
  with pytest.raises(ValueError, match='independent features hold 1 values'):
    manifold_metrics(Sets(real, fake, np.where(fake == fake.max(), np.nan, fake)))
