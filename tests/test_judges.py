"""The judges: what they are shown, that they find nothing between real showers, and that each sees
the defect that it is there for.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from calojax import data, detectors
from calojax.evaluation import defects
from calojax.evaluation.arrangement import Compared
from calojax.evaluation.metrics.inputs import View, cell_groups, scale_of, sides
from calojax.evaluation.metrics.judges import tree_metrics, trees, worst
from calojax.evaluation.metrics.trajectory import about_the_trajectory, crossing_planes
from calojax.evaluation.metrics.trees import trees_auc
from calojax.evaluation.report.verdict import verdict_table
from calojax.evaluation.sets import Sets
from calojax.evaluation.study import Settings, evaluate
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.showers import Condition, Shower, take

COUNT = 1000  # showers a side
ODD = Geometry('odd', (Layer((5, 5), (10.0, 10.0), 100.0),))
DEEP = Geometry('deep', (Layer((4, 4), (10.0, 10.0), 50.0), Layer((6, 6), (10.0, 10.0), 150.0)))
OBLONG = Geometry('oblong', (Layer((3, 8), (30.0, 5.0), 50.0), Layer((4, 4), (10.0, 10.0), 90.0)))
ROUND = Geometry(
  'round', (PolarLayer((0, 5, 10, 20, 40, 80, 160), 4, 10.0), PolarLayer((0, 5, 10), 1, 50.0))
)


def particle(x: float, y: float, dx: float = 0.0, dy: float = 0.0) -> Condition:
  """One particle at x, y (mm) of these slopes."""
  return Condition.of(1e4, [[x, y]], np.array([[dx, dy, 1.0]]) / np.hypot(np.hypot(dx, dy), 1))


def lit(geometry: Geometry, *cells: int) -> np.ndarray:
  """A shower `[1, v]` in which the cell at place i of these has i + 1 MeV."""
  energies = np.zeros((1, geometry.cells), np.float32)
  energies[0, list(cells)] = np.arange(len(cells)) + 1
  return energies


def test_a_shower_is_moved_mirrored_and_exchanged_by_hand():
  """The crossing lies in cell (3, 1), at -1 mm along x and +2 mm along y from its middle."""
  condition = particle(-1.0, -8.0, dx=0.1, dy=0.0)  # at depth 100: x = 9, y = -8
  # The cell itself, its neighbour at higher x, and the one at higher y.
  shower = Shower(lit(ODD, 5 * 3 + 1, 5 * 4 + 1, 5 * 3 + 2), condition)
  placed = about_the_trajectory(shower, ODD)
  image = placed.cells.reshape(5, 5)
  # The neighbour at higher y, towards which the crossing lies most, comes to higher x; the one at
  # higher x lies behind the crossing, so the mirror brings it to lower values, now of y.
  assert image[2, 2] == 1 and image[2, 1] == 2 and image[3, 2] == 3 and (image > 0).sum() == 3
  np.testing.assert_allclose(placed.offset[0, 0], [0.2, 0.1], atol=1e-6)
  np.testing.assert_allclose(placed.slope[0], [0.0, -0.1], atol=1e-6)


@pytest.mark.parametrize('geometry', [ODD, DEEP, OBLONG], ids=lambda geometry: geometry.name)
def test_images_of_one_shower_look_alike(geometry):
  """Shifted by whole cells, mirrored or exchanged, together with its particle."""
  rng = np.random.default_rng(0)
  images = [np.zeros((1, *grid), np.float32) for grid in geometry.grids]
  for image in images:
    middle = tuple(slice((n - 1) // 2, n // 2 + 1) for n in image.shape[1:])
    image[(0, *middle)] = rng.uniform(1, 2, image[(0, *middle)].shape)
  condition = particle(2.0, 1.0, 0.01, -0.02)
  flat = lambda parts: np.concatenate([part.reshape(1, -1) for part in parts], axis=1)
  first = about_the_trajectory(Shower(flat(images), condition), geometry)

  def same(parts, position, direction):
    shower = Shower(flat(parts), Condition(condition.energy, position, direction))
    found = about_the_trajectory(shower, geometry)
    np.testing.assert_array_equal(found.cells, first.cells)
    np.testing.assert_allclose(found.offset, first.offset, atol=1e-6)
    np.testing.assert_allclose(found.slope, first.slope, atol=1e-6)

  position, direction = condition.position, condition.direction
  for axis in (0, 1):
    sign = np.where(np.arange(3) == axis, -1.0, 1.0)
    mirrored = [np.flip(image, axis + 1) for image in images]
    same(mirrored, position * sign[:2], direction * sign)
  if geometry is not OBLONG:
    exchanged = [image.swapaxes(1, 2) for image in images]
    same(exchanged, position[:, ::-1], direction[:, [1, 0, 2]])
    same([np.roll(image, 1, 1) for image in images], position + [10.0, 0.0], direction)


def test_at_the_edge_cells_leave_and_dark_ones_come_in():
  full = np.ones((1, 25), np.float32)
  image = about_the_trajectory(Shower(full, particle(21.0, 0.0)), ODD).cells.reshape(5, 5)
  np.testing.assert_array_equal(image, np.repeat([1, 1, 1, 0, 0], 5).reshape(5, 5))
  gone = about_the_trajectory(Shower(full, particle(1e4, 0.0)), ODD).cells
  assert not gone.any()


def test_the_crossing_is_found_at_the_depth_of_the_showers():
  """Showers of one cell at depth 80 mm + 15 mm ln(E / 10 GeV), where the layer says 150."""
  geometry = Geometry('fine', (Layer((200, 200), (2.0, 2.0), 150.0),))
  rng = np.random.default_rng(0)
  energy, start = 1000 * 100 ** rng.random(400), rng.uniform(-20, 20, (400, 2))
  slope = rng.normal(0, 0.2, (400, 2))
  direction = np.c_[slope, np.ones(400)]
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  point = start + (80 + 15 * np.log(energy / 1e4))[:, None] * slope
  cell = np.rint(point / 2 + 99.5).astype(int)
  energies = np.zeros((400, 200, 200), np.float32)
  energies[np.arange(400), cell[:, 0], cell[:, 1]] = 1
  shower = Shower(energies.reshape(400, -1), Condition(energy, start, direction))
  np.testing.assert_allclose(crossing_planes(shower, geometry), [[80, 15]], atol=0.7)
  still = shower._replace(condition=Condition.of(energy, start, [0.0, 0.0, 1.0]))
  np.testing.assert_array_equal(crossing_planes(still, geometry), [[150, 0]])
  dark = shower._replace(energies=np.zeros_like(shower.energies))
  np.testing.assert_array_equal(crossing_planes(dark, geometry), [[150, 0]])


def test_groups_hold_every_cell_of_a_layer_once():
  groups = cell_groups(detectors.LHCB_ECAL)
  assert {name: len(cells) for name, cells in groups.items()} == {
    'core': 64,
    'ring_12': 144 - 64,
    'ring_20': 400 - 144,
    'halo': 500,
  }
  assert len(np.unique(np.concatenate(list(groups.values())))) == 900
  assert list(cell_groups(detectors.CALOGAN)) == ['layer_0', 'layer_1', 'layer_2']
  assert list(cell_groups(ODD)) == ['core']
  blocks = cell_groups(detectors.CLIC)
  assert list(blocks) == ['layers_0_6', 'layers_7_12', 'layers_13_18', 'layers_19_24']
  np.testing.assert_array_equal(sides(ROUND.layers[0])[:6], [2, 4, 6, 8, 10, 12])


@functools.cache
def real(detector: str, count: int) -> tuple[Sets[Shower], Geometry]:
  """Three disjoint sets of embedded showers, and their geometry."""
  showers, geometry, _ = data.load(detector)
  return Sets(*(take(showers, slice(i * count, (i + 1) * count)) for i in range(3))), geometry


def seen(judge: str, wrong: Shower) -> tuple[float, float, float]:
  """Area, floor and error of the difference of one judge by its name."""
  sets, geometry = real('lhcb_ecal', COUNT)
  scale = scale_of(sets.reference, geometry)
  inputs = trees(geometry)[judge]
  shown = [
    inputs(View(some, geometry, scale)) for some in (sets.reference, wrong, sets.independent)
  ]
  found, floor = trees_auc(shown[0], shown[1]), trees_auc(shown[0], shown[2])
  return found.value, floor.value, float(np.hypot(found.error, floor.error))


def test_judges_find_nothing_between_real_showers():
  sets, geometry = real('lhcb_ecal', COUNT)
  figures = tree_metrics(sets, geometry)
  assert set(figures) == {
    f'classifier/trees_{name}' for name in ('high', 'core', 'ring_12', 'ring_20', 'halo')
  }
  for figure in figures.values():
    assert abs(figure['value'] - 0.5) < 3.5 * figure['error']
    assert abs(figure['floor'] - 0.5) < 3.5 * figure['floor_error']


def shifted_core(showers: Shower) -> Shower:
  """Energy moved between neighbours of the core; rings and sums stay."""
  images = showers.energies.reshape(-1, 30, 30).copy()
  images[:, 14:16, 14:16] = images[:, 14:16, 14:16].mean((1, 2), keepdims=True)
  return showers._replace(energies=images.reshape(len(images), -1))


def faint_ring(side_from: int, side_to: int, factor: float = 0.5):
  """Cells of a ring at a part of their energy."""

  def plant(showers: Shower) -> Shower:
    side = sides(detectors.LHCB_ECAL.layers[0])
    inside = (side > side_from) & (side <= side_to)
    return showers._replace(energies=showers.energies * np.where(inside, np.float32(factor), 1))

  return plant


@pytest.mark.parametrize(
  'judge, plant',
  [
    ('trees_high', lambda showers: defects.smeared(showers, 0.2)),
    ('trees_high', lambda showers: defects.energy_scale(showers, 1.02)),
    ('trees_core', shifted_core),
    ('trees_core', lambda showers: defects.dead_cell(showers)),
    ('trees_ring_12', faint_ring(8, 12)),
    ('trees_ring_20', faint_ring(12, 20)),
    ('trees_halo', faint_ring(20, 30, 0.1)),
  ],
)
def test_a_judge_sees_its_defect(judge, plant):
  sets, _ = real('lhcb_ecal', COUNT)
  value, floor, error = seen(judge, plant(sets.generated))
  assert value > floor + 4 * error


def test_layered_and_polar_calorimeters_have_judges():
  sets, geometry = real('calogan', 300)
  assert set(trees(geometry)) == {
    'trees_high', 'trees_layer_0', 'trees_layer_1', 'trees_layer_2', 'trees_rings'
  }  # fmt: skip
  figures = tree_metrics(sets, geometry)
  assert all(abs(figure['value'] - 0.5) < 4 * figure['error'] for figure in figures.values())
  # Half of a layer's energy in another one: the shares of the layers are observables.
  first, second, *rest = geometry.split(sets.generated.energies)
  moved = [0.5 * first, second * (1 + 0.5 * first.sum((1, 2)) / second.sum((1, 2)))[:, None, None]]
  flat = [part.reshape(300, -1) for part in (*moved, *rest)]
  wrong = sets.generated._replace(energies=np.concatenate(flat, axis=1).astype(np.float32))
  found = tree_metrics(sets._replace(generated=wrong), geometry)['classifier/trees_high']
  assert found['value'] > 0.8
  rng, direction = np.random.default_rng(0), [0.0, 0.0, 1.0]
  shower = lambda: Shower(
    rng.gamma(0.3, 100, (60, ROUND.cells)).astype(np.float32),
    Condition.of(rng.uniform(1e3, 1e4, 60), [0.0, 0.0], direction),
  )
  figures = tree_metrics(Sets(shower(), shower(), shower()), ROUND)
  assert {'classifier/trees_layer_0', 'classifier/trees_rings'} < set(figures)
  assert all(0 <= figure['value'] <= 1 for figure in figures.values())


def test_worst_is_the_largest_area_beside_the_largest_floor():
  figure = lambda value, floor: {
    'value': value, 'error': value / 10, 'floor': floor, 'floor_error': floor / 10
  }  # fmt: skip
  figures = {'prd_auc/raw': {'value': 0.9}, 'classifier/trees_high': figure(0.7, 0.50)}
  figures['classifier/trees_core'] = figure(0.6, 0.52)
  assert worst({'prd_auc/raw': {'value': 0.9}}) == {}
  assert worst(figures) == {'classifier/worst_trees': figure(0.7, 0.52) | {'judges': 2}}
  figures['classifier/low'] = figure(0.8, 0.49)
  assert worst(figures) == {'classifier/worst': figure(0.8, 0.52) | {'judges': 3}}
  # Networks alone are as blind as they ever were.
  assert worst({'classifier/low': figure(0.8, 0.49)}) == {}


def test_few_showers_and_showers_that_are_no_numbers():
  sets, geometry = real('lhcb_ecal', COUNT)
  assert tree_metrics(sets.map(lambda some: take(some, slice(19))), geometry) == {}
  few = sets.map(lambda some: take(some, slice(20)))
  assert len(tree_metrics(few, geometry)) == 5
  broken = few.generated.energies.copy()
  broken[3, 5] = np.nan
  with pytest.raises(ValueError, match='the generated showers have 1 cells that are not finite'):
    tree_metrics(few._replace(generated=few.generated._replace(energies=broken)), geometry)
  with pytest.raises(ValueError, match='the generated inputs of the classifier'):
    trees_auc(np.zeros((30, 2)), np.full((30, 2), np.nan))


def test_constant_inputs_tell_nothing():
  assert trees_auc(np.ones((100, 3)), np.ones((100, 3))).value == 0.5


def test_trees_are_seeded_and_threads_change_nothing():
  from threadpoolctl import threadpool_limits

  rng = np.random.default_rng(0)
  sets = rng.normal(size=(200, 4)), rng.normal(0.3, 1, size=(260, 4))
  first, again, other = (trees_auc(*sets, seed=seed).value for seed in (3, 3, 4))
  with threadpool_limits(2, 'openmp'):
    threaded = trees_auc(*sets, seed=3).value
  assert first == again == threaded != other


def test_the_evaluation_shows_the_judges(tmp_path):
  sets, geometry = real('lhcb_ecal', 200)
  summary = evaluate(
    Compared(sets.reference, sets.generated, sets.independent),
    geometry,
    Settings(20, 2, metrics=('trees',)),
  )
  figure = summary['classifier/worst_trees']
  assert set(figure) == {'value', 'error', 'floor', 'floor_error', 'judges'}
  assert figure['value'] == max(
    found['value'] for key, found in summary.items() if key.startswith('classifier/')
  )
  lines = verdict_table(summary).splitlines()
  assert lines[1].startswith('classifier/worst trees') and f'{figure["floor"]:.4g}' in lines[1]
