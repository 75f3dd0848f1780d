"""Between physics and networks: inverse maps, and conditions that mean what they say."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.detectors import LHCB_ECAL
from calojax.geometry import Geometry, PolarLayer
from calojax.methods.build import build
from calojax.methods.conditions import CONDITIONS, features
from calojax.methods.transforms import TRANSFORMS
from calojax.showers import Condition


@pytest.mark.parametrize(
  'name, parameter',
  [('power_fraction', 0.25), ('log_fraction', 1e-5), ('log_energy', 1.0), ('linear', 1000.0)],
)
def test_inverse_gives_the_energies_back(name, parameter, few):
  assert name in TRANSFORMS
  transform = TRANSFORMS[name](parameter)
  x = transform.forward(few.energies, few.condition.energy)
  assert float(x.min()) == 0 and float(x.max()) < 10
  np.testing.assert_allclose(
    transform.inverse(x, few.condition.energy), few.energies, rtol=2e-4, atol=1e-5
  )


def test_every_transform_is_tested():
  assert set(TRANSFORMS) == {'power_fraction', 'log_fraction', 'log_energy', 'linear'}


@pytest.mark.parametrize('name, parameter', [('power_fraction', 0.25), ('log_fraction', 1e-5)])
def test_fractions_do_not_see_the_energy_scale(name, parameter, few):
  transform = TRANSFORMS[name](parameter)
  once, tenfold = (transform.forward(f * few.energies, f * few.condition.energy) for f in (1, 10))
  np.testing.assert_allclose(once, tenfold, atol=1e-6)


def test_full_condition_of_a_known_particle():
  # 10 GeV, dx/dz = 0.2, dy/dz = 0, and x = -30 mm on the front face: at 150 mm depth it crosses x =
  # 0.
  norm = np.sqrt(1.04)
  one = Condition(jnp.array([1e4]), jnp.array([[-30.0, 10.1]]), jnp.array([[0.2, 0.0, 1.0]]) / norm)
  np.testing.assert_allclose(
    CONDITIONS['full'](one, LHCB_ECAL), [[0.0, 1.0, 0.0, 0.0, 1.0]], atol=1e-5
  )
  np.testing.assert_allclose(CONDITIONS['energy'](one, LHCB_ECAL), [[0.0]], atol=1e-6)


def test_conditions_of_geant4_showers_are_of_order_one(embedded):
  found = np.asarray(features('full', embedded.geometry)(embedded.showers.condition))
  assert (np.abs(found.mean(0)) < 0.2).all()
  assert (found.std(0) > 0.4).all() and (found.std(0) < 2).all()
  # The trajectory crosses the central cell at the reference plane.
  assert np.abs(found[:, 3:]).max() < 1.05


def test_full_condition_around_an_axis_is_in_units_of_half_the_innermost_ring():
  rings = Geometry('rings', (PolarLayer((0.0, 10.0, 50.0), 4, depth=100.0),))
  one = Condition.of(1e4, (-5.0, 2.5), np.array([0.1, 0.0, 1.0]) / np.sqrt(1.01))
  np.testing.assert_allclose(
    CONDITIONS['full'](jax.tree.map(jnp.asarray, one), rings),
    [[0.0, 0.5, 0.0, 1.0, 0.5]],
    atol=1e-5,
  )


CHALLENGE = pathlib.Path(__file__).parent / 'data' / 'written_by_0.1.0' / 'calochallenge_photons.h5'


@pytest.mark.parametrize('name', CONDITIONS)
def test_every_condition_is_finite_on_every_calorimeter(name, embedded):
  for showers, geometry, _ in (embedded, tiny.showers('calogan'), data.read(CHALLENGE)):
    found = np.asarray(features(name, geometry)(showers.condition))
    assert found.shape[0] == len(showers.energies) and np.isfinite(found).all()


@pytest.mark.parametrize(
  'name', ['published/cnn', 'cnn_aux', 'wgan_gp', 'published/sagan_sn_gd', 'vae']
)
def test_a_network_of_one_layer_names_the_system_of_several(name):
  """On a file of the CaloChallenge: in one line, and not with a traceback from within."""
  showers, geometry, _ = data.read(CHALLENGE)
  with pytest.raises(ValueError, match='configs/vae_gan.py') as refused:
    method = build(tiny.config(name), geometry, showers)
    jax.eval_shape(method.init, jax.random.key(0), showers)
  assert '\n' not in str(refused.value)


def test_the_voxel_system_takes_every_condition_on_a_file_of_the_calochallenge():
  showers, geometry, _ = data.read(CHALLENGE)
  for name in CONDITIONS:
    method = build(tiny.config('voxel', condition=name), geometry, showers)
    state = jax.eval_shape(method.init, jax.random.key(0), showers)
    assert state.generator.params
