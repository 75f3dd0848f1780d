"""A Geant4 run in which the exported model takes what it knows at the calorimeter's face."""

import runpy

import numpy as np
import pytest

pytest.importorskip('onnxruntime')

from calojax.showers import Condition
from calojax.simulation import calorimeters, datasets, side_by_side
from conftest import ROOT

ECAL = calorimeters.load('lhcb_ecal')
# MeV; the model was trained from 1 GeV on: the second and the last are left to Geant4.
PARTICLES = Condition.of(
  [2000.0, 500.0, 1500.0, 1200.0, 300.0],
  [[1.0, 2.0], [0.0, 0.0], [-8.0, 5.0], [4.0, -9.0], [3.0, 3.0]],
  [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.06, 0.0, 0.9981984], [0.0, 0.08, 0.9967949], [0, 0, 1]],
)


@pytest.fixture(scope='module')
def tables(geant4):
  """Geant4 runs with the tables of the tests."""
  with pytest.MonkeyPatch.context() as patch:
    for variable in datasets.NEEDED:
      patch.delenv(variable, raising=False)
    patch.setenv(datasets.ROOT, geant4[datasets.ROOT])
    yield


@pytest.fixture(scope='module')
def both(tables):
  """Full and fast simulation of `PARTICLES`."""
  return side_by_side.simulate(side_by_side.Request(ECAL, 'lhcb_ecal', PARTICLES, seed=3))


def test_the_model_takes_what_it_knows_and_geant4_the_rest(both):
  np.testing.assert_array_equal(both.stopped, [0, 2, 3])
  # In the vacuum in front of the face a particle stays as it was shot.
  for at_face, shot in zip(both.at_face, PARTICLES):
    np.testing.assert_allclose(at_face, shot[both.stopped], rtol=1e-6, atol=1e-5)
  full, fast = both.full.energies, both.fast.energies
  # Same random numbers, and nothing of the model: the very same showers.
  np.testing.assert_array_equal(fast[[1, 4]], full[[1, 4]])
  assert np.all(np.abs(fast[both.stopped] - full[both.stopped]).max(1) > 1)
  response = fast.sum(1) / PARTICLES.energy
  np.testing.assert_allclose(response[both.stopped], 0.173, atol=0.05)  # five deviations at 1 GeV
  assert both.cpu.shape == (2, 5) and np.all(both.cpu > 0)


def test_a_shower_depends_on_its_own_number_only(both):
  some = Condition(*(field[2:4] for field in PARTICLES))
  alone = side_by_side.simulate(side_by_side.Request(ECAL, 'lhcb_ecal', some, seed=3, start=2))
  np.testing.assert_allclose(alone.fast.energies, both.fast.energies[2:4], rtol=1e-4, atol=1e-2)
  np.testing.assert_array_equal(alone.full.energies, both.full.energies[2:4])


def test_kinds_that_the_model_does_not_know_go_on(tables):
  few = Condition(*(field[:1] for field in PARTICLES))
  request = side_by_side.Request(ECAL, 'lhcb_ecal', few, seed=3, kinds=('gamma',))
  both = side_by_side.simulate(request)
  assert not len(both.stopped) and not len(both.at_face.energy)
  np.testing.assert_array_equal(both.fast.energies, both.full.energies)


def test_a_model_of_another_calorimeter_is_refused(tables):
  few = Condition(*(field[:1] for field in PARTICLES))
  with pytest.raises(ValueError, match="cells of 'clic' for the calorimeter 'lhcb_ecal'"):
    side_by_side.simulate(side_by_side.Request(ECAL, 'clic', few))
  with pytest.raises(ValueError, match='no_such_model'):
    side_by_side.simulate(side_by_side.Request(ECAL, 'no_such_model', few))


def test_the_figures_of_the_same_particles_are_compared_together():
  driver = runpy.run_path(str(ROOT / 'experiments' / 'simulation' / 'side_by_side.py'))
  rng = np.random.default_rng(1)
  full, noise = rng.normal(5, 1, 400), rng.normal(0, 0.1, 400)
  found = driver['row']('x', driver['mean'], (full, full + 0.02 + noise))
  # Alone each mean is known to 1 / 20, their difference ten times better.
  assert abs(found['full']['error'] - 0.05) < 0.01
  expected = (0.02 + noise.mean()) / (0.1 / 20)
  assert abs(found['pull'] - expected) < 0.2 * abs(expected)
