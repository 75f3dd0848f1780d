"""Mirror images of showers: exact, and only where the calorimeter has the symmetry."""

import numpy as np
import pytest

import tiny
from calojax.data.symmetries import all_images, mirrored, transposed
from calojax.detectors import CALOCHALLENGE_PHOTONS
from calojax.observables import evaluate_observables
from calojax.showers import Condition, Shower, check


@pytest.mark.parametrize('source', ['lhcb_ecal', 'calogan'])
def test_a_mirrored_shower_has_the_opposite_offset_and_all_else_alike(source):
  showers, geometry, _ = tiny.showers(source)
  image = check(mirrored(showers, geometry, 0), geometry, 'image')
  observe = lambda name, sample: evaluate_observables(name, sample, geometry)
  np.testing.assert_allclose(observe('delta_x', image), -observe('delta_x', showers), atol=1e-3)
  for name in ('delta_y', 'layer_energies', 'width_longitudinal', 'asymmetry_longitudinal'):
    np.testing.assert_allclose(observe(name, image), observe(name, showers), rtol=1e-4, atol=1e-3)
  np.testing.assert_allclose(
    observe('asymmetry_transverse', image), -observe('asymmetry_transverse', showers), atol=1e-4
  )


def test_exchanging_x_and_y_exchanges_the_offsets():
  showers, geometry, _ = tiny.showers('lhcb_ecal')
  image = check(transposed(showers, geometry), geometry, 'image')
  np.testing.assert_allclose(
    evaluate_observables('delta_x', image, geometry),
    evaluate_observables('delta_y', showers, geometry),
    atol=1e-3,
  )


def test_twice_mirrored_is_the_shower_itself():
  showers, geometry, _ = tiny.showers('calogan')
  for axis in (0, 1):
    back = mirrored(mirrored(showers, geometry, axis), geometry, axis)
    np.testing.assert_array_equal(back.energies, showers.energies)
    np.testing.assert_array_equal(back.condition.direction, showers.condition.direction)


@pytest.mark.parametrize('source, images', [('lhcb_ecal', 8), ('calogan', 4), ('clic', 8)])
def test_all_images_begin_with_the_showers_and_differ(source, images):
  showers, geometry, _ = tiny.showers(source)
  found = all_images(showers, geometry)
  assert len(found.energies) == images * 64
  np.testing.assert_array_equal(found.energies[:64], showers.energies)
  assert len(np.unique(found.energies[::64], axis=0)) == images


def test_rings_are_refused():
  geometry = CALOCHALLENGE_PHOTONS
  one = Shower(np.ones((1, geometry.cells), np.float32), Condition.of(1.0))
  with pytest.raises(ValueError, match='calochallenge_photons.*rectangular'):
    all_images(one, geometry)
