"""Hurdle cells: an exact likelihood, draws that follow it, a gradient through being lit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.models.hurdle import Hurdle, Scales, hurdle


def cell(logit=0.4, middle=0.6, below=0.15, above=0.3, shape=(1, 1)) -> Hurdle:
  return Hurdle(*(jnp.full(shape, value) for value in (logit, middle, below, above)))


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize('logit', [-3.0, 0.4, 3.0])
@pytest.mark.parametrize('middle', [-0.2, 0.05, 0.6])
def test_probabilities_sum_to_one(logit, middle):
  x = np.linspace(0, 5, 200_001)[1:]
  lit = cell(logit, middle, shape=(len(x), 1)).negative_log_likelihood(jnp.asarray(x)[:, None])
  dark = cell(logit, middle).negative_log_likelihood(jnp.zeros((1, 1)))
  total = np.exp(-np.asarray(lit, np.float64)).sum() * (x[1] - x[0]) + float(jnp.exp(-dark)[0, 0])
  np.testing.assert_allclose(total, 1, atol=2e-3)


def test_draws_follow_the_likelihood():
  rng, count = np.random.default_rng(0), 200_000
  cells = cell(shape=(count, 1))
  x = np.asarray(cells.values(*rng.standard_normal((2, count, 1)).astype(np.float32)))[:, 0]
  dark = float(np.exp(-cell().negative_log_likelihood(jnp.zeros((1, 1))))[0, 0])
  np.testing.assert_allclose((x == 0).mean(), dark, atol=0.004)
  lit = x[x > 0]
  np.testing.assert_allclose(np.median(lit), 0.6, atol=0.005)
  for edge, share in ((0.6 - 0.15, 0.1587), (0.6 + 0.3, 0.8413)):  # one slope off the middle
    np.testing.assert_allclose((lit < edge).mean(), share, atol=0.005)


def test_draws_are_the_values_and_dark_cells_exactly_zero():
  rng = np.random.default_rng(1)
  amount, lit = rng.standard_normal((2, 50, 30)).astype(np.float32)
  cells = cell(shape=(50, 30))
  values = np.asarray(cells.values(amount, lit))
  np.testing.assert_allclose(cells.draw(amount, lit), values, atol=1e-6)
  assert (values >= 0).all() and (values == 0).mean() > 0.3


def test_gradient_of_the_mean_is_that_of_the_probability():
  """d/dlogit of p(lit) E[amount]: the soft step's gradient has the right sign and size."""
  rng, count = np.random.default_rng(2), 100_000
  amount, lit = rng.standard_normal((2, count, 1)).astype(np.float32)

  def mean(logit):
    return cell(logit, below=0.1, above=0.1, shape=(count, 1)).draw(amount, lit).mean()

  for logit in (-1.0, 0.0, 1.5):
    exact = 0.6 * sigmoid(logit) * sigmoid(-logit)
    np.testing.assert_allclose(jax.grad(mean)(logit), exact, rtol=0.15)


def test_middle_and_slopes_have_their_gradients():
  amount, lit = jnp.asarray([[1.0], [-1.0]]), jnp.full((2, 1), 3.0)  # both lit
  gradient = jax.grad(lambda cells: cells.draw(amount, lit).sum())(cell(shape=(2, 1)))
  np.testing.assert_allclose(gradient.middle, 1)
  np.testing.assert_allclose(gradient.above, [[1], [0]])
  np.testing.assert_allclose(gradient.below, [[0], [-1]])


def test_outputs_of_zero_are_the_spectrum_of_the_training_showers():
  scales = Scales(jnp.asarray([0.5, 0.9]), jnp.asarray([0.1, 0.2]), jnp.asarray([-2.0, 3.0]))
  cells = hurdle(jnp.zeros((1, 4, 2)), scales)
  rng = np.random.default_rng(3)
  amount, lit = rng.standard_normal((2, 100_000, 2)).astype(np.float32)
  x = np.asarray(cells.values(amount, lit))
  np.testing.assert_allclose((x > 0).mean(0), sigmoid(np.asarray(scales.odds)), atol=0.005)
  for i in (0, 1):
    lit_cells = x[:, i][x[:, i] > 0]
    np.testing.assert_allclose(lit_cells.mean(), scales.middle[i], rtol=0.02)
    np.testing.assert_allclose(lit_cells.std(), scales.spread[i], rtol=0.1)  # some on the ramp


def test_extreme_numbers_stay_finite():
  cells = cell(logit=jnp.float32(80.0), middle=-5.0)
  for x in (0.0, 3.0):
    assert np.isfinite(np.asarray(cells.negative_log_likelihood(jnp.full((1, 1), x)))).all()
  cells = cell(logit=jnp.float32(-80.0))
  gradient = jax.grad(lambda c: c.negative_log_likelihood(jnp.full((1, 1), 0.5)).sum())(cells)
  assert all(np.isfinite(np.asarray(leaf)).all() for leaf in gradient)


def test_two_runtimes_that_round_differently_light_the_same_cells():
  """A cell changes from dark to lit over a ramp: a rounding of the logit changes it by as little."""
  rng = np.random.default_rng(4)
  amount, lit = rng.standard_normal((2, 2000, 100)).astype(np.float32)
  logit = rng.standard_normal((2000, 100)).astype(np.float32)
  cells = cell(shape=(2000, 100))._replace(logit=jnp.asarray(logit))
  rounded = cells._replace(logit=jnp.asarray(logit * (1 + 3e-7)))
  difference = np.abs(np.asarray(cells.values(amount, lit) - rounded.values(amount, lit)))
  assert difference.max() < 2e-3
