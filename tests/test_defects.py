"""Planted defects: what each does to the showers, which metrics see it, and that none cries wolf
over real showers.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from calojax import data, detectors
from calojax.evaluation import defects
from calojax.evaluation.arrangement import Compared
from calojax.evaluation.defects import DEFECTS
from calojax.evaluation.features import observe
from calojax.evaluation.metrics.inputs import sides
from calojax.evaluation.named import METRICS
from calojax.evaluation.report.pulls import FAR, statistics
from calojax.evaluation.samples import sample
from calojax.evaluation.study import Settings, evaluate
from calojax.showers import Shower, take

COUNT = 600  # showers a side
# 5 % of the resolution takes some 10,000 showers to see.
STRONGER = {
  'resolution twice as bad': lambda fresh, training, geometry, seed: defects.worse_resolution(
    fresh, 2
  )
}
PLANTED = DEFECTS | STRONGER
PRD, MANIFOLD = 'prd', 'manifold'
SEEN = [  # defect, metric, figures that have to see it
  ('energy scale 2 %', 'observables', ('observables/response/mean',)),
  ('energy scale 2 %', 'distances', ('ks/response', 'wasserstein/response')),
  ('resolution twice as bad', 'observables', ('observables/response/std',)),
  ('resolution twice as bad', 'response', ('resolution/worst',)),
  (
    'width 5 %',
    'observables',
    ('observables/width_transverse/mean', 'observables/occupancy_00/mean'),
  ),
  ('width 5 %', 'distances', ('separation/mean', 'wasserstein/occupancy_00')),
  ('dead cell', PRD, ('prd_auc/raw',)),
  ('dead cell', 'observables', ('observables/response/mean', 'observables/ring_2x2/mean')),
  ('dead cell', MANIFOLD, ('manifold/precision', 'manifold/coverage')),
  ('mode collapse to 10', PRD, ('prd_auc/raw', 'prd_auc/physics', 'prd_auc/min')),
  ('mode collapse to 10', MANIFOLD, ('manifold/recall', 'manifold/coverage')),
  ('mode collapse to 10', 'distances', ('separation/mean', 'correlations/distance')),
  ('mode collapse to 10', 'neighbours', ('neighbours/reached',)),
  ('shuffled conditions', MANIFOLD, ('manifold/precision', 'manifold/coverage')),
  ('shuffled conditions', 'distances', ('separation/response', 'correlations/distance')),
  ('shuffled conditions', 'response', ('response/worst',)),
  (
    'shuffled conditions',
    'conditional_prd',
    ('conditional/raw/energy_0', 'conditional/raw/energy_2'),
  ),
  ('memorised training set', 'neighbours', ('neighbours/training', 'neighbours/memorised')),
]
QUICK = tuple(name for name in METRICS if name not in ('conditional_prd', 'classifier', 'trees'))


@functools.cache
def sets():
  """Reference and independent samples, fresh and training showers, and their geometry."""
  showers, geometry, _ = data.load('lhcb_ecal')
  first, second, fresh = (take(showers, slice(i * 2000, i * 2000 + COUNT)) for i in range(3))
  return (
    sample(first, geometry),
    sample(second, geometry),
    fresh,
    take(showers, slice(6000, 8000)),
    geometry,
  )


@functools.cache
def planted(defect: str):
  _, _, fresh, training, geometry = sets()
  return sample(PLANTED[defect](fresh, training, geometry, 0), geometry)


def pulls(defect: str, *metrics: str) -> dict[str, float]:
  """Every figure of the metrics that has a pull, for the showers with that defect."""
  real, other, _, training, geometry = sets()
  wrong = planted(defect)
  compared = Compared(real, wrong, other, training, wrong.showers)
  figures = evaluate(compared, geometry, Settings(40, 3, metrics=metrics))
  return {entry.key: entry.pull for entry in statistics(figures) if entry.pull is not None}


@pytest.mark.parametrize('defect, metric, keys', SEEN)
def test_a_defect_is_seen(defect, metric, keys):
  found = pulls(defect, metric)
  assert all(abs(found[key]) > FAR for key in keys), {key: found[key] for key in keys}


def test_every_defect_has_a_metric():
  assert {defect for defect, *_ in SEEN} | {
    'none',
    'energy scale 0.5 %',
    'resolution 5 % worse',
  } == set(PLANTED)


def test_real_showers_raise_no_alarm():
  found = pulls('none', *QUICK)
  assert len(found) > 150 and max(map(abs, found.values())) < FAR, {
    key: value for key, value in found.items() if abs(value) >= FAR
  }


def test_memorised_showers_are_seen_by_neighbours_only():
  found = pulls('memorised training set', *(name for name in QUICK if name != 'neighbours'))
  assert max(map(abs, found.values())) < FAR


def test_shuffled_conditions_are_invisible_to_the_raw_prd():
  assert abs(pulls('shuffled conditions', PRD)['prd_auc/raw']) < FAR


@pytest.mark.parametrize('defect', PLANTED)
def test_defects_leave_what_they_are_given(defect, few):
  geometry = data.load('lhcb_ecal').geometry
  before = few.energies.copy(), *(field.copy() for field in few.condition)
  wrong = PLANTED[defect](few, few, geometry, 0)
  for array, was in zip((few.energies, *few.condition), before):
    np.testing.assert_array_equal(array, was)
  assert (
    wrong.energies.shape == few.energies.shape
    and wrong.energies.dtype == few.energies.dtype
    and wrong.energies.min() >= 0
  )
  assert (defect == 'none') == all(
    np.array_equal(a, b) for a, b in zip((wrong.energies, *wrong.condition), before)
  )


def moments(showers: Shower, geometry) -> np.ndarray:
  """Energy, barycentre x and y (mm), variance of x and y of each layer, `[5, n, l]`."""
  rows = []
  for energies, layer in zip(geometry.split(showers.energies), geometry.layers):
    weights = energies.reshape(len(energies), -1).astype(np.float64)
    total = weights.sum(1)
    mean = weights @ layer.positions()[:, :2] / total[:, None]
    square = weights @ layer.positions()[:, :2] ** 2 / total[:, None]
    rows.append([total, *mean.T, *(square - mean**2).T])
  return np.moveaxis(np.array(rows), 0, -1)


@pytest.mark.parametrize('source', ['lhcb_ecal', 'calogan'])
def test_stretching_has_the_width_asked_for(source):
  geometry = data.load(source).geometry
  rng = np.random.default_rng(0)
  images = []
  for layer in geometry.layers:  # away from the edges, where nothing is in the way
    image = np.zeros((8, *layer.shape), np.float32)
    inner = image[(slice(None), *(slice(n // 3, -(n // 3)) for n in layer.shape))]
    inner[:] = rng.gamma(0.3, 100, inner.shape)
    images.append(image.reshape(8, -1))
  condition = take(data.load(source).showers, slice(8)).condition
  showers = Shower(np.concatenate(images, axis=1), condition)
  before, after = (
    moments(showers, geometry),
    moments(defects.stretched(showers, geometry, 1.05), geometry),
  )
  np.testing.assert_allclose(after[0], before[0], rtol=1e-5)
  np.testing.assert_allclose(after[1:3], before[1:3], atol=1e-3)
  np.testing.assert_allclose(after[3:], 1.05**2 * before[3:], rtol=1e-4, atol=1e-2)
  np.testing.assert_allclose(
    defects.stretched(showers, geometry, 1.0).energies, showers.energies, rtol=1e-6
  )


def test_stretching_a_single_cell_leaves_it(few):
  geometry = detectors.LHCB_ECAL
  energies = np.zeros((2, 900), np.float32)
  energies[:, 435] = 7
  energies[1, 0] = 7  # of two at the edges nothing leaves
  single = defects.stretched(
    Shower(energies, take(few, slice(2)).condition), geometry, 1.05
  ).energies
  np.testing.assert_array_equal(single[0], energies[0])
  assert single[1].sum() == pytest.approx(14)


def test_stretching_refusals(few):
  with pytest.raises(ValueError, match='width times 0.9, expected a factor of 1 or more'):
    defects.stretched(few, detectors.LHCB_ECAL, 0.9)
  with pytest.raises(
    ValueError, match="regular grids, layer 0 of 'calochallenge_2' is a PolarLayer"
  ):
    defects.stretched(few, detectors.CALOCHALLENGE_2, 1.05)


def test_the_dead_cell_is_the_hottest(few):
  dead = defects.dead_cell(few).energies
  (cell,) = np.flatnonzero((dead != few.energies).any(0))
  assert cell == few.energies.mean(0).argmax() and not dead[:, cell].any()
  assert not defects.dead_cell(few, 3).energies[:, 3].any()


def test_collapsed_showers_are_few_and_keep_their_particles(few):
  found = defects.mode_collapse(few, 10)
  kinds, numbers = np.unique(
    np.column_stack([found.energies, found.condition.energy]), axis=0, return_counts=True
  )
  assert len(kinds) == 10 and np.ptp(numbers) <= 1
  known = {(a, *b) for a, b in zip(few.condition.energy.tolist(), few.energies.tolist())}
  assert all((row[-1], *row[:-1]) in known for row in kinds.tolist())
  with pytest.raises(ValueError, match='0 kinds of 256 showers'):
    defects.mode_collapse(few, 0)


def test_memorised_showers_come_with_their_particles(few):
  found = defects.memorised(few, 100)
  rows = [np.flatnonzero((few.energies == energies).all(1))[0] for energies in found.energies]
  assert len(set(rows)) == 100
  np.testing.assert_array_equal(found.condition.energy, few.condition.energy[rows])
  assert len(defects.memorised(few, 300).energies) == 300


def test_shuffling_keeps_showers_and_particles(few):
  found = defects.shuffled_conditions(few)
  np.testing.assert_array_equal(np.sort(found.energies, axis=0), np.sort(few.energies, axis=0))
  np.testing.assert_array_equal(found.condition.energy, few.condition.energy)
  assert (found.energies != few.energies).any(1).mean() > 0.9


def test_worse_resolution_pulls_responses_apart(few):
  geometry = detectors.LHCB_ECAL
  before, after = (
    observe('response', showers, geometry)[:, 0]
    for showers in (few, defects.worse_resolution(few, 1.2))
  )
  assert after.mean() == pytest.approx(before.mean(), rel=1e-5)
  curve = np.vander(np.log(few.condition.energy.astype(float)), 3)
  spread = [
    np.std(values - curve @ np.linalg.lstsq(curve, values)[0]) for values in (before, after)
  ]
  assert spread[1] == pytest.approx(1.2 * spread[0], rel=1e-4)
  lit = few.energies.sum(1) > 0
  shapes = [
    energies[lit] / energies[lit].sum(1, keepdims=True)
    for energies in (few.energies, defects.worse_resolution(few, 1.2).energies)
  ]
  np.testing.assert_allclose(*shapes, atol=1e-6)


def test_smearing_keeps_energies_on_average_and_dark_cells_dark(few):
  found = defects.smeared(few, 0.2)
  lit = few.energies > 0
  ratio = found.energies[lit] / few.energies[lit]
  np.testing.assert_array_equal(found.energies > 0, lit)
  assert ratio.mean() == pytest.approx(1, abs=0.01)
  assert np.log(ratio).std() == pytest.approx(0.2, rel=0.02)


def test_shuffled_rings_are_real_rings_of_like_energy(few):
  geometry = detectors.LHCB_ECAL
  found = defects.shuffled_rings(few, geometry)
  side = sides(geometry.layers[0])
  order = np.argsort(few.condition.energy)
  np.testing.assert_array_equal(found.energies[:, side == 2], few.energies[:, side == 2])
  # The third ring is that of the shower two places on in order of the energy.
  np.testing.assert_array_equal(
    found.energies[order[:-2]][:, side == 6], few.energies[order[2:]][:, side == 6]
  )


@pytest.mark.parametrize('defect', defects.FINE)
def test_fine_defects_leave_what_they_are_given(defect, few):
  before = few.energies.copy()
  wrong = defects.FINE[defect](few, detectors.LHCB_ECAL, 0)
  np.testing.assert_array_equal(few.energies, before)
  assert wrong.energies.dtype == before.dtype and wrong.energies.min() >= 0
  assert (defect == 'none') == np.array_equal(wrong.energies, before)
