"""The autoregressive generator: its order, what a number depends on, the sums of its rings."""

import jax
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.geometry import Geometry, Layer, PolarLayer
from calojax.methods import autoregressive
from calojax.methods.autoregressive_passes import drawn, taught
from calojax.methods.build import build
from calojax.methods.frame import numbers, passes
from calojax.showers import Condition, Shower, take

GEOMETRIES = {
  'lhcb_ecal': data.load('lhcb_ecal').geometry,
  'calogan': data.load('calogan').geometry,
  'odd': Geometry('odd', (Layer((7, 5), (10.0, 10.0), 1.0),)),
  'polar': Geometry(
    'polar', (PolarLayer((0.0, 5.0, 20.0), 4, 0.0), PolarLayer((0.0, 9.0), 1, 9.0))
  ),
}


@pytest.mark.parametrize('geometry', GEOMETRIES.values(), ids=GEOMETRIES)
def test_every_number_is_drawn_once_and_a_ring_before_its_cells(geometry):
  order = passes.order(geometry)
  members = order.passes
  rings = len(order.layer)
  assert sorted(np.concatenate(members)) == list(range(rings + geometry.cells))
  when = np.zeros(rings + geometry.cells, int)
  for number, pass_members in enumerate(members):
    when[pass_members] = number
  assert np.all(when[order.ring] < when[rings:])


@pytest.mark.parametrize('geometry', GEOMETRIES.values(), ids=GEOMETRIES)
def test_the_ledger_ends_at_nothing(geometry):
  """Whatever the shares are, all of every layer and ring is given away at the end."""
  order = passes.order(geometry)
  rings, layers = len(order.layer), len(geometry.layers)
  cells = np.random.default_rng(0).random(geometry.cells)
  first = np.cumsum([0, *(layer.cells for layer in geometry.layers)])
  for a, b in zip(first, first[1:]):
    cells[a:b] /= cells[a:b].sum()
  shares = np.concatenate([np.bincount(order.ring, cells, rings), cells])
  ledger = np.concatenate([np.ones(layers), np.zeros(rings)])
  for members in order.passes:
    assert np.all(ledger[order.parents[members]] > shares[members] - 1e-9)
    ledger += shares[members] @ order.moves[members]
  np.testing.assert_allclose(ledger, 0, atol=1e-6)


def test_cells_of_a_pass_are_no_neighbours():
  geometry = GEOMETRIES['lhcb_ecal']
  order = passes.order(geometry)
  for members in order.passes:
    cells = members[members >= len(order.layer)] - len(order.layer)
    i, j = np.divmod(cells, 30)
    apart = np.maximum(abs(i[:, None] - i), abs(j[:, None] - j)) + 9 * np.eye(len(cells))
    assert len(cells) < 2 or apart.min() >= 2


@pytest.fixture(scope='module')
def made(embedded, few):
  """Showers of one particle in the middle by a tiny model, as a function of the noise."""
  method = build(tiny.config('autoregressive'), embedded.geometry, few)
  state = jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))
  condition = Condition.of(np.full(8, 20_000.0, np.float32), (6.0, 3.0), (0, 0, 1))
  sample = jax.jit(method.sample)
  return lambda noise: np.asarray(sample(state.generator.ema, noise, condition)), method.latent


def test_a_number_drawn_late_changes_nothing_that_was_drawn_before(made):
  """But for the scale that brings a ring to its sum."""
  order = passes.order(GEOMETRIES['lhcb_ecal'])
  shower, latent = made
  noise = np.random.default_rng(0).standard_normal((8, latent)).astype(np.float32)
  late = noise.copy()
  late[:, order.passes[-1]] += 1
  before, after = shower(noise), shower(late)
  core = order.ring < passes.CORE
  np.testing.assert_allclose(after[:, core], before[:, core], rtol=1e-5)
  assert not np.allclose(after, before, rtol=1e-3)
  early = noise.copy()
  early[:, order.passes[0]] += 1
  assert not np.allclose(shower(early)[:, core], before[:, core], rtol=1e-3)


@pytest.fixture(scope='module')
def middle(few):
  """The middle of some showers, as a small calorimeter."""
  cells = few.energies.reshape(-1, 30, 30)[:, 11:18, 12:17].reshape(-1, 35)
  return Shower(cells, few.condition)


def test_what_is_drawn_is_what_is_taught(monkeypatch, middle):
  """Taught the showers that it made, the model says of every number what it was drawn from."""
  models = []
  monkeypatch.setattr(autoregressive, 'method', models.append)
  autoregressive.from_config(tiny.config('autoregressive'), GEOMETRIES['odd'], middle)
  (model,) = models
  monkeypatch.undo()
  state = jax.jit(autoregressive.method(model).init)(jax.random.key(0), take(middle, slice(2)))
  # At their start the networks say nothing.
  keys = iter(jax.random.split(jax.random.key(1), 1000))
  stir = lambda leaf: leaf + 0.1 * jax.random.normal(next(keys), leaf.shape)
  variables = state.generator.ema
  variables |= {'params': jax.tree.map(stir, variables['params'])}
  told = jax.random.normal(next(keys), (4, len(model.frame.mean)))
  noise = jax.random.normal(next(keys), (2, 4, numbers.count(model.order)))
  scales = numbers.scales(variables, model.order, jax.numpy.linspace(-1, 1, 4))

  def values(members, outputs, most):
    cells = outputs.hurdle(most, numbers.of(scales, members))
    return numbers.bounded(cells.values(*noise[:, :, members]), most)

  @jax.jit
  def both(variables):
    parents = jax.numpy.asarray(model.order.parents)
    x = drawn(model, variables, told, lambda m, o, left: values(m, o, left[:, parents[m]]))
    teach = lambda networks: taught(model, networks, variables, told, x, train=False)
    outputs, most = model.networks.apply({'params': variables['params']}, method=teach)
    members = np.concatenate([model.order.small, *model.order.halo])
    return x[:, members], values(members, outputs, most)

  made, expected = map(np.asarray, both(variables))
  assert (made > 0).mean() > 0.1
  # Single precision: where it lights another cell, the numbers after it are others too.
  assert (abs(made - expected) < 1e-3).mean() > 0.99


def test_the_likelihood_rises(middle):
  config = tiny.config('autoregressive', optimiser__cooldown=0.0)
  method = build(config, GEOMETRIES['odd'], middle)
  state = jax.jit(method.init)(jax.random.key(0), take(middle, slice(2)))
  update, told = jax.jit(method.update), []
  for step in range(30):
    rows = slice(8 * (step % 4), 8 * (step % 4) + 8)
    state, metrics = update(state, jax.tree.map(lambda leaf: leaf[None, rows], middle))
    told.append(float(metrics['generator/reconstruction']))
  assert np.mean(told[-4:]) < np.mean(told[:4]) - 1, told
