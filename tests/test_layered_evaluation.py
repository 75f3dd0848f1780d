"""Evaluation of calorimeters of several layers: known answers, planted defects, symmetries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from calojax.evaluation.arrangement import Compared
from calojax.evaluation.features import column_names, compared, observe, scalars
from calojax.evaluation.figures import distributions, layered, plots
from calojax.evaluation.figures.rendering import figure_to_array
from calojax.evaluation.metrics.clustering import turned
from calojax.evaluation.metrics.core_cells import ENERGY, cell_ratios, core, core_metrics, window
from calojax.evaluation.metrics.moments import moment_metrics
from calojax.evaluation.metrics.neighbours import nearest, nearest_neighbours
from calojax.evaluation.metrics.prd import prd
from calojax.evaluation.metrics.profiles import (
  is_stack,
  ks_distance,
  mse_linear,
  mse_log,
  profile_metrics,
  slices,
)
from calojax.evaluation.metrics.response import energy_edges, response_metrics, response_profile
from calojax.evaluation.metrics.ssim import similarities, similarity, ssim_metrics
from calojax.evaluation.metrics.traversals import REPEATS, particles, slope, traverse
from calojax.evaluation.report.folder import write_evaluation
from calojax.evaluation.report.verdict import headlines, verdict_table
from calojax.evaluation.sets import Sets
from calojax.evaluation.study import Settings, evaluate
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.observables import total_width
from calojax.showers import Condition, Shower, take

STACK = Geometry('stack', tuple(Layer((13, 13), (5.0, 5.0), 4.0 * i) for i in range(9)), 0.02)
DEEP = Geometry(
  'deep',
  (
    Layer((12, 3), (10.0, 40.0), 40.0),
    Layer((8, 8), (15.0, 15.0), 150.0),
    Layer((4, 6), (30.0, 20.0), 260.0),
  ),
  0.2,
)
POLAR = Geometry(
  'polar', (PolarLayer((0.0, 5.0, 20.0), 1, 0.0), PolarLayer((0.0, 4.0, 10.0, 30.0), 8, 1.0)), 1.0
)


def showers(
  geometry: Geometry, seed: int, count: int = 200, tilt: float = 0.0, width: float = 8.0
) -> Shower:
  """Blobs about the trajectory with a longitudinal shape and fluctuating cells."""
  rng = np.random.default_rng(seed)
  energy, slopes = 20_000 * 25 ** rng.random(count), rng.normal(0, tilt, (count, 2))
  direction = np.concatenate([slopes, np.ones((count, 1))], axis=1)
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  condition = Condition(energy, rng.uniform(-10, 10, (count, 2)) * (tilt > 0), direction)
  x, y, z = geometry.positions.T
  away = [p - condition.position[:, i, None] - slopes[:, i, None] * z for i, p in enumerate((x, y))]
  depth = z / max(z.max(), 1)
  shape = (
    (depth + 0.05) * np.exp(-4 * depth) * np.exp(-(away[0] ** 2 + away[1] ** 2) / (2 * width**2))
  )
  shape = shape * rng.gamma(3.0, 1 / 3, shape.shape)
  shape *= (geometry.sampling_fraction * energy * rng.normal(1, 0.02, count) / shape.sum(1))[
    :, None
  ]
  return Shower(np.where(shape > 0.1, shape, 0).astype(np.float32), condition)


def scaled(sample: Shower, factor: float) -> Shower:
  return sample._replace(energies=sample.energies * np.float32(factor))


@pytest.fixture(scope='module')
def stacks() -> list[Shower]:
  return [showers(STACK, seed) for seed in range(4)]


def test_what_is_a_stack():
  assert is_stack(STACK)
  assert not is_stack(DEEP) and not is_stack(POLAR)
  assert not is_stack(Geometry('thin', STACK.layers[:4]))
  assert not is_stack(Geometry('stepped', STACK.layers + (Layer((12, 13), (5.0, 5.0), 0.0),)))


def test_slices_of_a_hand_made_shower():
  energies = np.zeros((1, STACK.cells), np.float32)
  block = energies.reshape(9, 13, 13)  # a view
  block[2, 3, 4], block[5, 3, 6] = 30, 10
  shower = Shower(energies, Condition(np.array([100.0]), np.zeros((1, 2)), np.array([[0, 0, 1.0]])))
  found = slices(shower, STACK)
  np.testing.assert_allclose(found['x'][0], np.eye(13)[3] * 0.4)
  np.testing.assert_allclose(found['y'][0], np.eye(13)[4] * 0.3 + np.eye(13)[6] * 0.1)
  np.testing.assert_allclose(found['z'][0], np.eye(9)[2] * 0.3 + np.eye(9)[5] * 0.1)


def test_profile_distances_by_hand():
  real, fake = np.array([1.0, 2, 3, 2]), np.array([2.0, 2, 3, 1])
  assert mse_linear(real, fake) == pytest.approx(2 / 4 / 4)
  assert mse_log(real, 10 * real) == pytest.approx(1)
  assert mse_log(np.array([1.0, 1]), np.array([1.0, 0])) == pytest.approx(
    36 / 2
  )  # an empty slice counts as 1e-6
  assert ks_distance(real, fake) == pytest.approx(1 / 8)
  assert ks_distance(real, 7 * real) == pytest.approx(0)
  assert np.isfinite(ks_distance(real, 0 * real))


def test_profiles_of_equal_and_scaled_sets(stacks):
  real, _, third, _ = stacks
  same = profile_metrics(Sets(real, real, third), STACK)
  assert len(same) == 8 + 9
  for key, figure in same.items():
    assert figure['value'] == pytest.approx(0, abs=1e-12) and figure['floor'] > 0, key
    assert figure.get('p_value', 1) == 1
  more = profile_metrics(Sets(real, scaled(real, 1.1), third), STACK)
  profile = slices(real, STACK)['z'].mean(0)
  assert more['profiles/mse_z']['value'] == pytest.approx(
    0.01 * np.mean((profile / profile.mean()) ** 2), rel=1e-5
  )
  assert more['profiles/mse_log']['value'] == pytest.approx(np.log10(1.1) ** 2, rel=1e-5)
  assert more['profiles/ks_z_high']['value'] == pytest.approx(0, abs=1e-9)


def test_profiles_of_independent_sets_lie_at_the_floor_and_a_wide_shower_does_not(stacks):
  good = profile_metrics(Sets(*stacks[:3]), STACK)
  bad = profile_metrics(Sets(stacks[0], showers(STACK, 7, width=9.0), stacks[2]), STACK)
  for axis in 'xyz':
    figure = good[f'profiles/mse_{axis}']
    assert figure['value'] < figure['floor'] + 5 * np.hypot(figure['error'], figure['floor_error'])
    assert good[f'profiles/ks_{axis}_middle']['p_value'] > 0.005
  for axis in 'xy':
    figure = bad[f'profiles/mse_{axis}']
    assert figure['value'] > figure['floor'] + 5 * figure['error']
    assert bad[f'profiles/ks_{axis}_middle']['p_value'] < 0.005


def test_axes_change_places_with_the_shower(stacks):
  """Exchanging x and y of every shower exchanges the figures of x and y."""

  def turned(sample: Shower) -> Shower:
    block = sample.energies.reshape(-1, 9, 13, 13).swapaxes(2, 3)
    return sample._replace(energies=block.reshape(len(block), -1))

  real, fake = stacks[0], scaled(take(stacks[1], slice(150)), 1.05)
  sets = Sets(real, fake, fake)
  before, after = profile_metrics(sets, STACK), profile_metrics(sets.map(turned), STACK)
  for kind in ('mse_{}', 'mse_log_{}', 'ks_{}_low'):
    assert after['profiles/' + kind.format('x')]['value'] == pytest.approx(
      before['profiles/' + kind.format('y')]['value']
    )
  assert after['profiles/mse']['value'] == pytest.approx(before['profiles/mse']['value'])


def test_core_ratios_of_a_scaled_set(stacks):
  real, other = stacks[:2]
  figures = core_metrics(Sets(real, scaled(real, 1.1), other), STACK, half_width=1e6)
  assert figures['core/mean_ratio']['value'] == pytest.approx(1.1, rel=1e-5)
  assert figures['core/std_ratio']['value'] == pytest.approx(1.1, rel=1e-4)
  assert figures['core/std_ratio']['reference'] == pytest.approx(
    1, abs=5 * figures['core/std_ratio']['reference_error'] + 0.01
  )
  narrow = real._replace(
    energies=real.energies.mean(0) + 0.5 * (real.energies - real.energies.mean(0))
  )
  ratios = cell_ratios(*(sample.energies.astype(float) for sample in (real, narrow)))
  np.testing.assert_allclose(np.nanmean(ratios, axis=1), [1, 0.5], rtol=1e-4)


def test_core_is_the_centre_and_its_window_grows_to_enough_showers(stacks):
  number = np.arange(STACK.cells, dtype=float).reshape(1, -1)
  shower = Shower(number, Condition(np.array([ENERGY]), np.zeros((1, 2)), np.array([[0, 0, 1.0]])))
  block = number.reshape(9, 13, 13)[1:8, 3:10, 3:10]
  np.testing.assert_allclose(core(shower, STACK, ENERGY, 1.0), block.reshape(1, -1))
  energies = stacks[0].condition.energy
  half = window((stacks[0],), ENERGY, 2000.0)
  inside = [(np.abs(energies - ENERGY) <= width).sum() for width in (half / 2, half)]
  assert inside[0] < 50 <= inside[1]
  figure = core_metrics(Sets(*stacks[:3]), STACK)['core/mean_ratio']
  assert figure['low'] < 250 < figure['high'] and 50 <= figure['count'] <= 200


def test_the_spectrum_of_the_window_is_not_a_spread():
  """Identical showers but for their energy: scaled to one energy, no cell varies."""
  sample = showers(STACK, 0, 60)
  shape = sample.energies[0] / sample.condition.energy[0]
  same = sample._replace(energies=shape * sample.condition.energy[:, None])
  assert core(same, STACK, ENERGY, 1e6).std(0).max() < 1e-9 * ENERGY


def test_similarity_known_answers():
  rng = np.random.default_rng(0)
  images = rng.gamma(0.5, 1e-3, (3, 2, 25, 25))
  np.testing.assert_allclose(similarity(images, images), 1)
  np.testing.assert_allclose(similarity(images, images[::-1]), similarity(images[::-1], images))
  assert (similarity(images, rng.permutation(images, axis=3)) < 0.3).all()
  flat = np.full((1, 1, 25, 25), 2.0)  # only the luminance differs: 2 a b / (a^2 + b^2)
  np.testing.assert_allclose(similarity(flat, 2 * flat), 0.8, rtol=1e-6)
  np.testing.assert_allclose(similarity(0 * flat, 0 * flat), 1)


def test_similarity_is_scikit_images_definition():
  """One channel written out: Gaussian window of 11 x 11, sigma 1.5."""
  rng = np.random.default_rng(1)
  first, second = rng.random((2, 13, 13))
  weight = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
  weight = np.outer(weight, weight) / weight.sum() ** 2
  values = []
  for i in range(3):
    for j in range(3):
      a, b = first[i : i + 11, j : j + 11], second[i : i + 11, j : j + 11]
      ma, mb = (weight * a).sum(), (weight * b).sum()
      va, vb, cov = (
        (weight * (a - ma) ** 2).sum(),
        (weight * (b - mb) ** 2).sum(),
        (weight * (a - ma) * (b - mb)).sum(),
      )
      c1, c2 = 0.01**2, 0.03**2
      values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
  np.testing.assert_allclose(
    similarity(first[None, None], second[None, None], 1.0), [np.mean(values)]
  )


def test_a_collapsed_generator_is_too_similar(stacks):
  copies = take(stacks[1], np.zeros(200, int))
  figures = ssim_metrics(stacks[0], copies, STACK)
  assert figures['ssim/generated_generated']['value'] == pytest.approx(1)
  real = figures['ssim/real_real']
  assert real['value'] == real['reference'] < 0.9
  for values in similarities(stacks[0], stacks[1], STACK).values():
    assert 100 <= len(values) <= 200 and (values <= 1).all()


def test_nearest_by_hand():
  index, distance = nearest(
    np.array([[3.0, 4], [0, 0], [1, 0]]), np.array([[0.0, 5], [3, 4], [0, 1]])
  )
  np.testing.assert_array_equal(index, [1, 2, 2])
  np.testing.assert_allclose(distance, [0, 1, np.sqrt(2)])
  with pytest.raises(ValueError, match='no showers'):
    nearest(np.ones((1, 2)), np.ones((0, 2)))


def test_nearest_over_several_blocks(monkeypatch):
  rng = np.random.default_rng(0)
  queries, candidates = rng.random((5, 4)), rng.random((23, 4))
  monkeypatch.setattr('calojax.evaluation.metrics.neighbours.BLOCK', 4)
  known = np.linalg.norm(queries[:, None] - candidates, axis=2).argmin(1)
  np.testing.assert_array_equal(nearest(queries, candidates)[0], known)


def test_memory_is_detected(stacks):
  test, training, fresh, _ = stacks
  honest = nearest_neighbours(test, fresh, training, fresh)
  figure = honest['neighbours/memorised']
  assert abs(figure['value'] - figure['reference']) < 4 * figure['error']
  figure = honest['neighbours/training']
  assert abs(figure['value'] - figure['reference']) < 5 * np.hypot(
    figure['error'], figure['reference_error']
  )
  partly = fresh._replace(
    energies=np.where(np.arange(200)[:, None] < 60, training.energies, fresh.energies)
  )
  figure = nearest_neighbours(test, fresh, training, partly)['neighbours/memorised']
  assert figure['value'] > 0.3 and figure['value'] - figure['reference'] > 5 * figure['error']
  whole = nearest_neighbours(test, fresh, training, training)
  assert set(nearest_neighbours(test, fresh, training)) == {'neighbours/reached'}
  assert whole['neighbours/training']['value'] == 0 < whole['neighbours/training']['reference']


def test_a_missing_part_is_far(stacks):
  test, training, fresh, _ = stacks
  figure = nearest_neighbours(test, take(fresh, fresh.condition.energy < 60_000), training)[
    'neighbours/reached'
  ]
  assert figure['value'] > figure['floor'] + 3 * np.hypot(figure['error'], figure['floor_error'])


def test_response_finds_the_wrong_energies():
  real, fake, third = (showers(DEEP, seed, 300, tilt=0.1) for seed in range(3))
  fake = fake._replace(
    energies=fake.energies * np.where(fake.condition.energy < 40_000, 1.3, 1.0)[:, None]
  )
  figures = response_metrics(Sets(real, fake, third))
  assert figures['response/bin_0']['value'] / figures['response/bin_0'][
    'reference'
  ] == pytest.approx(1.3, abs=0.06)
  assert figures['response/bin_4']['value'] / figures['response/bin_4'][
    'reference'
  ] == pytest.approx(1, abs=0.03)
  worst = figures['response/worst']
  assert worst['value'] == pytest.approx(0.3, abs=0.06) and worst['floor'] < 0.05
  assert (
    figures['response/ratio']['value'] > 1.03
    and abs(figures['resolution/ratio']['reference'] - 1) < 0.5
  )
  mean, error = response_profile(real, energy_edges(real))
  assert len(mean) == 5 and (error > 0).all()
  assert response_metrics(Sets(real, scaled(real, 1.1), real))['response/worst'][
    'value'
  ] == pytest.approx(0.1, rel=1e-5)


def test_an_empty_bin_is_left_out():
  real = showers(DEEP, 0, 100, tilt=0.1)
  low = take(real, real.condition.energy < 30_000)
  figures = response_metrics(Sets(real, low, real))
  assert (
    'response/bin_0' in figures and 'response/bin_4' not in figures and 'response/worst' in figures
  )


def test_compared_observables_by_geometry():
  assert 'layer_energies' not in compared(Geometry('flat', (Layer((4, 4), (1.0, 1.0), 0.0),)))
  assert {'layer_energies', 'depth', 'ring_2x2'} < set(
    compared(DEEP)
  ) and 'ring_2x2' not in compared(POLAR)
  assert all(total_width(name, DEEP) == 1 for name in scalars(DEEP))
  real, fake = (observe(compared(DEEP), showers(DEEP, seed, 60, tilt=0.1), DEEP) for seed in (0, 1))
  table = moment_metrics(column_names(compared(DEEP), DEEP), real, fake)
  assert (
    'observables/layer_energies_02/mean' in table
    and 'observables/layer_energies_03/mean' not in table
  )
  assert np.isfinite([list(figure.values()) for figure in table.values()]).all()


def test_one_cell_showers_have_no_width():
  sample = showers(DEEP, 0, 20, tilt=0.1)
  single = sample._replace(energies=np.eye(DEEP.cells, dtype=np.float32)[np.arange(20) * 5] * 100)
  widths = observe(('layer_width_x', 'layer_width_y', 'depth_width'), single, DEEP)
  np.testing.assert_array_equal(widths, 0)


@pytest.mark.parametrize('geometry', [STACK, DEEP, POLAR], ids=lambda geometry: geometry.name)
def test_evaluate(geometry, tmp_path):
  tilt = 0.0 if geometry is STACK else 0.1
  real, fake, other, training = (showers(geometry, seed, 60, tilt) for seed in range(4))
  summary = evaluate(Compared(real, fake, other, training, fake), geometry, Settings(10, 2))
  assert (
    ('profiles/mse' in summary)
    == ('ssim/real_real' in summary)
    == ('core/mean_ratio' in summary)
    == (geometry is STACK)
  )
  assert {'response/worst', 'neighbours/memorised'} <= set(summary)
  write_evaluation(tmp_path, summary)
  assert json.loads((tmp_path / 'summary.json').read_text()) == summary
  table = verdict_table(summary)
  assert len(table.splitlines()) >= len(headlines(summary)) + 3 > 20
  assert ('layer energies 00' in table) == (geometry is not STACK)


def test_plots_of_a_stack(stacks):
  real, fake = (take(sample, slice(60)) for sample in stacks[:2])
  fake = fake._replace(
    energies=fake.energies * (np.arange(60) > 2)[:, None]
  )  # some empty showers among them
  figures = plots.figures(real, fake, STACK, {})
  assert set(figures) == {
    'mean_image',
    'samples',
    'observables',
    'prd',
    'response',
    'neighbours',
    'profiles',
    'similarity',
  }
  for name in ('response', 'profiles', 'similarity'):
    assert figure_to_array(figures[name]).std() > 0
  assert len(figures['observables'].axes) == 2 * len(
    compared(STACK)
  )  # a panel and its ratio, not one a layer
  layers = {
    axis.get_title().rsplit(' ', 1)[-1]
    for axis in figures['neighbours'].axes
    if 'layer' in axis.get_title()
  }
  assert layers == {'1', '4', '7'}


def test_a_silent_generator_is_judged():
  """All cells empty: bad figures, but numbers."""
  real, other = (showers(STACK, seed, 60) for seed in (0, 1))
  silent = scaled(other, 0)
  compared = Compared(real, silent, other, other, silent)
  summary = evaluate(compared, STACK, Settings(10, 2))
  json.dumps(summary, allow_nan=False)
  assert summary['core/mean_ratio']['value'] == pytest.approx(0, abs=1e-9)
  assert summary['response/worst']['value'] == pytest.approx(1)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('geometry', [STACK, DEEP, POLAR], ids=lambda geometry: geometry.name)
def test_very_few_showers_are_no_error(geometry):
  real, fake, training = (
    showers(geometry, seed, 8, 0.0 if geometry is STACK else 0.1) for seed in range(3)
  )
  compared = Compared(real, fake, training=training, paired=fake)
  summary = evaluate(compared, geometry, Settings(2, 2))
  json.dumps(summary, allow_nan=False)
  assert verdict_table(summary) and 'core/mean_ratio' not in summary


def test_more_cells_than_showers_are_turned_into_fewer():
  rng = np.random.default_rng(0)
  points = rng.normal(size=(20, 90)).astype(np.float32)
  fewer = turned(points)
  assert fewer.shape == (20, 20)
  np.testing.assert_allclose(fewer @ fewer.T, points @ points.T, atol=1e-4)
  real, fake = rng.normal(size=(60, 6)), rng.normal(0.7, size=(60, 6))
  wide, wide_fake = (np.pad(sample, ((0, 0), (0, 300))) for sample in (real, fake))
  assert prd(wide, wide_fake, 8, 3).value == pytest.approx(prd(real, fake, 8, 3).value, abs=0.01)


def test_traversals_follow_the_particle():
  reference = showers(DEEP, 0, 300, tilt=0.05)
  x, y, z = DEEP.positions.T

  def generate(condition: Condition) -> Shower:
    """Follows x0 at half the pace and all else as it should."""
    tx = (condition.direction[:, 0] / condition.direction[:, 2])[:, None]
    away = x - 0.5 * condition.position[:, :1] - tx * z, y - condition.position[:, 1:]
    shape = np.exp(-(away[0] ** 2 + away[1] ** 2) / 800)
    return Shower(shape * (0.2 * condition.energy / shape.sum(1))[:, None], condition)

  found = traverse(generate, reference, DEEP)
  assert set(found) == {'incident_energy', 'impact_x', 'theta'}
  assert found['incident_energy'].figure['value'] == pytest.approx(1)
  assert found['impact_x'].figure['value'] == pytest.approx(0.5, abs=0.15)
  assert found['impact_x'].figure['reference'] == pytest.approx(1, abs=0.1)
  assert found['theta'].figure['value'] == pytest.approx(1, abs=0.15)
  figures = layered.traversal_figures(found, DEEP)
  axes = figures['traversal_theta'].axes
  middle = axes[3].images[0].get_array()
  np.testing.assert_array_equal(middle, 0)
  assert '$x_0$ = ' in figures['traversal_impact_x'].axes[0].get_title()


def test_traversed_particles():
  typical = showers(DEEP, 0, 50, tilt=0.1).condition
  moved = particles('impact_x', np.array([-5.0, 5.0]), typical)
  np.testing.assert_array_equal(moved.position[:, 0], np.repeat([-5.0, 5.0], REPEATS))
  assert len(set(moved.energy)) == 1 and moved.energy[0] == np.median(typical.energy)
  np.testing.assert_allclose(np.linalg.norm(moved.direction, axis=1), 1)
  with pytest.raises(ValueError, match="traversal of 'phi'; .*known: incident_energy"):
    particles('phi', np.zeros(2), typical)
  assert set(
    traverse(
      lambda condition: Shower(np.ones((len(condition.energy), STACK.cells)), condition),
      showers(STACK, 0, 20),
      STACK,
    )
  ) == {'incident_energy'}


def test_slope_by_hand():
  condition = Condition(
    np.array([1000.0, 2000, 3000]), np.zeros((3, 2)), np.tile([0, 0, 1.0], (3, 1))
  )
  energies = np.zeros((3, DEEP.cells))
  energies[:, 0] = 0.2 * 0.9 * condition.energy + 7
  assert slope('incident_energy', Shower(energies, condition), DEEP) == pytest.approx(0.9)


@pytest.mark.parametrize('geometry', [DEEP, POLAR], ids=lambda geometry: geometry.name)
def test_figures_of_few_layers(geometry):
  real, fake = (showers(geometry, seed, 30, tilt=0.1) for seed in (0, 1))
  figures = plots.figures(real, fake, geometry, {})
  assert set(figures) == {'mean_image', 'samples', 'observables', 'prd', 'response', 'neighbours'}


def test_few_layers_have_their_energies_drawn():
  assert distributions._panels('layer_energies', DEEP) == [
    ('layer_energies', 0),
    ('layer_energies', 1),
    ('layer_energies', 2),
  ]
  assert distributions._panels('layer_energies', STACK) == [('layer_energies', None)]


def test_wedges_are_drawn_where_they_are():
  """Energy in the wedge about the angle -pi + pi / 8, outermost ring: left, just below the axis."""
  energies = np.zeros((1, POLAR.cells), np.float32)
  energies[0, 2 + 2] = 10
  sample = showers(POLAR, 0, 1)._replace(energies=energies)
  mesh = plots.mean_image_figure(sample, sample, POLAR).axes[3].collections[0]
  assert isinstance(mesh, QuadMesh)
  lit = ~np.ma.getmaskarray(np.ma.asarray(mesh.get_array()))
  corners = np.asarray(mesh.get_coordinates())
  corners = corners[:-1, :-1][lit]
  assert lit.sum() == 12 and (corners[:, 0] < 0).all() and (corners[:, 1] <= 1e-9).all()
  np.testing.assert_allclose(np.hypot(*corners.T), 10)  # the inner edge of the ring
