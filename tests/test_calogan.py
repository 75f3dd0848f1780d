"""CaloGAN and Conditional CaloGAN: sizes, what the energy does to the noise, dark and collapsed
batches.
"""

import functools
from collections.abc import Hashable
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.models.calogan import Discriminator, Generator

GRIDS = ((96, 3), (12, 12), (6, 12))
SMALL = ((8, 3), (4, 4))
CELLS = 40

# Columns of the generator, of the discriminator (also layer energies, their sum, the energy error),
# targets; parameters.
SYSTEMS = {False: (1, 6, 0, (29_726_280, 2_861_237)), True: (6, 11, 5, (29_626_945, 445_374))}


def generator(conditional=False, grids=SMALL, **fields):
  return Generator(grids, (4, 4, 2), conditional, **fields)


def discriminator(conditional=False, grids=SMALL, targets=0):
  return Discriminator(grids, (4, 4, 2, 2), targets, 8, conditional)


def ready(module: Generator | Discriminator):
  """Random variables of the module, and itself as a function of (variables, *inputs) with batch and
  with running statistics.
  """
  # A flax module is a frozen dataclass and has a hash, which its stubs do not say.
  return compiled(cast(Hashable, module))


@functools.cache
def compiled(module):
  z, condition, x, columns = batch(module.conditional)
  inputs = (
    (z, condition)
    if isinstance(module, Generator)
    else (x[:, : sum(a * b for a, b in module.grids)], columns)
  )
  random = np.random.default_rng(0)
  fill = {
    'kernel': lambda shape: 0.3 * random.normal(size=shape),
    'tensor': lambda shape: 0.05 * random.normal(size=shape),
    'bias': np.zeros,
    'mean': np.zeros,
    'scale': np.ones,
    'var': np.ones,
  }
  # To compile the initialisation would take longer than the test.
  shapes = jax.eval_shape(lambda: module.init(jax.random.key(1), *inputs, True))
  variables = jax.tree_util.tree_map_with_path(
    lambda path, leaf: jnp.asarray(fill[path[-1].key](leaf.shape), leaf.dtype), shapes
  )
  train = jax.jit(lambda v, *a: module.apply(v, *a, True, mutable=['batch_stats'])[0])
  return variables, train, jax.jit(lambda v, *a: module.apply(v, *a, False))


def batch(conditional, n=6):
  """Noise, conditions, showers with dark cells and the columns that the discriminator gets."""
  keys = jax.random.split(jax.random.key(0), 4)
  columns, extended, *_ = SYSTEMS[conditional]
  x = jax.nn.relu(jax.random.normal(keys[2], (n, CELLS)))
  return (
    jax.random.normal(keys[0], (n, 8)),
    jax.random.uniform(keys[1], (n, columns), minval=0.1),
    x,
    jax.random.uniform(keys[3], (n, extended)),
  )


def parameters(tree):
  return sum(leaf.size for leaf in jax.tree.leaves(tree['params']))


@pytest.mark.parametrize('conditional', SYSTEMS)
def test_parameter_counts_at_full_size(conditional):
  columns, extended, targets, counts = SYSTEMS[conditional]
  init = lambda module, *shapes: jax.eval_shape(
    lambda: module.init(jax.random.key(0), *map(jnp.zeros, shapes), True)
  )
  g = init(Generator(GRIDS, conditional=conditional), (2, 1024), (2, columns))
  d = init(Discriminator(GRIDS, targets=targets, conditional=conditional), (2, 504), (2, extended))
  assert (parameters(g), parameters(d)) == counts


@pytest.mark.parametrize('conditional', SYSTEMS)
def test_generator_gives_showers_with_exact_zeros_of_the_right_size(conditional):
  z, condition, *_ = batch(conditional, 40)
  module = generator(conditional)
  variables, train, still = ready(module)
  for apply in (train, still):
    x = apply(variables, z, condition)
    assert x.shape == (40, CELLS) and x.dtype == jnp.float32 and (x >= 0).all()
    assert 0.1 < float((x == 0).mean()) < 0.9
  x, _ = jax.jit(lambda *a: module.init_with_output(jax.random.key(1), *a, True))(z, condition)
  assert 0.1 < float((x == 0).mean()) < 0.9, 'its first showers must look roughly like real ones'
  assert 0.1 < float(x[x > 0].mean()) < 1.5


def test_energy_scales_the_noise():
  z, condition, *_ = batch(False)
  variables, _, still = ready(generator())
  np.testing.assert_allclose(
    still(variables, 3 * z, condition), still(variables, z, 3 * condition), rtol=1e-4, atol=1e-6
  )
  dark = still(variables, z, 0 * condition)
  np.testing.assert_array_equal(
    dark, np.broadcast_to(dark[:1], dark.shape), err_msg='no energy, no noise: one shower'
  )


def test_every_condition_reaches_the_conditional_generator_even_without_energy():
  z, condition, *_ = batch(True)
  variables, _, still = ready(generator(True))
  start = still(variables, z, 0 * condition)
  for column in range(1, condition.shape[1]):
    assert not np.allclose(still(variables, z, (0 * condition).at[:, column].set(1.0)), start)


def test_a_layer_sees_those_before_it_only_through_attention():
  z, condition, *_ = batch(False)
  variables, _, still = ready(generator())
  front = variables['params']['Dense_0']
  moved = {
    **variables,
    'params': {**variables['params'], 'Dense_0': jax.tree.map(lambda leaf: leaf + 0.5, front)},
  }
  difference = jnp.abs(still(moved, z, condition) - still(variables, z, condition)).max(0)
  assert [float(part.max()) > 1e-3 for part in jnp.split(difference, [24])] == [True, True]
  back = jax.tree.map(lambda leaf: leaf + 0.5, variables['params']['Dense_1'])
  moved = {**variables, 'params': {**variables['params'], 'Dense_1': back}}
  difference = jnp.abs(still(moved, z, condition) - still(variables, z, condition)).max(0)
  assert [float(part.max()) > 1e-3 for part in jnp.split(difference, [24])] == [False, True]


def test_blur_has_no_parameters_and_smears():
  z, condition, *_ = batch(True, 40)
  sharp, smeared = generator(True, SMALL[:1]), generator(True, SMALL[:1], blur=((3, 1),))
  variables, _, still = ready(sharp)
  again, _, still_smeared = ready(smeared)
  assert parameters(variables) == parameters(again)
  steps = lambda x: float(jnp.abs(jnp.diff(x.reshape(-1, *SMALL[0]), axis=1)).mean())
  assert steps(still_smeared(variables, z, condition)) < 0.8 * steps(still(variables, z, condition))


@pytest.mark.parametrize('conditional', SYSTEMS)
def test_discriminator_heads(conditional):
  _, _, x, columns = batch(conditional)
  targets = SYSTEMS[conditional][2]
  variables, train, still = ready(discriminator(conditional, targets=targets))
  for apply in (train, still):
    heads = apply(variables, x, columns)
    assert {k: (v.shape, v.dtype) for k, v in heads.items()} == {
      'score': ((6,), jnp.float32),
      **({'targets': ((6, targets), jnp.float32)} if targets else {}),
    }
  moved = (
    train(variables, x, columns.at[:, -1].add(3.0))['score'] - train(variables, x, columns)['score']
  )
  assert float(jnp.abs(moved).min()) > 1e-5, 'every column must be looked at'


def test_score_weighs_the_predicted_attributes():
  _, _, x, columns = batch(True)
  variables, train, _ = ready(discriminator(True, targets=2))
  head = [
    name
    for name, leaf in variables['params'].items()
    if name.startswith('Dense') and leaf['bias'].shape == (2,)
  ][0]
  moved = jax.tree.map(lambda leaf: leaf, variables)
  moved['params'][head]['bias'] += 1.0
  before, after = train(variables, x, columns), train(moved, x, columns)
  np.testing.assert_allclose(after['targets'], before['targets'] + 1, atol=1e-5)
  assert float(jnp.abs(after['score'] - before['score']).min()) > 1e-5


@pytest.mark.parametrize('conditional', SYSTEMS)
def test_gradients_are_finite_on_odd_batches(conditional):
  _, _, x, columns = batch(conditional)
  variables, train, _ = ready(discriminator(conditional, targets=SYSTEMS[conditional][2]))
  loss = lambda params, x: sum(
    (head**2).sum() for head in train({**variables, 'params': params}, x, columns).values()
  )
  gradient = jax.jit(jax.grad(loss, (0, 1)))
  for showers in (0 * x, x.at[:2].set(0.0), jnp.broadcast_to(x[:1], x.shape)):
    gradients = gradient(variables['params'], showers)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert float(jnp.abs(gradients[1]).max()) > 0


@pytest.mark.parametrize('conditional', SYSTEMS)
def test_discriminator_sees_a_collapsed_batch(conditional):
  """A shower's score must change when the rest of its batch becomes its copy: with running batch
  norm only closeness can tell.
  """
  _, _, x, columns = batch(conditional)
  variables, _, still = ready(discriminator(conditional))
  columns = jnp.broadcast_to(columns[:1], columns.shape)
  copies = jnp.broadcast_to(x[:1], x.shape)
  alone, copied = (still(variables, showers, columns)['score'][0] for showers in (x, copies))
  assert abs(float(alone - copied)) > 1e-4


def test_only_the_soft_occupancy_tells_the_generator():
  """With the features of the cells cut off, the gradient to the showers is that of the
  occupancies.
  """
  for conditional in SYSTEMS:
    _, _, x, columns = batch(conditional)
    variables, _, still = ready(discriminator(conditional))
    cut = lambda name, leaf: jax.tree.map(jnp.zeros_like, leaf) if name.startswith('Conv') else leaf
    params = {name: cut(name, leaf) for name, leaf in variables['params'].items()}
    gradient = jax.grad(
      lambda x: still({**variables, 'params': params}, x, columns)['score'].sum()
    )(x)
    assert (float(jnp.abs(gradient).max()) > 0) == conditional


def test_bfloat16_stays_near_float32():
  z, condition, x, columns = batch(True, 16)
  outputs = [ready(generator(True, dtype=dtype)) for dtype in (jnp.float32, jnp.bfloat16)]
  variables = outputs[0][0]
  full, half = (train(variables, z, condition) for _, train, _ in outputs)
  assert half.dtype == jnp.float32 and float(jnp.abs(half - full).mean()) < 0.05 * float(
    full.mean()
  )


@pytest.mark.parametrize('grids', [(), ((4, 4), (0, 3)), ((4,),)])
def test_grids_that_are_none_are_refused(grids):
  z, condition, x, columns = batch(False)
  for module, inputs in (
    (generator(grids=grids), (z, condition)),
    (discriminator(grids=grids), (x, columns)),
  ):
    with pytest.raises(ValueError, match='grids'):
      module.init(jax.random.key(0), *inputs, True)


def test_showers_and_windows_that_do_not_fit_are_refused():
  z, condition, x, columns = batch(False)
  with pytest.raises(ValueError, match='39 cells.*40 cells'):
    discriminator().init(jax.random.key(0), x[:, 1:], columns, True)
  with pytest.raises(ValueError, match='blur.*2 layers'):
    generator(blur=((3, 1),)).init(jax.random.key(0), z, condition, True)


def test_one_layer_is_enough():
  z, condition, x, columns = batch(False)
  variables, train, _ = ready(generator(grids=((5, 4),)))
  assert train(variables, z, condition).shape == (6, 20)
  variables, train, _ = ready(discriminator(grids=((5, 4),)))
  assert train(variables, x[:, :20], columns)['score'].shape == (6,)
