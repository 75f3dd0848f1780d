"""The frame around a generator: where a trajectory crosses, how a shower is brought to the standard
place and back, what is factored out of it. Answers known by construction, symmetries, round trips.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import expon, norm

from calojax import data
from calojax.data.symmetries import all_images
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.methods.frame import canonical, crossing, response, spectra, standard
from calojax.methods.frame.summaries import summaries
from calojax.showers import Condition, Shower, at, take

SQUARE = Geometry('square', (Layer((8, 8), (10.0, 10.0), 50.0),))
ODD = Geometry('odd', (Layer((7, 7), (10.0, 10.0), 50.0), Layer((7, 7), (10.0, 10.0), 90.0)))
OBLONG = Geometry('oblong', (Layer((12, 3), (5.0, 40.0), 20.0), Layer((6, 6), (10.0, 10.0), 60.0)))
SHIFTED = Geometry('shifted', (Layer((8, 8), (10.0, 10.0), 50.0, (5.0, 0.0)),))
POLAR = Geometry('polar', (PolarLayer((0.0, 5.0, 20.0), 4, 0.0), PolarLayer((0.0, 10.0), 1, 9.0)))


enter = jax.jit(standard.enter, static_argnums=2)  # one compilation a geometry


def particles(count: int, seed: int = 0, reach: float = 15.0, slope: float = 0.2) -> Condition:
  """Particles of 1 to 100 GeV, anywhere within `reach` mm, inclined up to `slope`."""
  rng = np.random.default_rng(seed)
  inclination = rng.uniform(-slope, slope, (count, 2))
  direction = np.column_stack([inclination, np.ones(count)])
  direction /= np.linalg.norm(direction, axis=1, keepdims=True)
  energy = np.exp(rng.uniform(np.log(1e3), np.log(1e5), count))
  return Condition.of(energy, rng.uniform(-reach, reach, (count, 2)), direction)


def blobs(condition: Condition, geometry: Geometry, depth=lambda energy, layer: layer.depth):
  """Showers of a round profile about the point that each trajectory crosses at that depth, with a
  twentieth of the energy in them.
  """
  slope = condition.direction[:, :2] / condition.direction[:, 2:]
  parts = []
  for layer in geometry.layers:
    at_depth = condition.position + depth(condition.energy, layer)[..., None] * slope
    distance = np.square(layer.positions()[:, None, :2] - at_depth).sum(-1).T
    parts.append(np.exp(-distance / (2 * 12.0**2)))
  cells = np.concatenate(parts, axis=1)
  cells *= 0.05 * condition.energy[:, None] / cells.sum(1, keepdims=True)
  return Shower(cells.astype(np.float32), condition)


def nominal(energy, layer):
  return np.full(len(energy), layer.depth)


def test_crossing_planes_are_found_from_the_showers():
  wide = Geometry('wide', (Layer((40, 40), (5.0, 5.0), 50.0),))
  condition = particles(2000)
  at_ten_gev, growth = 62.0, 7.5

  def depth(energy, layer):
    return at_ten_gev + growth * np.log(energy / 1e4)

  planes = crossing.fit(blobs(condition, wide, depth), wide)
  np.testing.assert_allclose(planes, [[at_ten_gev, growth]], rtol=0.01)


def test_crossing_planes_stay_nominal_where_nothing_tells_of_them():
  straight = Condition.of(np.full(50, 1e4), np.zeros((50, 2)), (0, 0, 1))
  planes = crossing.fit(blobs(straight, SQUARE, nominal), SQUARE)
  np.testing.assert_allclose(planes, [[50.0, 0.0]])
  dark = Shower(np.zeros((50, 64), np.float32), particles(50))
  np.testing.assert_allclose(crossing.fit(dark, SQUARE), [[50.0, 0.0]])


def test_planes_of_geant4_showers_deepen_with_the_energy(embedded):
  """A shower's maximum lies at ln E: 14.4 mm a unit of it in this calorimeter (Moliere's theory has
  the radiation length, about 17 mm).
  """
  showers = take(embedded.showers, slice(4000))
  ((depth, growth),) = crossing.fit(showers, embedded.geometry)
  assert 90 < depth < 150 and 8 < growth < 25


@pytest.mark.parametrize(
  'geometry, images', [(SQUARE, 8), (ODD, 8), (OBLONG, 4), (SHIFTED, 1), (POLAR, 1)]
)
def test_symmetries_are_those_of_the_cells(geometry, images):
  assert canonical.symmetries(geometry) == images


def placed(condition, geometry):
  return canonical.place(jnp.asarray(crossing.nominal(geometry)), condition, geometry)


@pytest.mark.parametrize('geometry', [SQUARE, ODD, OBLONG, SHIFTED, POLAR])
def test_canonical_frame_is_undone(geometry):
  condition = particles(64, reach=8.0, slope=0.05)
  placement = placed(condition, geometry)
  rng = np.random.default_rng(1)
  energies = rng.random((64, geometry.cells)).astype(np.float32)
  # What lies in cells that the frame holds comes back; the rest was rolled over its edge.
  back = canonical.restored(canonical.canonical(energies, placement, geometry), placement, geometry)
  kept = canonical.restored(
    canonical.canonical(np.ones_like(energies), placement, geometry), placement, geometry
  )
  np.testing.assert_array_equal(back, energies * np.asarray(kept))
  assert np.asarray(kept).mean() > 0.7


@pytest.mark.parametrize('geometry', [SQUARE, ODD, OBLONG])
def test_images_of_a_shower_have_one_canonical_form(geometry):
  """Every image of a particle and its shower under the cells' symmetry."""
  condition = particles(40, reach=30.0)
  showers = blobs(condition, geometry, nominal)
  images = all_images(showers, geometry)
  count = canonical.symmetries(geometry)
  assert len(images.energies) == 40 * count
  placement = placed(images.condition, geometry)
  forms = np.asarray(canonical.canonical(images.energies, placement, geometry))
  for form, offset, slope in zip(
    forms.reshape(count, 40, -1),
    np.asarray(placement.offset).reshape(count, 40, -1),
    np.asarray(placement.slope).reshape(count, 40, 2),
  ):
    np.testing.assert_allclose(form, forms[:40], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(offset, np.asarray(placement.offset)[:40].reshape(40, -1), atol=1e-4)
    np.testing.assert_allclose(slope, np.asarray(placement.slope)[:40], atol=1e-6)


def test_crossing_lies_in_the_middle_and_in_the_octant():
  condition = particles(200, reach=30.0)
  placement = placed(condition, SQUARE)
  offset = np.asarray(placement.offset)[:, 0]
  assert ((offset[:, 0] >= offset[:, 1]) & (offset[:, 1] >= 0) & (offset[:, 0] <= 0.5)).all()
  form = np.asarray(
    canonical.canonical(blobs(condition, SQUARE, nominal).energies, placement, SQUARE)
  )
  centre = form @ SQUARE.positions[:, :2] / form.sum(1, keepdims=True)
  inside = np.abs(np.asarray(placement.shift)[:, 0]).max(1) == 0
  np.testing.assert_allclose(centre[inside] / 10, offset[inside], atol=0.35)


def test_energy_leaves_the_calorimeter_at_its_edge():
  """A shower near the edge loses what lies behind it: nothing comes round at the other side."""
  condition = Condition.of(1e4, [(39.0, 0.0)], (0, 0, 1))
  placement = placed(condition, SQUARE)
  seen = np.asarray(canonical.observed(placement, SQUARE)).reshape(8, 8)
  # The crossing, 39 mm, is nearest to the corner at 40 mm: the frame's further half along the axis
  # that was x is not there.
  assert seen.sum() == 32
  full = np.ones((1, 64), np.float32)
  back = np.asarray(canonical.restored(jnp.asarray(full), placement, SQUARE)).reshape(8, 8)
  np.testing.assert_array_equal(back, np.repeat([[0.0], [1.0]], 4, axis=0) * np.ones(8))


def test_far_off_particles_leave_the_calorimeter_dark():
  condition = Condition.of(1e4, [(500.0, 0.0)], (0, 0, 1))
  placement = placed(condition, SQUARE)
  assert not np.asarray(canonical.observed(placement, SQUARE)).any()
  assert not np.asarray(canonical.restored(jnp.ones((1, 64)), placement, SQUARE)).any()


def test_layers_energies_are_undone():
  visible = np.random.default_rng(0).exponential(100, (50, 3)).astype(np.float32)
  incident = np.full(50, 1e4, np.float32)
  numbers = response.quantities(jnp.asarray(visible), incident)
  # A layer's share is known to DARK.
  np.testing.assert_allclose(
    response.visible_energies(numbers, incident), visible, atol=3 * response.DARK * 1000
  )


def gaussian_response(count: int, seed: int):
  """Numbers of a known law: a mean linear in ln E, a spread falling with it; the second hangs on
  the first.
  """
  rng = np.random.default_rng(seed)
  energy = np.exp(rng.uniform(np.log(1e3), np.log(1e5), count)).astype(np.float32)
  slope = rng.uniform(-0.3, 0.3, (count, 2)).astype(np.float32)
  e = np.log(energy / 1e4)
  n = rng.standard_normal((count, 2))
  first = 0.8 + 0.02 * e + 0.03 * np.exp(-0.5 * e) * n[:, 0]
  second = 1 + 0.4 * n[:, 0] + 0.3 * n[:, 1]
  return np.column_stack([first, second]).astype(np.float32), energy, slope


def test_response_has_the_mean_spread_and_correlation_of_the_showers():
  numbers, energy, slope = gaussian_response(20_000, 0)
  fitted = response.fit(numbers, energy, slope)
  other, energy, slope = gaussian_response(20_000, 1)
  noise = np.random.default_rng(2).standard_normal((20_000, 2)).astype(np.float32)
  _, drawn = response.drawn(fitted, noise, energy, slope)
  drawn = np.asarray(drawn)
  for part in np.array_split(np.argsort(energy), 5):
    np.testing.assert_allclose(drawn[part].mean(0), other[part].mean(0), rtol=0.02)
    np.testing.assert_allclose(drawn[part].std(0), other[part].std(0), rtol=0.05)
    found, expected = (np.corrcoef(numbers[part].T) for numbers in (drawn, other))
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_drawn_response_is_standardised_back():
  numbers, energy, slope = gaussian_response(2000, 0)
  fitted = response.fit(numbers, energy, slope)
  noise = np.random.default_rng(2).standard_normal((2000, 2)).astype(np.float32)
  standardised, drawn = response.drawn(fitted, noise, energy, slope)
  again = response.standardised(fitted, drawn, energy, slope)
  np.testing.assert_allclose(again, standardised, atol=2e-3)


def test_response_stays_at_the_end_of_its_range():
  """Beyond the energies of the training showers the polynomials would run away."""
  numbers, energy, slope = gaussian_response(2000, 0)
  fitted = response.fit(numbers, energy, slope)
  noise = np.zeros((2, 2), np.float32)
  beyond = np.asarray([energy.max(), 1e3 * energy.max()], np.float32)
  _, drawn = response.drawn(fitted, noise, beyond, np.zeros((2, 2), np.float32))
  np.testing.assert_allclose(drawn[0], drawn[1], rtol=1e-4)


@pytest.mark.parametrize('count', [1, 5, 60])
def test_response_of_a_handful_of_showers_is_finite(count):
  numbers, energy, slope = gaussian_response(count, 0)
  fitted = response.fit(numbers, energy, slope)
  _, drawn = response.drawn(fitted, np.ones((count, 2), np.float32), energy, slope)
  assert np.isfinite(np.asarray(drawn)).all()


@pytest.mark.parametrize('low, high', [(-2.0, 2.0), (-1.6, 3.9)])  # in units of 10 GeV; to 500 GeV
def test_cells_spectra_follow_the_energy(low, high):
  """A cell lit with odds e^(a + b ln E), then holding c + d ln E; another that never is."""
  rng = np.random.default_rng(0)
  count, e = 40_000, np.random.default_rng(1).uniform(low, high, 40_000).astype(np.float32)
  geometry = Geometry('line', (Layer((5, 1), (10.0, 10.0), 0.0),))
  lit = rng.random((count, 5)) < 1 / (1 + np.exp(-(0.5 + 0.4 * e)))[:, None]
  x = lit * (0.8 - 0.05 * e + 0.1 * rng.standard_normal(count))[:, None]
  x[:, 3:] = 0
  x = np.maximum(x, 0).astype(np.float32)
  borders = spectra.edges(low, high)
  sums = spectra.sums(jnp.asarray(x), x, np.ones_like(x), jnp.asarray(e), borders)
  found = spectra.fit(jax.tree.map(np.asarray, sums), spectra.rings_of(geometry), borders)
  asked = np.asarray([-1.0, 0.0, high - 0.5])
  scales = spectra.scales(found, jnp.asarray(asked))
  np.testing.assert_allclose(scales.middle[:, 2], 0.8 - 0.05 * asked, atol=0.01)
  np.testing.assert_allclose(scales.odds[:, 2], 0.5 + 0.4 * asked, atol=0.1)
  np.testing.assert_allclose(scales.spread[:, 2], 0.1, atol=0.02)
  # Its ring is lit, but this cell in no shower: hardly ever.
  assert (np.asarray(scales.odds)[:, 3] < -5).all()
  assert all(np.isfinite(np.asarray(field)).all() for field in scales)


def test_spectra_of_rarely_lit_cells_are_possible_ones_at_every_energy():
  """Of few showers over a wider range of energies than usual, in which far cells are lit at high
  energies alone: by a polynomial of its own a cell would hold ten times its layer.
  """
  showers, geometry, _ = data.load('clic')
  frame = standard.fit(take(showers, slice(200)), geometry)
  low, high = frame.response.low[0], frame.response.high[0]
  assert spectra.edges(float(low), float(high))[-1] == high > 3
  found = spectra.scales(frame.cells, jnp.linspace(low, high, 9))
  assert found.middle.min() >= 0 and found.middle.max() <= spectra.MOST
  assert found.spread.min() > 0 and found.spread.max() <= spectra.MOST / 2


def test_cells_that_only_energetic_showers_light_stay_dark_at_low_energies():
  """As many lit cells in every part of the range as there are, and next to none where there were
  none: a parabola through the odds of the bins that have lit ones goes up again below them.
  """
  rng = np.random.default_rng(0)
  e = rng.uniform(-1.5, 4, 4000).astype(np.float32)
  geometry = Geometry('line', (Layer((9, 1), (10.0, 10.0), 0.0),))
  odds = np.where(e < 1, -20, -6 + 1.2 * e)[:, None] + np.zeros(9)
  x = (rng.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(np.float32)
  borders = spectra.edges(-1.5, 4)
  sums = spectra.sums(jnp.asarray(x), x, np.ones_like(x), jnp.asarray(e), borders)
  found = spectra.fit(jax.tree.map(np.asarray, sums), spectra.rings_of(geometry), borders)
  expected = np.asarray(jax.nn.sigmoid(spectra.scales(found, jnp.asarray(e)).odds))
  np.testing.assert_allclose(expected.sum(), x.sum(), rtol=0.02)
  for low in (-1.5, 1.0, 2.5):
    part = (e >= low) & (e < low + (2.5 if low < 0 else 1.5))
    assert abs(expected[part].sum() - x[part].sum()) < 0.2 * x[part].sum() + 15


def test_shape_of_a_spectrum_is_that_of_the_ring():
  """Lit cells exponentially distributed: the quantiles are those of the exponential law."""
  geometry = Geometry('line', (Layer((5, 1), (10.0, 10.0), 0.0),))
  rings = spectra.rings_of(geometry)
  rng = np.random.default_rng(0)
  x = (0.1 + 0.2 * rng.exponential(1, (50_000, 5)) * (rng.random((50_000, 5)) < 0.7)).astype('f4')
  x[x <= 0.1] = 0
  x[:, [0, 4]] = 0  # the outermost ring is never lit
  middle, spread = np.full_like(x, 0.3), np.full_like(x, 0.2)
  rare = spectra.blank(5)
  rare.odds[0] = [-20, -20, 20, -20, -20]
  cells = spectra.shaped(rare, spectra.counts(x, middle, spread, rings), rings)
  expected = expon.ppf(norm.cdf(spectra.KNOTS)) - 1
  np.testing.assert_allclose(cells.shape[1], expected, rtol=0.04, atol=0.01)
  np.testing.assert_allclose(cells.shape[0], spectra.KNOTS, atol=1e-6)
  np.testing.assert_allclose(cells.shape[2], spectra.KNOTS, atol=1e-6)  # one that is always lit
  assert (np.diff(cells.shape, axis=1) > 0).all()


@functools.cache
def lhcb():
  dataset = data.load('lhcb_ecal')
  showers = take(dataset.showers, slice(3000))
  return showers, dataset.geometry, standard.fit(showers, dataset.geometry)


def test_showers_enter_the_frame_and_leave_it_as_they_were():
  showers, geometry, frame = lhcb()
  few = take(showers, slice(64))
  inside = enter(frame, few, geometry)
  visible = few.energies.sum(1, keepdims=True)
  back = standard.leave(inside.x, jnp.asarray(visible), inside.placement, geometry)
  # Cells of the calorimeter that the rolled frame does not have are lost, and with them a
  # thousandth of the energy at most.
  ones = jnp.ones_like(inside.x)
  kept = np.asarray(canonical.restored(ones, inside.placement, geometry))
  np.testing.assert_allclose(back, few.energies * kept, rtol=3e-3, atol=0.02)
  assert kept.mean() > 0.9


def test_networks_are_told_numbers_of_unit_size():
  showers, geometry, frame = lhcb()
  told = np.asarray(enter(frame, showers, geometry).told)
  np.testing.assert_allclose(told.mean(0), 0, atol=0.01)
  np.testing.assert_allclose(told.std(0), 1, atol=0.01)


def test_requested_energies_have_the_response_of_the_showers():
  showers, geometry, frame = lhcb()
  noise = np.random.default_rng(0).standard_normal((3000, 1)).astype(np.float32)
  told, visible, _ = standard.requested(frame, noise, showers.condition, geometry)
  real = showers.energies.sum(1) / showers.condition.energy
  made = np.asarray(visible)[:, 0] / showers.condition.energy
  np.testing.assert_allclose(made.mean(), real.mean(), rtol=0.005)
  np.testing.assert_allclose(made.std(), real.std(), rtol=0.06)
  assert told.shape == (3000, len(frame.mean))


def test_frame_survives_being_stored():
  _, _, frame = lhcb()
  plain = standard.arrays(frame)
  for old, new in zip(jax.tree.leaves(frame), jax.tree.leaves(standard.from_arrays(plain))):
    np.testing.assert_array_equal(old, new)


def test_a_shower_at_the_edge_has_the_response_of_one_inside():
  """The chain is told what an endless calorimeter would see: half a shower of half the energy is a
  whole one.
  """
  geometry = Geometry('wide', (Layer((16, 16), (10.0, 10.0), 0.0),))
  condition = particles(1500, reach=20.0, slope=0.0)
  frame = standard.fit(blobs(condition, geometry, nominal), geometry)
  edge = Condition.of(1e4, [(0.0, 0.0), (80.0, 0.0)], (0, 0, 1))
  noise = jnp.zeros((2, 1))
  _, visible, placement = standard.requested(frame, noise, edge, geometry)
  x = standard.from_shares(jnp.asarray(frame.cells.share))[None].repeat(2, 0)
  inside, cut = np.asarray(standard.leave(x, visible, placement, geometry)).sum(1)
  np.testing.assert_allclose(inside, 500, rtol=0.02)
  half = frame.cells.share.reshape(16, 16)[
    :8
  ].sum()  # of the mean shower, on the side that is there
  np.testing.assert_allclose(cut, 500 * half, rtol=0.02)
  assert 0.3 < half < 0.5  # the octant's showers lie on the other side of the middle


def test_a_layer_without_a_lit_cell_stays_dark():
  condition = particles(4, reach=5.0, slope=0.0)
  placement = placed(condition, ODD)
  out = standard.leave(jnp.zeros((4, ODD.cells)), jnp.ones((4, 2)), placement, ODD)
  assert np.isfinite(np.asarray(out)).all() and not np.asarray(out).any()


@pytest.mark.parametrize('geometry', [SQUARE, ODD, OBLONG, SHIFTED, POLAR])
def test_every_geometry_has_a_frame_and_summaries(geometry):
  condition = particles(80, reach=5.0, slope=0.05)
  showers = blobs(condition, geometry, nominal)
  frame = standard.fit(showers, geometry)
  inside = enter(frame, showers, geometry)
  shown = np.asarray(summaries(inside.x, inside, geometry))
  assert all(np.isfinite(np.asarray(leaf)).all() for leaf in (inside.x, inside.told, shown))
  assert shown.shape[0] == 80


def test_summaries_do_not_change_under_the_symmetry_of_the_cells():
  condition = particles(30, reach=30.0)
  images = all_images(blobs(condition, SQUARE, nominal), SQUARE)
  frame = standard.fit(images, SQUARE)
  inside = enter(frame, images, SQUARE)
  shown = np.asarray(summaries(inside.x, inside, SQUARE)).reshape(8, 30, -1)
  np.testing.assert_allclose(shown, np.broadcast_to(shown[:1], shown.shape), atol=2e-3)


def test_bad_training_showers_are_refused():
  condition = particles(10)
  cells = blobs(condition, SQUARE, nominal).energies
  with pytest.raises(ValueError, match='10 training showers are dark'):
    standard.fit(Shower(0 * cells, condition), SQUARE)
  for value in (np.nan, np.inf, -1.0):
    wrong = cells.copy()
    wrong[3, 5] = value
    with pytest.raises(ValueError, match='shower 3.*cell 5'):
      standard.fit(Shower(wrong, condition), SQUARE)


def test_a_dark_shower_among_others_does_no_harm():
  condition = particles(40, reach=5.0, slope=0.05)
  cells = blobs(condition, SQUARE, nominal).energies
  cells[7] = 0
  frame = standard.fit(Shower(cells, condition), SQUARE)
  inside = enter(frame, Shower(cells, condition), SQUARE)
  assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves((inside, frame)))
  assert not np.asarray(inside.x)[7].any()
  assert at(condition, slice(2)).energy.shape == (2,)
