"""The joint law of a training's particles: what is of it, what is off it."""

import dataclasses
import warnings

import numpy as np
import pytest

from calojax import data
from calojax.inference import coverage, load
from calojax.showers import Condition, at


def particle(x: float = 0.0, slope: float = 0.0, energy: float = 2e4) -> Condition:
  return Condition.of(energy, (x, 0.0), np.array([slope, 0.0, 1.0]) / np.hypot(1, slope))


@pytest.fixture(scope='module')
def law(embedded):
  """Electrons whose impact is -150 mm x slope, give or take 10 mm."""
  found = coverage.coverage(at(embedded.showers.condition, slice(10_000)))
  assert found is not None
  return found


def test_the_law_is_that_of_the_gun(law):
  names = [coverage.NAMES[i] for i in law.used]
  assert names == list(coverage.NAMES)
  assert law.correlation[names.index('x'), names.index('dx/dz')] == pytest.approx(-0.976, abs=0.005)
  assert abs(law.correlation[names.index('x'), names.index('dy/dz')]) < 0.05


def test_particles_of_the_law_that_were_not_seen_are_of_it(law, embedded):
  off, _ = coverage.outside(law, at(embedded.showers.condition, slice(10_000, 20_000)))
  assert off.mean() < 5e-4


@pytest.mark.parametrize(
  'wanted, off',
  [
    (particle(), False),
    (particle(x=9), False),
    (particle(x=-30, slope=0.2), False),
    (particle(x=-60, slope=0.4), False),
    (particle(x=50), True),
    (particle(x=20), True),
    (particle(slope=0.3), True),
    (particle(x=30, slope=0.2), True),
  ],
)
def test_what_was_not_seen_together_is_off_the_law_though_each_is_in_its_range(law, wanted, off):
  found, pair = coverage.outside(law, wanted)
  assert found.tolist() == [off]
  if off:
    assert {coverage.NAMES[i] for i in pair[0]} == {'x', 'dx/dz'}


def test_independent_variables_have_no_joint_law_but_their_own(tmp_path):
  """Impact and slope uniform: every corner of the ranges was seen, nearly."""
  rng = np.random.default_rng(0)
  count = 20_000
  slopes = rng.uniform(-0.5, 0.5, (count, 2))
  direction = np.column_stack([slopes, np.ones(count)])
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  law = coverage.coverage(
    Condition.of(10 ** rng.uniform(3, 5, count), rng.uniform(-50, 50, (count, 2)), direction)
  )
  assert law is not None
  for x in (-49, 0, 49):
    for slope in (-0.49, 0, 0.49):
      assert not coverage.outside(law, particle(x, slope))[0].any()


def test_a_law_that_is_a_line_or_a_point():
  line = np.linspace(-1, 1, 500)
  direction = np.column_stack([line, 0 * line, np.ones(500)])
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  position = np.column_stack([-150 * line, 0 * line])
  law = coverage.coverage(Condition.of(np.full(500, 1e4), position, direction))
  assert law is not None and len(law.used) == 2
  assert not coverage.outside(law, particle(-75, 0.5))[0].any()
  assert coverage.outside(law, particle(-60, 0.5))[0].all()
  assert coverage.coverage(data.load('clic').showers.condition) is None  # the energy alone
  assert coverage.coverage(Condition.of(np.full(500, 1e4))) is None


def test_a_generator_warns_in_one_line_off_its_law_and_not_on_it():
  pytest.importorskip('onnxruntime')
  shipped = load('lhcb_ecal', 'onnxruntime', threads=1)
  aimed = dataclasses.replace(shipped, spectrum=data.load('lhcb_ecal').showers.condition)
  assert aimed.law is not None and coverage.described(aimed.law)['mahalanobis_max'] > 3
  with pytest.warns(UserWarning, match='off the joint law .* x 50 mm and dx/dz 0') as caught:
    aimed.generate(2e4, (50.0, 0.0))
  assert len(caught) == 1 and '\n' not in str(caught[0].message)
  assert caught[0].filename == __file__
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    aimed.generate(*at(aimed.spectrum, slice(200)))
    shipped.generate(2e4, (50.0, 0.0))  # it was trained on the wide law too
