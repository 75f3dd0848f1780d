"""The classifier two-sample test against areas known by hand."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.stats import norm

from calojax.evaluation.metrics import inputs, judges
from calojax.evaluation.metrics.areas import area, area_error
from calojax.evaluation.metrics.classifier import classifier_auc
from calojax.evaluation.metrics.inputs import high_inputs, low_inputs
from calojax.evaluation.metrics.judges import network_metrics
from calojax.evaluation.sets import Sets
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower

GEOMETRY = Geometry('small', (Layer((4, 4), (10.0, 10.0), 5.0),))


def gaussians(
  shift: float, count: int, width: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
  """Two sets whose first input is shifted by so many standard deviations."""
  values = np.random.default_rng(seed).normal(size=(2, count, width))
  values[1, :, 0] += shift
  return values[0], values[1]


def showers(count: int, seed: int, width: float = 10.0) -> Shower:
  rng = np.random.default_rng(seed)
  energy = rng.uniform(1e3, 1e5, count)
  x, y, _ = GEOMETRY.positions.T
  mean = np.exp(-(x**2 + y**2) / (2 * width**2))
  direction = np.tile([0.0, 0.0, 1.0], (count, 1))
  return Shower(
    mean * rng.gamma(4.0, 0.25, (count, 16)) * energy[:, None] * 0.1,
    Condition(energy, np.zeros((count, 2)), direction),
  )


def test_area_by_hand():
  assert area(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1])) == 1.0
  assert area(np.array([0.4, 0.3, 0.2, 0.1]), np.array([0, 0, 1, 1])) == 0.0
  assert (
    area(np.array([1.0, 3.0, 2.0, 4.0]), np.array([0, 0, 1, 1])) == 0.75
  )  # three of the four pairs in order
  assert area(np.ones(6), np.array([0, 0, 0, 1, 1, 1])) == 0.5


def test_error_of_an_area_is_the_spread_of_many():
  rng, count = np.random.default_rng(0), 100
  labels = np.repeat([0, 1], count)
  areas = [area(rng.normal(size=2 * count) + labels, labels) for _ in range(400)]
  assert area_error(float(norm.cdf(0.5**0.5)), count) == pytest.approx(np.std(areas), rel=0.15)
  assert area_error(0.5, count) == pytest.approx(
    np.sqrt((2 * count + 1) / (12 * count**2)), rel=0.01
  )  # Mann and Whitney
  assert area_error(0.3, count) == area_error(0.7, count)
  assert area_error(1.0, count) == 0


@pytest.mark.parametrize('shift', [0.0, 0.5, 1.5])
def test_shifted_gaussians_have_the_known_area(shift):
  found = classifier_auc(*gaussians(shift, 4000), repeats=2, hidden=(32,))
  assert found.value == pytest.approx(norm.cdf(shift / 2**0.5), abs=4 * found.error)
  assert found.error < 0.025 and len(found.aucs) == 2


def test_far_apart_is_one_and_equal_is_half():
  far = classifier_auc(*gaussians(8.0, 300, 3), repeats=1, hidden=(32,))
  assert far.value > 0.999
  same = classifier_auc(*gaussians(0.0, 1000, 3, seed=1), repeats=3, hidden=(32,), epochs=15)
  assert abs(same.value - 0.5) < 3 * same.error


def test_seeded():
  sets = gaussians(0.5, 200, 2)
  first, again, other = (
    classifier_auc(*sets, repeats=2, epochs=2, hidden=(16,), seed=seed) for seed in (3, 3, 4)
  )
  assert np.array_equal(first.aucs, again.aucs)
  assert not np.array_equal(first.aucs, other.aucs)
  assert first.aucs[0] != first.aucs[1]


def test_scale_of_an_input_does_not_matter():
  real, fake = gaussians(1.0, 400, 2)
  found, scaled = (
    classifier_auc(real * factor, fake * factor, 1, epochs=3, hidden=(16,)).value
    for factor in (1.0, 1024.0)
  )
  assert found == pytest.approx(scaled, abs=1e-3)


def test_a_constant_input_and_unequal_sizes():
  real, fake = gaussians(6.0, 300, 2)
  real[:, 1] = fake[:, 1] = 7.0
  assert classifier_auc(real, fake[:200], 1, epochs=20, hidden=(16,)).value > 0.98


@pytest.mark.parametrize(
  'real, fake, repeats, message',
  [
    (np.zeros((30, 2)), np.zeros((30, 3)), 1, 'expected'),
    (np.zeros((30, 2)), np.zeros((19, 2)), 1, '19 generated showers'),
    (np.full((30, 2), np.nan), np.zeros((30, 2)), 1, 'not finite'),
    (np.zeros((30, 2)), np.zeros((30, 2)), 0, '0 repeats'),
  ],
)
def test_bad_input(real, fake, repeats, message):
  with pytest.raises(ValueError, match=message):
    classifier_auc(real, fake, repeats)


def test_inputs():
  sample = showers(5, 0)
  low, high = low_inputs(sample, GEOMETRY), high_inputs(sample, GEOMETRY)
  assert np.allclose(low[:, 0], np.log10(sample.condition.energy)) and np.array_equal(
    low[:, 0], high[:, 0]
  )
  assert np.allclose(low[:, 1:], sample.energies / sample.condition.energy[:, None])
  assert low.dtype == high.dtype == np.float32 and len(low) == len(high) == 5


def test_low_inputs_are_bounded(monkeypatch):
  monkeypatch.setattr(inputs, 'VALUES', 17 * 3)
  assert low_inputs(showers(5, 0), GEOMETRY).shape == (3, 17)


def test_metrics_see_a_wider_shower(monkeypatch):
  monkeypatch.setattr(judges, 'classifier_auc', functools.partial(classifier_auc, hidden=(32,)))
  calls = []
  figures = network_metrics(
    Sets(showers(400, 0), showers(400, 9, 12.0), showers(400, 2)),
    GEOMETRY,
    1,
    progress=lambda *call: calls.append(call),
  )
  names = {'classifier/low', 'classifier/high', 'classifier/log'}
  assert set(figures) == names and len(calls) == 6
  # A logarithm makes little of a wider shower's bright cells, and with 240 showers nothing of more.
  least = {'classifier/low': 0.9, 'classifier/high': 0.9, 'classifier/log': 0.7}
  for name, figure in figures.items():
    assert figure['value'] > least[name] and abs(figure['floor'] - 0.5) < 4 * figure['floor_error']


def test_too_few_showers_have_no_metrics():
  sets = Sets(0, 1, 2).map(lambda seed: showers(19, seed))
  assert network_metrics(sets, GEOMETRY) == {}
