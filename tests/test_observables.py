"""Observables against answers known by hand, in numpy and in jax."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from calojax import observables
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.observables import ALPHAS, ATTRIBUTES, OBSERVABLES, evaluate_observables, total_width
from calojax.showers import Condition, Shower, take

LHCB = Geometry('lhcb', (Layer((30, 30), (20.2, 20.2), 150.0),), 0.17)
DEEP = Geometry('deep', (Layer((3, 8), (16.0, 6.0), 40.0), Layer((5, 5), (10.0, 10.0), 250.0)), 0.2)


def particles(slopes, position=(0.0, 0.0), energy=10_000.0) -> Condition:
  slopes = np.asarray(slopes, np.float64).reshape(-1, 2)
  direction = np.concatenate([slopes, np.ones((len(slopes), 1))], axis=1)
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  return Condition(
    np.full(len(slopes), energy), np.tile(np.asarray(position, float), (len(slopes), 1)), direction
  )


def random_showers(geometry: Geometry, count: int = 40, seed: int = 0) -> Shower:
  rng = np.random.default_rng(seed)
  energies = rng.gamma(0.2, 30.0, (count, geometry.cells)) * (
    rng.random((count, geometry.cells)) < 0.3
  )
  condition = particles(rng.normal(0, 0.175, (count, 2)), energy=30_000.0)
  return Shower(energies, condition._replace(position=rng.uniform(-10, 10, (count, 2))))


def hot_cell(geometry: Geometry, cell: int, slopes=(0.1, 0.2)) -> Shower:
  return Shower(np.eye(geometry.cells)[[cell]] * 500.0, particles(slopes))


def names(geometry: Geometry) -> list[str]:
  return [name for name in OBSERVABLES | ATTRIBUTES if name != 'lhcb_reference' or geometry is LHCB]


@pytest.mark.parametrize('geometry', [LHCB, DEEP], ids=lambda geometry: geometry.name)
def test_numpy_and_jax_agree(geometry):
  showers = random_showers(geometry)
  known = {name: evaluate_observables(name, showers, geometry) for name in names(geometry)}
  on_device = jax.tree.map(lambda array: jax.numpy.asarray(array, jax.numpy.float32), showers)
  jitted = jax.jit(lambda s: {name: evaluate_observables(name, s, geometry) for name in known})(
    on_device
  )
  for name, value in known.items():
    assert value.shape == (40, total_width(name, geometry))
    assert jitted[name].dtype == np.float32
    np.testing.assert_allclose(
      jitted[name], value, rtol=3e-5, atol=1e-5 * np.abs(value).max(), err_msg=name
    )


@pytest.mark.parametrize('geometry', [LHCB, DEEP], ids=lambda geometry: geometry.name)
def test_batch_axes_in_front(geometry):
  showers = random_showers(geometry, 6)
  folded = jax.tree.map(lambda array: array.reshape(2, 3, *array.shape[1:]), showers)
  alone = take(showers, 4)
  for name in names(geometry):
    flat = evaluate_observables(name, showers, geometry)
    np.testing.assert_allclose(
      evaluate_observables(name, folded, geometry), flat.reshape(2, 3, -1), err_msg=name
    )
    np.testing.assert_allclose(evaluate_observables(name, alone, geometry), flat[4], err_msg=name)


@pytest.mark.parametrize('slopes', [(0, 0), (0.1, 0), (0, 0.1), (-0.2, 0.3)])
@pytest.mark.parametrize('geometry', [LHCB, DEEP], ids=lambda geometry: geometry.name)
def test_empty_and_single_cell_showers_are_finite(geometry, slopes):
  single = hot_cell(geometry, 7, slopes)
  for shower in (single, single._replace(energies=0 * single.energies)):
    on_device = jax.tree.map(lambda array: jax.numpy.asarray(array, jax.numpy.float32), shower)
    for name in names(geometry):
      assert np.isfinite(evaluate_observables(name, shower, geometry)).all(), name
      assert np.isfinite(evaluate_observables(name, on_device, geometry)).all(), name


def test_empty_shower_occupies_nothing():
  empty = hot_cell(LHCB, 0)._replace(energies=np.zeros((1, 900)))
  assert not evaluate_observables('lhcb_corrected', empty, LHCB).any()


def test_single_cell():
  shower = hot_cell(LHCB, 30 * 20 + 4)  # x index 20, y index 4
  assert observables.energy(shower, LHCB) == observables.max_cell(shower, LHCB) == 500
  assert observables.response(shower, LHCB) == 0.05
  np.testing.assert_allclose(
    observables.delta_x(shower, LHCB), 5.5 * 20.2 - 15
  )  # slope 0.1 over 150 mm
  np.testing.assert_allclose(observables.delta_y(shower, LHCB), -10.5 * 20.2 - 30)
  widths = evaluate_observables(['width_longitudinal', 'width_transverse'], shower, LHCB)
  np.testing.assert_allclose(widths, 0, atol=1e-9)
  np.testing.assert_allclose(observables.occupancy(shower, LHCB), 1 / 900)


def test_barycentre_uses_each_layers_depth():
  showers = hot_cell(DEEP, 24 + 12, (0.1, 0.2))  # centre of the second layer, at 250 mm
  np.testing.assert_allclose(observables.delta_x(showers, DEEP), -25)
  np.testing.assert_allclose(observables.delta_y(showers, DEEP), -50)


def test_rings_are_disjoint_and_count_cells():
  uniform = Shower(np.ones((1, 900)), particles((0, 0), energy=1.0))
  rings = evaluate_observables(['ring_2x2', 'ring_4x4', 'ring_6x6', 'ring_8x8'], uniform, LHCB)
  np.testing.assert_array_equal(rings, [[4, 12, 20, 28]])
  odd = Geometry('odd', (Layer((25, 25), (5.1, 5.1), 0.0),))
  uniform = Shower(np.ones((1, 625)), particles((0, 0), energy=1.0))
  np.testing.assert_array_equal(
    evaluate_observables(['ring_2x2', 'ring_4x4'], uniform, odd), [[1, 8]]
  )


def test_occupancy_thresholds():
  energies = np.zeros((1, 900))
  energies[0, :2] = (
    0.9,
    0.1,
  )  # the fainter cell sits on the last threshold, so only the others are sure
  shower = Shower(np.repeat(energies, 2, 0) * [[1.0], [1e3]], particles([(0, 0)] * 2))
  np.testing.assert_allclose(observables.occupancy(shower, LHCB)[:, :-1], 2 / 900)
  energies[0, 1] = 5e-4
  shower = Shower(energies, particles((0, 0)))
  known = np.where(ALPHAS * energies.sum() <= 5e-4, 2, 1) / 900
  np.testing.assert_allclose(observables.occupancy(shower, LHCB)[0], known)


@pytest.mark.parametrize('angle', [0, 30, 90, 135, 200, 270])
def test_true_widths_come_back(angle):
  along, across, angle = 60.0, 35.0, np.radians(angle)
  unit = np.array([np.cos(angle), np.sin(angle)])
  x, y, _ = LHCB.positions.T
  u, v = x * unit[0] + y * unit[1], y * unit[0] - x * unit[1]
  energies = np.exp(-(u**2) / (2 * along**2) - v**2 / (2 * across**2))[None]
  shower = Shower(energies, particles(0.2 * unit, position=-30 * unit))
  widths = evaluate_observables(['width_longitudinal', 'width_transverse'], shower, LHCB)[0]
  np.testing.assert_allclose(widths, [along, across], rtol=2e-3)
  np.testing.assert_allclose(evaluate_observables('lhcb_corrected', shower, LHCB)[0, 2:4], widths)


def test_mirrored_shower_flips_the_asymmetry():
  showers = random_showers(LHCB)
  image = showers.energies.reshape(-1, 30, 30)
  condition = showers.condition
  flipped = Shower(
    image[:, ::-1].reshape(-1, 900),
    condition._replace(
      position=condition.position * [-1, 1], direction=condition.direction * [-1, 1, 1]
    ),
  )
  pieces = ['asymmetry_longitudinal', 'asymmetry_transverse']
  before, after = (evaluate_observables(pieces, sample, LHCB) for sample in (showers, flipped))
  assert np.abs(before).max() > 0.1
  np.testing.assert_allclose(after, before * [1, -1], atol=1e-12)


def test_asymmetry_signs():
  ahead = Shower(np.eye(900)[[30 * 29 + 15]], particles((0.1, 0)))  # far along +x
  left = Shower(np.eye(900)[[30 * 15 + 29]], particles((0.1, 0)))  # +y is left of +x
  assert observables.asymmetry_longitudinal(ahead, LHCB) == 1
  assert observables.asymmetry_transverse(left, LHCB) == 1


def reference_statistics(image, position, direction):
  """The published definition, one shower and one cell at a time."""
  slope, grid = direction[:2] / direction[2], np.linspace(-14.5, 14.5, 30)
  p0, p1 = position / 10 + 25 * slope
  ratio = direction[1] / direction[0]

  def mask(gradient, sign):
    return np.array(
      [[0 if (yy - (gradient * (xx - p0) + p1)) * sign < 0 else 1 for xx in grid] for yy in grid]
    )

  up = 1 if direction[1] > 0 else -1
  asymmetries = [
    (image * (2 * m - 1)).sum() / image.sum() for m in (mask(-1 / ratio, up), mask(ratio, 1))
  ]
  widths = []
  for m in (mask(1 / ratio, -up), mask(-ratio, 1)):
    edge = np.zeros((30, 30))
    edge[:, :-1] += np.abs(m[:, 1:] - m[:, :-1])
    edge[:-1] += np.abs(m[1:] - m[:-1])
    w, r = np.minimum(edge, 1) * image, np.sqrt(1 + ratio**2) * grid[None, :]
    norm = w.sum() + 1e-5
    widths.append(np.sqrt((w * r**2).sum() / norm - ((w * r).sum() / norm) ** 2))
  occupancies = [np.mean(image >= alpha * image.sum()) for alpha in np.logspace(-5, -1, 20)]
  return np.nan_to_num([*asymmetries, *widths, *occupancies])


def test_reference_variant_is_the_published_definition():
  showers = random_showers(LHCB, 30)
  showers.condition.direction[:, :2] *= np.array([[1, 1], [-1, 1], [1, -1]]).repeat(10, 0)
  condition = showers.condition
  images = showers.energies.reshape(-1, 30, 30)
  known = [
    reference_statistics(*row) for row in zip(images, condition.position, condition.direction)
  ]
  np.testing.assert_allclose(
    evaluate_observables('lhcb_reference', showers, LHCB), known, rtol=1e-6, atol=1e-9
  )


def test_reference_variant_needs_30_by_30():
  with pytest.raises(ValueError, match=r'\(30, 30\).*6.*lhcb_corrected'):
    small = Geometry('small', (Layer((6, 6), (20.2, 20.2), 150.0),))
    evaluate_observables('lhcb_reference', random_showers(small, 2), small)


def test_unknown_name_is_answered_with_the_near_one():
  with pytest.raises(
    ValueError, match="'asymetry_transverse'; did you mean 'asymmetry_transverse'.*known: energy"
  ):
    evaluate_observables(['energy', 'asymetry_transverse'], random_showers(LHCB, 2), LHCB)


def test_columns_follow_the_names():
  showers = random_showers(LHCB, 3)
  table = evaluate_observables(['energy', 'occupancy', 'delta_x'], showers, LHCB)
  assert table.shape == (3, 22)
  np.testing.assert_allclose(table[:, 0], showers.energies.sum(1))
  np.testing.assert_allclose(table[:, 21], observables.delta_x(showers, LHCB))


STACK = Geometry(
  'stack', tuple(Layer((4, 5), (5.0, 5.0), 4.0 * i) for i in range(6)), 0.1
)  # equal layers take another path


@pytest.mark.parametrize('geometry', [LHCB, DEEP, STACK], ids=lambda geometry: geometry.name)
def test_gradients_of_empty_and_single_cell_showers_are_finite(geometry):
  single = hot_cell(geometry, 7)
  shown = [name for name in OBSERVABLES if name != 'lhcb_reference']
  jacobian = jax.jit(
    jax.jacrev(
      lambda energies, particle: evaluate_observables(shown, Shower(energies, particle), geometry)
    )
  )
  for energies in (single.energies, 0 * single.energies):
    particle = jax.tree.map(np.float32, single.condition)
    gradient = np.asarray(jacobian(np.float32(energies), particle))
    assert np.isfinite(gradient).all() and np.abs(gradient).max() < 1e6


@pytest.mark.parametrize('geometry', [LHCB, DEEP, STACK], ids=lambda geometry: geometry.name)
def test_layer_energies_sum_to_the_energy(geometry):
  showers = random_showers(geometry)
  layers = evaluate_observables('layer_energies', showers, geometry)
  assert layers.shape == (40, len(geometry.layers))
  np.testing.assert_allclose(
    layers, [[image.sum() for image in geometry.split(row)] for row in showers.energies]
  )
  fractions = evaluate_observables(['layer_fractions', 'response'], showers, geometry)
  np.testing.assert_allclose(fractions[:, :-1].sum(1), fractions[:, -1])


@pytest.mark.parametrize('geometry', [DEEP, STACK], ids=lambda geometry: geometry.name)
def test_one_lit_layer(geometry):
  """Two equal cells 3 pitches apart in y, in the last layer: rms 1.5 pitches, elsewhere nothing."""
  nx, ny = geometry.grids[-1]
  energies = np.zeros((1, geometry.cells))
  energies[0, [-1, -4]] = 200.0
  values = {
    name: evaluate_observables(name, Shower(energies, particles((0, 0))), geometry)[0]
    for name in names(geometry)
  }
  others = len(geometry.layers) - 1
  np.testing.assert_allclose(
    values['layer_width_y'], [0] * others + [1.5 * geometry.layers[-1].pitch[1]]
  )
  np.testing.assert_allclose(values['layer_width_x'], 0)
  np.testing.assert_allclose(values['layer_occupancy'], [0] * others + [2 / (nx * ny)])
  np.testing.assert_allclose(values['layer_energies'], [0] * others + [400])
  np.testing.assert_allclose(
    [values['depth'], values['depth_width']], [[geometry.layers[-1].depth], [0]]
  )


def test_depth_of_two_layers():
  energies = np.zeros((1, DEEP.cells))
  energies[0, [0, -1]] = 300.0, 100.0  # at 40 and 250 mm
  values = evaluate_observables(
    ['depth', 'depth_width'], Shower(energies, particles((0, 0))), DEEP
  )[0]
  np.testing.assert_allclose(values, [92.5, 210 * np.sqrt(3) / 4])


def test_energy_deviation_knows_the_sampling_fraction():
  particle = particles([(0, 0)] * 3, energy=50_000.0)
  energies = np.zeros((3, 900))
  energies[:, 0] = 0.17 * np.array([50_000.0, 60_000.0, 0.0])
  np.testing.assert_allclose(
    observables.energy_deviation(Shower(energies, particle), LHCB), [0, 0.1, 0.5]
  )


def test_attributes_of_a_known_particle():
  angle, azimuth = 0.3, 2.5
  direction = np.array(
    [[np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], [0, 0, 1]]
  )
  particle = Condition(np.array([5000.0, 7000.0]), np.array([[3.0, -4.0], [0, 0]]), direction)
  known = {
    'incident_energy': (5000, 7000),
    'log_energy': (np.log(0.5), np.log(0.7)),
    'impact_x': (3, 0),
    'impact_y': (-4, 0),
    'slope_x': (np.tan(angle) * np.cos(azimuth), 0),
    'slope_y': (np.tan(angle) * np.sin(azimuth), 0),
    'theta': (angle, 0),
    'momentum_x': (5000 * direction[0, 0], 0),
    'momentum_y': (5000 * direction[0, 1], 0),
    'momentum_z': (5000 * np.cos(angle), 7000),
    'cos_phi': (np.cos(azimuth), 1),
    'sin_phi': (np.sin(azimuth), 0),
  }
  assert set(known) == set(ATTRIBUTES)
  for name, values in known.items():
    found = evaluate_observables(name, Shower(np.zeros((2, 900)), particle), LHCB)
    np.testing.assert_allclose(found[:, 0], values, atol=1e-9, err_msg=name)


def test_total_width():
  assert total_width('energy', DEEP) == 1
  assert total_width(['energy', 'layer_energies', 'occupancy', 'theta'], STACK) == 1 + 6 + 20 + 1
  with pytest.raises(ValueError, match="'thta'; did you mean 'theta'"):
    total_width(['thta'], DEEP)


def test_rings_need_regular_grids():
  polar = Geometry('polar', (PolarLayer((0.0, 1.0, 2.0), 10, 0.0),))
  with pytest.raises(ValueError, match="layer 0 of 'polar' is a PolarLayer"):
    evaluate_observables('ring_2x2', Shower(np.ones((1, 20)), particles((0, 0))), polar)
