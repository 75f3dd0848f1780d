"""Hurdle cells: an exact likelihood, draws that follow it, a gradient through being lit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.models.hurdle import KNOTS, LEAST, Hurdle, Scales, hurdle

SHAPE = np.asarray([0.5 * k + 0.1 * k**2 / 3 for k in KNOTS], np.float32)  # rises, is skewed
NORMAL = KNOTS


def scales(middle=0.5, spread=0.1, odds=0.0, shape=NORMAL, cells=1) -> Scales:
  full = lambda value: jnp.full(cells, value)
  return Scales(full(middle), full(spread), full(odds), jnp.tile(shape, (cells, 1)))


def cell(logit=0.4, middle=0.2, below=0.5, above=1.0, shape=(1, 1), like=NORMAL) -> Hurdle:
  """Cells whose normal numbers have that median and these slopes."""
  full = lambda value: jnp.full(shape, value)
  found = scales(shape=like, cells=shape[1])
  return Hurdle(full(logit), full(middle), full(below), full(above), found)


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize('logit', [-3.0, 0.4, 3.0])
@pytest.mark.parametrize('middle', [-0.5, 0.2])
def test_probabilities_sum_to_one(logit, middle):
  """Over the normal numbers that amounts stand for, which are as far apart as the amounts here."""
  normal = np.linspace(-2.99, 2.99, 50_001)
  x = 0.5 + 0.1 * normal
  cells = cell(logit, middle, 0.3, 0.6, shape=(len(x), 1))
  lit = cells.negative_log_likelihood(jnp.asarray(x)[:, None])
  dark = cell(logit, middle).negative_log_likelihood(jnp.zeros((1, 1)))
  step = normal[1] - normal[0]
  total = np.exp(-np.asarray(lit, np.float64)).sum() * step + float(jnp.exp(-dark)[0, 0])
  np.testing.assert_allclose(total, 1, atol=2e-3)


def test_draws_follow_the_likelihood():
  rng, count = np.random.default_rng(0), 200_000
  cells = cell(shape=(count, 1))
  x = np.asarray(cells.values(*rng.standard_normal((2, count, 1)).astype(np.float32)))[:, 0]
  dark = float(np.exp(-cell().negative_log_likelihood(jnp.zeros((1, 1))))[0, 0])
  np.testing.assert_allclose((x == 0).mean(), dark, atol=0.004)
  lit = x[x > 0]
  np.testing.assert_allclose(np.median(lit), 0.52, atol=0.002)
  for normal, share in ((0.2 - 0.5, 0.1587), (0.2 + 1.0, 0.8413)):  # one slope off the middle
    np.testing.assert_allclose((lit < 0.5 + 0.1 * normal).mean(), share, atol=0.005)


def test_amounts_are_the_quantiles_and_are_undone():
  found = scales(shape=SHAPE)
  np.testing.assert_allclose(
    found.amounts(jnp.asarray(KNOTS)[:, None])[:, 0], 0.5 + 0.1 * SHAPE, rtol=1e-5
  )
  normal = jnp.linspace(-3, 3, 101)[:, None]
  np.testing.assert_allclose(found.normal(found.amounts(normal)), normal, atol=1e-4)
  # Beyond: never less than the first quantile, and above the last one on along the line.
  low, high = np.asarray(found.amounts(jnp.asarray([[-9.0], [4.0]])))[:, 0]
  assert low == pytest.approx(0.5 + 0.1 * SHAPE[0], rel=1e-5)
  assert high == pytest.approx(0.5 + 0.1 * (SHAPE[-1] + 2 * (SHAPE[-1] - SHAPE[-2])), rel=1e-5)


def test_a_lit_cell_is_lit():
  """Also where the polynomials would have it below 0."""
  found = scales(middle=-1.0)
  assert float(found.amounts(jnp.zeros((1, 1)))[0, 0]) == pytest.approx(LEAST)


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
    return cell(logit, 0.0, 0.5, 0.5, shape=(count, 1)).draw(amount, lit).mean()

  for logit in (-1.0, 0.0, 1.5):
    exact = 0.5 * sigmoid(logit) * sigmoid(-logit)
    np.testing.assert_allclose(jax.grad(mean)(logit), exact, rtol=0.15)


def test_middle_and_slopes_have_their_gradients():
  amount, lit = jnp.asarray([[1.0], [-1.0]]), jnp.full((2, 1), 3.0)  # both lit
  gradient = jax.grad(lambda cells: cells.draw(amount, lit).sum())(cell(shape=(2, 1)))
  np.testing.assert_allclose(gradient.middle, 0.1, rtol=1e-5)
  np.testing.assert_allclose(gradient.above, [[0.1], [0]], rtol=1e-5)
  np.testing.assert_allclose(gradient.below, [[0], [-0.1]], rtol=1e-5)


def test_outputs_of_zero_are_the_spectrum_of_the_training_showers():
  found = Scales(
    jnp.asarray([0.5, 0.9]),
    jnp.asarray([0.1, 0.2]),
    jnp.asarray([-2.0, 3.0]),
    jnp.stack([jnp.asarray(NORMAL), jnp.asarray(SHAPE)]),
  )
  zeros = jnp.zeros((1, 2))
  cells = hurdle(zeros, zeros, (zeros, zeros), found)
  rng = np.random.default_rng(3)
  amount, lit = rng.standard_normal((2, 100_000, 2)).astype(np.float32)
  x = np.asarray(cells.values(amount, lit))
  np.testing.assert_allclose((x > 0).mean(0), sigmoid(np.asarray(found.odds)), atol=0.005)
  for i, shape in enumerate((NORMAL, SHAPE)):
    level = [0.0228, 0.1587, 0.5, 0.8413, 0.9772]  # of -2, -1, 0, 1, 2
    expected = found.middle[i] + found.spread[i] * shape[2:11:2]
    lit_cells = x[:, i][x[:, i] > 0]
    np.testing.assert_allclose(np.quantile(lit_cells, level), expected, rtol=0.04)


def test_extreme_numbers_stay_finite():
  cells = cell(logit=80.0, middle=-5.0)
  for x in (0.0, 3.0):
    assert np.isfinite(np.asarray(cells.negative_log_likelihood(jnp.full((1, 1), x)))).all()
  loss = lambda c: c.negative_log_likelihood(jnp.full((1, 1), 0.5)).sum()
  for leaf in jax.tree.leaves(jax.grad(loss)(cell(logit=-80.0))):
    assert np.isfinite(np.asarray(leaf)).all()


@pytest.mark.parametrize('probability', [1e-3, 0.01, 0.3, 0.999])
def test_rare_cells_are_lit_as_often_as_they_should_and_whole(probability):
  """Up to the ramp, which takes the same part of every cell's lit ones."""
  rng, count = np.random.default_rng(5), 2_000_000
  logit = np.log(probability / (1 - probability))
  cells = cell(logit, above=1e-3, below=1e-3, shape=(count, 1))
  x = np.asarray(cells.values(*rng.standard_normal((2, count, 1)).astype(np.float32)))
  error = 5 * np.sqrt(probability * (1 - probability) / count)
  np.testing.assert_allclose((x > 0).mean(), probability, rtol=0.012, atol=error)
  assert ((x > 0) & (x < 0.5)).mean() < 0.02 * probability


def test_two_runtimes_that_round_differently_light_the_same_cells():
  """A cell changes from dark to lit over a ramp: a rounding changes it by as little."""
  rng = np.random.default_rng(4)
  amount, lit = rng.standard_normal((2, 2000, 100)).astype(np.float32)
  logit = rng.standard_normal((2000, 100)).astype(np.float32)
  cells = cell(shape=(2000, 100))._replace(logit=jnp.asarray(logit))
  rounded = cells._replace(logit=jnp.asarray(logit * (1 + 3e-7)))
  difference = np.abs(np.asarray(cells.values(amount, lit) - rounded.values(amount, lit)))
  assert difference.max() < 1e-3
