"""Every network and config: shapes, parameter counts, one finite step."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax import models
from calojax.build import build
from calojax.showers import take

ROOT = pathlib.Path(__file__).resolve().parents[1]

# (generator, discriminator) parameters at full size.
COUNTS = {
    'cnn': (656_321, 406_721),
    'cnn_aux': (656_321, 426_394),
    'cnn_aux_sn': (656_321, 426_394),
    'cnn_sa': (661_442, 411_842),
    'cnn_aux_sa_sn': (661_442, 615_835),
}


def parameters(tree) -> int:
  return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_every_config_is_tested():
  assert {path.stem for path in (ROOT / 'configs').glob('*.py')} == set(COUNTS) == set(tiny.SYSTEMS)


def test_every_network_has_a_config_that_is_tested():
  configs = [tiny.full_config(name) for name in COUNTS]
  assert {c.generator.name for c in configs} == set(models.GENERATORS)
  assert {c.discriminator.name for c in configs} == set(models.DISCRIMINATORS)


@pytest.mark.parametrize('name', COUNTS)
def test_parameter_counts(name, embedded, few):
  state = jax.eval_shape(build(tiny.full_config(name), embedded.geometry, few).init, jax.random.key(0), take(few, slice(2)))
  assert (parameters(state.generator.params), parameters(state.discriminator.params)) == COUNTS[name]


@pytest.mark.parametrize('name', COUNTS)
def test_one_step_is_finite_and_moves_both_players(name, embedded, few):
  config = tiny.config(name)
  method = build(config, embedded.geometry, few)
  start = jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))
  batch = jax.tree.map(lambda leaf: leaf[:8].reshape(1, 8, *leaf.shape[1:]), few)
  state, metrics = jax.jit(method.update)(start, batch)
  assert int(state.step) == 1
  assert all(np.isfinite(value) for value in metrics.values()), metrics
  for before, after in ((start.generator, state.generator), (start.discriminator, state.discriminator)):
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.variables))
    moved = [float(jnp.abs(a - b).max()) > 0 for a, b in zip(jax.tree.leaves(before.params), jax.tree.leaves(after.params))]
    assert np.mean(moved) > 0.5
  showers = method.sample(state.generator.ema, jnp.ones((3, method.latent)), take(few, slice(3)).condition)
  assert showers.shape == (3, 900) and np.isfinite(showers).all() and (np.asarray(showers) >= 0).all()


def test_regression_terms_appear_with_a_regressor_only(embedded, few):
  terms = {}
  for name in ('cnn', 'cnn_aux'):
    method = build(tiny.config(name), embedded.geometry, few)
    batch = jax.tree.map(lambda leaf: leaf[:8].reshape(1, 8, *leaf.shape[1:]), few)
    state = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))
    terms[name] = set(jax.eval_shape(method.update, state, batch)[1])
  assert terms['cnn_aux'] - terms['cnn'] == {'discriminator/regression', 'discriminator/regression_fake'}


def test_a_zero_weight_is_not_traced(embedded, few):
  method = build(tiny.config('cnn_aux', weights__regression_fake=0.0), embedded.geometry, few)
  batch = jax.tree.map(lambda leaf: leaf[:8].reshape(1, 8, *leaf.shape[1:]), few)
  metrics = jax.eval_shape(method.update, jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2))), batch)[1]
  assert 'discriminator/regression_fake' not in metrics and 'discriminator/regression' in metrics


def test_unknown_names_are_refused_with_the_near_one(embedded):
  config = tiny.config('cnn_aux')
  config.adversarial = 'hing'
  with pytest.raises(ValueError, match="'hing'.*'hinge'"):
    build(config, embedded.geometry)
  config = tiny.config('cnn_aux', regressor__targets=('respons',))
  with pytest.raises(ValueError, match="'respons'.*'response'"):
    build(config, embedded.geometry)
