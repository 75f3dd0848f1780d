"""The variational auto-encoder: its divergence and likelihood against answers known by hand, one
step of its training.
"""

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
import pytest
from flax import linen as nn

from calojax.methods import transforms, vae
from calojax.models.vae import VAE, Cells
from calojax.showers import Condition, Shower, take
from conftest import network


def config(**changes):
  tiny = ml_collections.ConfigDict(
    {
      'dtype': 'float32',
      'latent': 4,
      'condition': 'full',
      'ema_decay': 0.9,
      'transform': {'name': 'power_fraction', 'parameter': 0.25},
      'generator': {'name': 'vae', 'encoder': (8, 8, 8, 8), 'decoder': (16, 8, 8, 8, 8)},
      'weights': {'reconstruction': 1.0, 'kl': 1.0},
      'optimiser': {
        'name': 'adam',
        'generator': 5e-4,
        'beta1': 0.9,
        'beta2': 0.999,
        'clip': 0.0,
        'cooldown': 0.5,
      },
      'train': {'steps': 8, 'discriminator_steps': 1},
    }
  )
  tiny.update_from_flattened_dict({key.replace('__', '.'): value for key, value in changes.items()})
  return tiny


@pytest.fixture(scope='module')
def trained(embedded, few):
  """A tiny VAE, its state before and after two steps on eight showers, and the metrics of both
  steps.
  """
  method = vae.from_config(config(), embedded.geometry, None)
  states, told = [jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))], []
  batch, update = jax.tree.map(lambda leaf: leaf[None, :8], few), jax.jit(method.update)
  for _ in range(2):
    state, metrics = update(states[-1], batch)
    states, told = states + [state], told + [metrics]
  return method, states, told


def test_divergence_of_normal_distributions():
  nothing = jnp.zeros((2, 3))
  np.testing.assert_array_equal(vae.divergence(nothing, nothing), 0)
  mean, deviation = 1.5, 0.25
  expected = 0.5 * (mean**2 + deviation**2 - 1) - np.log(
    deviation
  )  # of N(1.5, 0.25^2) from N(0, 1)
  np.testing.assert_allclose(
    vae.divergence(jnp.full((2, 3), mean), jnp.full((2, 3), 2 * np.log(deviation))),
    expected,
    rtol=1e-6,
  )


class Constant(nn.Module):
  """An encoder whose latent variables have one and the same mean for every shower, and spread 1."""

  mean: float

  @nn.compact
  def __call__(self, x, condition, noise, train):
    mean = jnp.broadcast_to(
      self.param('mean', nn.initializers.constant(self.mean), ()), (len(x), 2)
    )
    return mean, jnp.zeros_like(mean), Cells(jnp.zeros_like(x), jnp.ones_like(x))


@pytest.mark.parametrize('mean, stays', [(0.4, True), (0.5, False)])
def test_the_first_tenth_of_a_nat_of_a_latent_variable_costs_nothing(mean, stays):
  """The divergence is mean^2 / 2: 0.08 and 0.125 nats."""
  method = vae.method(
    vae.Autoencoder(
      network=network(Constant(mean)),
      latent=2,
      cells=3,
      transform=transforms.linear(1.0),
      features=lambda condition: condition.energy[:, None],
      weights={'reconstruction': 0.0, 'kl': 1.0},
      optimiser=optax.sgd(0.1),
      ema_decay=0.0,
    )
  )
  showers = Shower(np.ones((4, 3), np.float32), Condition.of(np.full(4, 1e3)))
  state = method.init(jax.random.key(0), showers)
  state, metrics = method.update(state, jax.tree.map(lambda leaf: leaf[None], showers))
  moved = state.generator.params['mean'].item() - mean
  assert moved == pytest.approx(0.0 if stays else -0.1 * 2 * mean, abs=1e-6)
  assert float(metrics['generator/kl']) == pytest.approx(2 * mean**2 / 2), 'it is reported whole'


def test_likelihood_is_a_distribution():
  from scipy.stats import norm

  mean, spread = 0.3, 0.2
  x = np.linspace(0, 3, 30_001)[1:]
  cells = Cells(jnp.full((len(x), 1), mean), jnp.full((len(x), 1), spread))
  density = np.exp(-np.asarray(cells.negative_log_likelihood(jnp.asarray(x)[:, None])))
  np.testing.assert_allclose(density, norm.pdf(x, mean, spread), rtol=1e-3, atol=1e-12)
  one = Cells(jnp.full((1, 1), mean), jnp.full((1, 1), spread))
  dark = float(jnp.exp(-one.negative_log_likelihood(jnp.zeros((1, 1))))[0])
  np.testing.assert_allclose(dark, norm.cdf(-mean / spread), rtol=1e-5)
  np.testing.assert_allclose(dark + density.mean() * 3, 1, rtol=1e-3)


def test_likelihood_has_a_finite_gradient_everywhere():
  mean, x = (
    grid.ravel()[None]
    for grid in jnp.meshgrid(jnp.linspace(-30, 30, 13), jnp.array([0, 1e-6, 1, 3]))
  )
  for spread in (0.01, 1.0):
    loss = lambda mean, spread: Cells(mean, spread).negative_log_likelihood(x).sum()
    for gradient in jax.grad(loss, argnums=(0, 1))(mean, jnp.full_like(mean, spread)):
      assert np.isfinite(gradient).all()


def test_drawn_cells_are_as_often_dark_as_they_should_be():
  from scipy.stats import norm

  noise = jax.random.normal(jax.random.key(0), (20_000, 3))
  drawn = np.asarray(Cells(jnp.array([-0.1, 0.0, 0.3]), jnp.array([0.1, 0.5, 0.2])).draw(noise))
  assert drawn.min() == 0
  np.testing.assert_allclose((drawn == 0).mean(0), norm.cdf([1, 0, -1.5]), atol=0.01)


def test_shapes_and_parameter_count():
  network, x, condition = VAE(((30, 30),)), jnp.zeros((2, 900)), jnp.zeros((2, 5))
  make = lambda: network.init_with_output(jax.random.key(0), x, condition, jnp.zeros((2, 32)), True)
  (mean, log_variance, cells), variables = jax.eval_shape(make)
  assert mean.shape == log_variance.shape == (2, 32) and cells.mean.shape == cells.spread.shape == (
    2,
    900,
  )
  assert sum(leaf.size for leaf in jax.tree.leaves(variables['params'])) == 1_083_042


@pytest.mark.parametrize('grids, match', [(((4, 4), (5, 5)), '2 layers'), (((8, 8),), 'too small')])
def test_grids_that_do_not_fit_are_refused(grids, match):
  cells = sum(nx * ny for nx, ny in grids)
  with pytest.raises(ValueError, match=match):
    jax.eval_shape(
      lambda: VAE(grids).init(
        jax.random.key(0), jnp.zeros((2, cells)), jnp.zeros((2, 5)), jnp.zeros((2, 32)), True
      )
    )


def test_steps_are_finite_and_move_the_network(trained):
  _, (start, _, state), told = trained
  assert int(state.step) == 2
  names = {'reconstruction', 'kl', 'gradient_norm', 'diversity'}
  assert set(told[0]) == {f'generator/{name}' for name in names}
  assert all(np.isfinite(value) for metrics in told for value in metrics.values())
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.generator))
  moved = [
    float(jnp.abs(a - b).max()) > 0
    for a, b in zip(*(jax.tree.leaves(s.generator.params) for s in (start, state)))
  ]
  assert np.mean(moved) > 0.9


def test_samples_are_draws_around_the_decoded_showers(trained, few):
  method, (_, _, state), _ = trained
  condition = take(few, slice(3)).condition
  z = jax.random.normal(jax.random.key(1), (3, method.latent))
  assert method.latent == 4 + 900
  sample = jax.jit(method.sample)
  showers = np.asarray(sample(state.generator.ema, z, condition))
  assert showers.shape == (3, 900) and np.isfinite(showers).all() and (showers >= 0).all()
  assert 0 < (showers == 0).mean() < 1
  brighter = np.asarray(sample(state.generator.ema, z.at[:, 4:].add(1), condition))
  assert (brighter >= showers).all() and (brighter > showers).any(), (
    'the last 900 variables are the noise of the cells'
  )
  assert np.abs(sample(state.generator.ema, z.at[:, :4].add(1), condition) - showers).max() > 0


def test_bad_values_are_refused(embedded, few):
  method = vae.from_config(config(), embedded.geometry, None)
  state = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))
  with pytest.raises(ValueError, match='discriminator_steps is 2, expected 1'):
    jax.eval_shape(
      method.update, state, jax.tree.map(lambda leaf: leaf[:16].reshape(2, 8, *leaf.shape[1:]), few)
    )
