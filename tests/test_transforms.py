"""Between physics and networks: inverse maps, and conditions that mean what they say."""

import jax.numpy as jnp
import numpy as np
import pytest

from calojax.detectors import LHCB_ECAL
from calojax.methods.transforms import CONDITIONS, TRANSFORMS
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
  features = np.asarray(CONDITIONS['full'](embedded.showers.condition, embedded.geometry))
  assert (
    (np.abs(features.mean(0)) < 0.2).all()
    and (features.std(0) > 0.4).all()
    and (features.std(0) < 2).all()
  )
  assert (
    np.abs(features[:, 3:]).max() < 1.05
  )  # the trajectory crosses the central cell at the reference plane
