"""CaloChallenge's features and separation powers against answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from calojax.detectors import (
  CALOCHALLENGE,
  CALOCHALLENGE_2,
  CALOCHALLENGE_3,
  CALOCHALLENGE_PHOTONS,
  CALOCHALLENGE_PIONS,
  LHCB_ECAL,
)
from calojax.evaluation.arrangement import Compared
from calojax.evaluation.metrics import challenge_features as definitions
from calojax.evaluation.metrics.challenge import challenge_metrics, separation
from calojax.evaluation.metrics.challenge_features import (
  bin_numbers,
  challenge_edges,
  challenge_features,
  data_set,
  is_challenge,
  voxel_counts,
)
from calojax.evaluation.sets import Sets
from calojax.evaluation.study import evaluate
from calojax.evaluation.subject import Settings
from calojax.geometry import Geometry
from calojax.observables import layer_energies
from calojax.showers import Condition, Shower

COUNT = 400


def condition(energy: np.ndarray) -> Condition:
  return Condition(energy, np.zeros((len(energy), 2)), np.tile([0.0, 0.0, 1.0], (len(energy), 1)))


def showers(
  geometry: Geometry, seed: int, scale: float = 1.0, radius: float = 20.0, count: int = COUNT
) -> Shower:
  """Round showers that deposit the whole energy; each voxel fluctuates by a tenth."""
  rng = np.random.default_rng((77, seed))
  mean = np.exp(-np.hypot(*geometry.positions[:, :2].T) / radius)
  energy = 10 ** rng.uniform(4, 6, count)
  energies = mean / mean.sum() * rng.gamma(100.0, 0.01, (count, geometry.cells)) * energy[:, None]
  return Shower((energies * scale).astype(np.float32), condition(energy))


@pytest.fixture(scope='module')
def photons():
  return [showers(CALOCHALLENGE_PHOTONS, seed) for seed in range(4)]


@pytest.fixture(scope='module')
def tiny():
  """Two showers in layer 3 of data set 2: 1 MeV and 3 MeV in two voxels; nothing but 15 keV, which
  is below threshold.
  """
  energies = np.zeros((2, 6480))
  energies[0, 3 * 144 + 4 * 9 + 0] = (
    1.0  # angle bin 4: -pi + 4.5 pi / 8; radial bin 0: 0 to 4.65 mm
  )
  energies[0, 3 * 144 + 12 * 9 + 1] = 3.0  # angle bin 12: opposite; radial bin 1: 4.65 to 9.3 mm
  energies[1, 3 * 144] = 0.015
  return Shower(energies, condition(np.array([8.0, 8.0])))


def test_known_answers_in_data_set_2(tiny):
  found = challenge_features(tiny, CALOCHALLENGE_2)
  assert np.allclose(found['response'], [0.5, 0])
  assert np.allclose(found['energy_03'], [4, 0]) and not found['energy_02'].any()
  angle = -np.pi + 4.5 * np.pi / 8
  along = 2.325, -6.975  # mm, in the direction of the first voxel
  centre = (1 * along[0] + 3 * along[1]) / 4
  width = np.sqrt((1 * along[0] ** 2 + 3 * along[1] ** 2) / 4 - centre**2)
  for axis, cosine in (('eta', np.cos(angle)), ('phi', np.sin(angle))):
    assert np.allclose(found[f'centre_{axis}_03'], [centre * cosine, 0])
    assert np.allclose(found[f'width_{axis}_03'], [width * abs(cosine), 0])
  assert np.allclose(found['centre_r_03'], [(2.325 + 3 * 6.975) / 4, 0])
  assert np.allclose(
    found['width_r_03'], [np.sqrt(3) / 4 * 4.65, 0]
  )  # weights 1/4 and 3/4 of points 4.65 mm apart
  assert np.allclose(found['sparsity_03'], [142 / 144, 1]) and np.allclose(found['sparsity_44'], 1)


def test_threshold(tiny):
  assert np.allclose(
    challenge_features(tiny, CALOCHALLENGE_2, threshold=0.0)['sparsity_03'], [142 / 144, 143 / 144]
  )
  assert np.allclose(challenge_features(tiny, CALOCHALLENGE_2, threshold=2.0)['energy_03'], [3, 0])


def test_names_are_the_challenges_layers():
  found = challenge_features(showers(CALOCHALLENGE_PHOTONS, 0, count=3), CALOCHALLENGE_PHOTONS)
  assert {name for name in found if name.startswith('energy')} == {
    f'energy_{n:02d}' for n in (0, 1, 2, 3, 12)
  }
  assert {name for name in found if 'eta' in name} == {
    f'{kind}_eta_0{n}' for kind in ('centre', 'width') for n in (1, 2)
  }
  assert all(f'centre_r_{n:02d}' in found for n in (0, 1, 2, 3, 12))


@pytest.mark.parametrize('geometry', CALOCHALLENGE, ids=lambda geometry: geometry.name)
def test_every_data_set(geometry):
  sample = showers(geometry, 5, count=4)
  found = challenge_features(sample, geometry, threshold=0.0)
  energies = [values for name, values in found.items() if name.startswith('energy')]
  assert np.allclose(np.stack(energies, 1), layer_energies(sample, geometry), rtol=1e-5)
  assert np.allclose(found['response'], sum(energies) / sample.condition.energy)
  assert all(np.isfinite(values).all() and len(values) == 4 for values in found.values())


def test_a_quarter_turn_takes_eta_to_phi():
  sample = showers(CALOCHALLENGE_2, 6, count=3)
  turned = np.roll(sample.energies.reshape(3, 45, 16, 9), 4, axis=2).reshape(3, -1)
  before, after = (
    challenge_features(sample._replace(energies=e), CALOCHALLENGE_2)
    for e in (sample.energies, turned)
  )
  for layer in ('00', '44'):
    assert np.allclose(after[f'centre_phi_{layer}'], before[f'centre_eta_{layer}'])
    assert np.allclose(after[f'centre_eta_{layer}'], -before[f'centre_phi_{layer}'])
    assert np.allclose(after[f'width_phi_{layer}'], before[f'width_eta_{layer}'])
    assert np.allclose(after[f'centre_r_{layer}'], before[f'centre_r_{layer}'])


def test_chunks_do_not_matter(monkeypatch):
  sample = showers(CALOCHALLENGE_PHOTONS, 7, count=30)
  whole = challenge_features(sample, CALOCHALLENGE_PHOTONS)
  edges = challenge_edges(sample, CALOCHALLENGE_PHOTONS, whole)['voxels']
  counts = voxel_counts(sample, CALOCHALLENGE_PHOTONS, edges)
  monkeypatch.setattr(definitions, 'CHUNK', 7 * 368)
  parts = challenge_features(sample, CALOCHALLENGE_PHOTONS)
  assert all(np.allclose(whole[name], parts[name], rtol=1e-12) for name in whole)
  assert np.array_equal(counts, voxel_counts(sample, CALOCHALLENGE_PHOTONS, edges))


def test_bins_are_numpys():
  edges = np.array([0.0, 1.0, 2.5, 4.0])
  values = np.array([-1e-9, 0.0, 0.5, 1.0, 2.5, 3.9, 4.0, 4.0001])
  assert bin_numbers(values, edges).tolist() == [3, 0, 0, 1, 2, 2, 2, 3]
  sample = showers(CALOCHALLENGE_PHOTONS, 8, count=5)
  lit = np.where(sample.energies < 1.0, 0, sample.energies)
  edges = np.geomspace(10, sample.energies.max(), 50)
  counts = voxel_counts(sample, CALOCHALLENGE_PHOTONS, edges)
  assert np.array_equal(counts, [np.histogram(row, edges)[0] for row in lit])


def test_published_ranges():
  cases = (
    (CALOCHALLENGE_PIONS, 12, 500, 1),
    (CALOCHALLENGE_PIONS, 2, 100, 1),
    (CALOCHALLENGE_2, 2, 30, 0.5e-3 / 0.033),
  )
  for geometry, layer, high, lowest in cases:
    sample = showers(geometry, 9, count=3)
    features = challenge_features(sample, geometry)
    edges = challenge_edges(sample, geometry, features)
    centre, energy = edges[f'centre_eta_{layer:02d}'], edges[f'energy_{layer:02d}']
    assert centre[0] == -high and centre[-1] == high and len(centre) == 101
    assert (
      np.isclose(energy[0], lowest)
      and np.isclose(energy[-1], features[f'energy_{layer:02d}'].max())
      and len(energy) == 40
    )
    assert len(edges['voxels']) == 50 and np.isclose(edges['voxels'][-1], sample.energies.max())
    assert len(edges['sparsity_00']) == 21 and np.allclose(edges['response'][[0, -1]], [0.5, 1.5])


def test_radial_bins_are_those_of_the_script():
  for geometry, layer, centre, width in (
    (CALOCHALLENGE_PIONS, 14, 1500, 1500),
    (CALOCHALLENGE_PIONS, 1, 500, 500),
    (CALOCHALLENGE_3, 7, 42, 20),
  ):
    sample = showers(geometry, 9, count=3)
    edges = challenge_edges(sample, geometry, challenge_features(sample, geometry))
    for name, high in (('centre_r', centre), ('width_r', width)):
      np.testing.assert_allclose(edges[f'{name}_{layer:02d}'], np.linspace(0, high, 101))


def test_the_conventions_of_2022_are_kept_by_name(photons):
  sample = photons[0]
  old = challenge_features(sample, CALOCHALLENGE_PHOTONS, conventions='2022')
  new = challenge_features(sample, CALOCHALLENGE_PHOTONS)
  lit = sample.energies
  for found, threshold in ((old, 1e-3), (new, 1.0)):
    total = np.where(lit < threshold, 0, lit).sum(1, dtype=np.float64)
    np.testing.assert_allclose(found['response'] * sample.condition.energy, total, rtol=1e-6)
  assert (old['sparsity_02'] < new['sparsity_02']).any()
  edges = challenge_edges(sample, CALOCHALLENGE_PHOTONS, old, '2022')
  assert len(edges['sparsity_00']) == 20 and edges['voxels'][0] == 10
  np.testing.assert_allclose(edges['centre_r_12'], np.linspace(0, 500, 101))
  with pytest.raises(ValueError, match="no conventions '2023'"):
    challenge_features(sample, CALOCHALLENGE_PHOTONS, conventions='2023')


def test_an_evaluation_has_figures_of_either_year(photons):
  """The voxels' histogram begins at 10 MeV in one and at 1 MeV in the other."""
  sets = Compared(photons[0], photons[1]._replace(energies=photons[1].energies * 1.2), photons[2])
  found = {}
  for year in ('2024', '2022'):
    settings = Settings(metrics=('challenge', 'frechet'), challenge=year)
    found[year] = evaluate(sets, CALOCHALLENGE_PHOTONS, settings)
    assert found[year]['meta']['challenge'] == year
  for name in ('challenge/voxels', 'challenge/sparsity', 'distances/fpd'):
    assert found['2024'][name]['value'] != found['2022'][name]['value']
  with pytest.raises(ValueError, match="no conventions of the CaloChallenge '2023'"):
    evaluate(sets, CALOCHALLENGE_PHOTONS, Settings(metrics=('challenge',), challenge='2023'))


def test_features_of_the_frechet_distance_by_hand(tiny):
  found = definitions.fpd_features(tiny, CALOCHALLENGE_2)
  # Of 45 layers: energy, four of eta and phi, sparsity, two of r; incident and total energy.
  assert found.shape == (2, 45 * 8 + 2)
  assert found[0, 0] == pytest.approx(np.log10(8))
  assert found[0, 1 + 3] == pytest.approx(np.log10(4)) and found[1, 1 + 3] == pytest.approx(-8)
  total = 1 + 45 * 5
  assert found[0, total] == pytest.approx(np.log10(4))
  assert found[0, total + 1 + 3] == pytest.approx(142 / 144)
  assert found[0, total + 1 + 45 + 3] == pytest.approx((2.325 + 3 * 6.975) / 400)


def test_separation_by_hand():
  assert separation(np.array([1, 1]), np.array([5, 5])) == 0
  assert separation(np.array([3, 0]), np.array([0, 2])) == 1
  assert separation(np.array([1, 1, 0]), np.array([0, 1, 1])) == 0.5  # half of (1/4) / (1/2) twice
  assert separation(np.zeros(3), np.zeros(3)) == 0


def test_identical_sets_have_none(photons):
  copy = photons[0]._replace()  # resampled on its own
  figures = challenge_metrics(
    Sets(photons[0], copy, photons[0]), CALOCHALLENGE_PHOTONS, resamples=5
  )
  assert all(figure['value'] == figure['floor'] == 0 for figure in figures.values())
  assert figures['challenge/energy']['error'] > 0


def test_independent_sets_are_at_the_floor(photons):
  figures = challenge_metrics(Sets(*photons[:3]), CALOCHALLENGE_PHOTONS)
  assert {
    'challenge/response',
    'challenge/voxels',
    'challenge/energy',
    'challenge/energy_12',
    'challenge/width_eta',
  } <= set(figures)
  for name in (
    'challenge/response',
    'challenge/voxels',
    'challenge/energy',
    'challenge/centre_r',
    'challenge/sparsity',
  ):
    figure = figures[name]
    assert (
      abs(figure['value'] - figure['floor'])
      < 4 * np.hypot(figure['error'], figure['floor_error']) + 1e-12
    )


def test_mean_over_layers_is_the_mean(photons):
  figures = challenge_metrics(Sets(*photons[:3]), CALOCHALLENGE_PHOTONS, resamples=5)
  layers = [figures[f'challenge/energy_{n:02d}'] for n in (0, 1, 2, 3, 12)]
  for key in ('value', 'floor'):
    assert figures['challenge/energy'][key] == pytest.approx(
      np.mean([layer[key] for layer in layers])
    )
  assert 0 < figures['challenge/energy']['error'] <= max(layer['error'] for layer in layers)


@pytest.mark.parametrize(
  'defect, feature', [({'scale': 1.02}, 'response'), ({'radius': 22.0}, 'width_eta')]
)
def test_planted_defects_are_seen(photons, defect, feature):
  changed = showers(CALOCHALLENGE_PHOTONS, 9, **defect)
  sets = Sets(photons[0], changed, photons[2])
  figure = challenge_metrics(sets, CALOCHALLENGE_PHOTONS)[f'challenge/{feature}']
  assert figure['value'] - figure['floor'] > 5 * np.hypot(figure['error'], figure['floor_error'])


def test_error_is_the_spread_of_independent_sets():
  pairs = [
    [showers(CALOCHALLENGE_PHOTONS, 100 + 2 * i + j, 1 + 0.03 * j, count=200) for j in (0, 1)]
    for i in range(24)
  ]
  found = [
    challenge_metrics(Sets(real, fake, fake), CALOCHALLENGE_PHOTONS, 30)['challenge/response']
    for real, fake in pairs
  ]
  spread = np.std([figure['value'] for figure in found], ddof=1)
  assert np.median([figure['error'] for figure in found]) == pytest.approx(spread, rel=0.5)


def test_seeded(photons):
  sets = Sets(*photons[:3])
  first, again, other = (
    challenge_metrics(sets, CALOCHALLENGE_PHOTONS, 5, seed)['challenge/response']
    for seed in (1, 1, 2)
  )
  assert first == again and first['value'] == other['value'] and first['error'] != other['error']


def test_other_detectors_are_refused():
  assert not is_challenge(LHCB_ECAL) and all(map(is_challenge, CALOCHALLENGE))
  assert [data_set(geometry) for geometry in CALOCHALLENGE] == [1, 1, 2, 2]
  assert is_challenge(Geometry('renamed', CALOCHALLENGE_3.layers))
  sample = showers(CALOCHALLENGE_PHOTONS, 0, count=2)
  assert challenge_metrics(Sets(sample, sample, sample), LHCB_ECAL) == {}
  with pytest.raises(ValueError, match="'lhcb_ecal'.*calochallenge_3"):
    challenge_features(sample, LHCB_ECAL)
