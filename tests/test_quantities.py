"""Observables as networks see them: units of their spread, and widths that a checkpoint can rely
on.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.methods import quantities
from calojax.observables import evaluate_observables
from calojax.showers import Shower

NAMES = ('layer_energies', 'response')


def learnt(*arguments) -> quantities.Quantities:
  """What a regressor learns, of at least one name."""
  found = quantities.targets(*arguments)
  assert found is not None
  return found


def shown(*arguments) -> quantities.Quantities:
  """What a discriminator is shown, of at least one name."""
  found = quantities.shown(*arguments)
  assert found is not None
  return found


def test_targets_of_absolute_errors_have_mean_zero_and_spread_one():
  showers, geometry, _ = tiny.showers('calogan')
  values = np.asarray(learnt(NAMES, 'absolute', geometry, showers)(showers))
  assert values.shape == (64, 4) and np.abs(values).max() <= 5
  np.testing.assert_allclose(values[:, 0].mean(), 0, atol=0.1)
  np.testing.assert_allclose(values[:, 0].std(), 1, atol=0.1)


def test_targets_of_percentage_errors_are_in_units_of_the_mean():
  showers, geometry, _ = tiny.showers('clic')
  values = np.asarray(learnt(('incident_energy',), 'percentage', geometry, showers)(showers))[:, 0]
  np.testing.assert_allclose(
    values, showers.condition.energy / showers.condition.energy.mean(), rtol=1e-5
  )


def test_what_is_shown_keeps_a_gradient_far_away():
  showers, geometry, _ = tiny.showers('calogan')
  seen = shown(('response',), geometry, showers)
  far = lambda scale: seen(Shower(scale * showers.energies, showers.condition)).mean()
  assert float(jax.grad(far)(jnp.float32(100.0))) > 1e-4
  observed = evaluate_observables(('response',), showers, geometry)
  np.testing.assert_allclose(
    np.sinh(seen(showers)), (observed - observed.mean(0)) / observed.std(0), rtol=1e-2, atol=1e-2
  )


def test_without_training_showers_the_width_is_the_same():
  _, geometry, _ = tiny.showers('calogan')
  few, *_ = tiny.showers('calogan')
  assert (
    shown(NAMES, geometry, None)(few).shape == (64, quantities.width(NAMES, geometry)) == (64, 4)
  )
  assert (
    quantities.targets((), 'absolute', geometry, None) is None
    and quantities.width((), geometry) == 0
  )


def test_unknown_names_are_refused_with_the_near_one():
  few, geometry, _ = tiny.showers('calogan')
  with pytest.raises(ValueError, match="'layer_energy'.*'layer_energies'"):
    quantities.shown(('layer_energy',), geometry, few)
  with pytest.raises(ValueError, match="'relative'.*absolute, percentage"):
    quantities.targets(('response',), 'relative', geometry, few)
