"""Gates: planted standstills and over-fitting; ratios and areas of known answers; a monitoring."""

from __future__ import annotations

import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.evaluation import defects
from calojax.methods import losses
from calojax.methods.build import build
from calojax.methods.state import Method, SinglePlayer
from calojax.showers import take
from calojax.training import gates, monitor
from calojax.training.callbacks import Scalars
from calojax.training.gates import LOSS, UPDATES, Beside, Scored, Standstill, lines, scored, scorer
from calojax.training.parts import Parts
from calojax.training.trackers import Nothing

BATCH, EVERY = 32, 50
STEPS = UPDATES + 200


def of(loss):
  return lambda real, fake: loss.discriminator(real, fake).mean()


LOSSES = {name: of(loss) for name, loss in losses.ADVERSARIAL.own.items()}
LOSSES['relativistic'] = lambda real, fake: jax.nn.softplus(fake - real).mean()


def adversarial(name: str, bias: float, gap: np.ndarray, noise: float) -> np.ndarray:
  """D's loss at each step, where real showers score `gap` above generated ones."""
  rng = np.random.default_rng(1)
  scores = bias + noise * rng.standard_normal((2, len(gap), BATCH))
  scores[0] += gap[:, None]
  return np.asarray(jax.vmap(LOSSES[name])(*map(jnp.asarray, scores)))


def told(loss: np.ndarray, begun: int = 0, every: int = EVERY) -> list[str]:
  said: list[str] = []
  gate = Standstill(begun, said.append)
  for start in range(0, len(loss), every):
    values = loss[start : start + every]
    gate(begun + start + len(values), {LOSS: values, 'generator/adversarial': -values})
  return said


@pytest.mark.parametrize('every', [1, 50, 700])
@pytest.mark.parametrize('name', LOSSES)
def test_a_dead_discriminator_is_told_once_with_the_step(name, every):
  loss = adversarial(name, 0.1, np.zeros(STEPS), 0.02)
  (line,) = told(loss, every=every)
  assert f'step {UPDATES}:' in line and f'{loss[:10].mean():.3g}' in line


@pytest.mark.parametrize('name', LOSSES)
def test_a_live_discriminator_is_not(name):
  learning = adversarial(name, 0.1, np.linspace(0, 1, STEPS), 0.3)
  # The generator catches up: the loss is back where it was.
  caught_up = adversarial(name, 0.0, np.sin(np.linspace(0, np.pi, STEPS)), 0.3)
  at_once = adversarial(name, 0.0, np.minimum(np.arange(STEPS) / 30, 1), 0.3)
  assert told(learning) + told(caught_up) + told(at_once) == []


def test_a_training_that_ends_before_is_not_judged():
  assert told(np.full(UPDATES - 1, 2.0)) == []


def test_a_resumed_run_is_not_judged():
  assert told(np.full(STEPS, 0.7), begun=100) == []


def test_the_log_shows_its_values_to_the_gates(tmp_path, capsys):
  gate = Standstill(0)
  scalars = Scalars(str(tmp_path), Nothing(), EVERY, BATCH, 0, [gate])
  state: Any = types.SimpleNamespace()
  state = SinglePlayer(jnp.zeros(()), jnp.zeros(()), state)
  for step in range(1, STEPS + 1):
    scalars(step, state, {LOSS: np.full(1, 2.0)})
  said = capsys.readouterr().out
  assert said.count('has not left its start') == 1 and f'step {UPDATES}' in said


def test_scores_of_showers_by_heart_are_told():
  rng = np.random.default_rng(0)
  train, held = rng.standard_normal((2, 2000))
  found = scored(train, held)
  assert abs(found.gap) < 4 * found.error and found.spread == pytest.approx(1, abs=0.1)
  assert found.error == pytest.approx((2 / 2000) ** 0.5, rel=0.1) and not found.knows
  known = scored(train + 0.7, held)
  assert known.knows and known.gap == pytest.approx(0.7, abs=4 * known.error)
  first, second = lines(7, {}, 2000, known)
  assert 'D(train) - D(held out)' in first and 'step 7' in second and 'by heart' in second
  assert not Scored(0.6, 0.3, 1.0).knows  # of few showers it may be chance
  assert not Scored(0.0, 0.0, 0.0).knows  # a dead one


def test_a_method_scores_in_pieces_of_a_batch(few):
  energy = lambda state, showers: state.step * showers.energies.sum(-1)
  never: Any = None
  method = Method(never, never, never, 1, score=energy)
  state = SinglePlayer(jnp.asarray(2.0), jnp.zeros(()), never)
  twice = few._replace(energies=2 * few.energies)
  judge = scorer(method, twice, few, 64)
  assert judge
  mean = 2 * few.energies.sum(-1).mean()
  assert judge(state).gap == pytest.approx(mean, rel=1e-4)
  assert scorer(Method(never, never, never, 1), few, few, 64) is None


@pytest.fixture(scope='module')
def gan(embedded, few):
  """A tiny GAN and its first state."""
  method = build(tiny.config('published/cnn'), embedded.geometry, few)
  return method, jax.jit(method.init)(jax.random.key(0), take(few, slice(2)))


def test_a_gan_scores_each_shower_alone(gan, few):
  method, state = gan
  score = jax.jit(method.score)
  showers = take(few, slice(BATCH))
  scores = np.asarray(score(state, showers))
  assert scores.shape == (BATCH,) and np.ptp(scores) > 0
  turned = np.asarray(score(state, take(few, np.arange(BATCH)[::-1])))
  np.testing.assert_allclose(turned[::-1], scores, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope='module')
def sets(embedded):
  return [take(embedded.showers, slice(n, n + 1000)) for n in (0, 1000, 2000)]


def test_geant4_beside_itself(embedded, sets):
  real, other, third = sets
  figures = Beside(real, embedded.geometry)(other, third)
  ratios = {key: value for key, value in figures.items() if key.startswith('over_geant4/')}
  assert len(ratios) == 5
  spread = ratios.pop('over_geant4/response_spread')
  assert spread == pytest.approx(1, abs=0.15)
  assert all(value == pytest.approx(1, abs=0.06) for value in ratios.values()), ratios
  assert abs(figures['auc'] - 0.5) < 4 * figures['auc_error'] < 0.08


def test_narrow_showers_of_little_energy_and_of_wide_spread(embedded, sets):
  real, other, _ = sets
  wide = defects.stretched(real, embedded.geometry, 1.2)
  beside = Beside(wide, embedded.geometry)
  narrow = defects.energy_scale(defects.worse_resolution(real, 3), 0.95)
  figures = beside(other, narrow)
  get = lambda name: figures[f'over_geant4/{name}']
  assert get('width_longitudinal') == pytest.approx(1 / 1.2, abs=0.02)
  assert get('width_transverse') == pytest.approx(1 / 1.2, abs=0.02)
  assert get('occupancy') < 0.9 and get('response') == pytest.approx(0.95, abs=0.002)
  assert get('response_spread') == pytest.approx(3 * 0.95, abs=0.2)
  assert figures['auc'] > 0.9
  (line,) = lines(400, figures, 1000, None)
  assert line.startswith('step 400: ') and f'width along {get("width_longitudinal"):.3f}' in line


def test_few_showers_have_no_area_and_the_line_says_so(embedded, few):
  some = take(few, slice(gates.ENOUGH - 1))
  figures = Beside(some, embedded.geometry)(some, some)
  assert 'auc' not in figures and figures['over_geant4/occupancy'] == 1
  assert f'no AUC of {gates.ENOUGH - 1} showers' in lines(1, figures, gates.ENOUGH - 1, None)[0]


class Kept(Nothing):
  """A tracker that keeps its scalars."""

  def __init__(self):
    self.values: dict[str, float] = {}

  def scalars(self, step, values):
    self.values |= values


def test_one_monitoring(embedded, gan, capsys):
  part = lambda start, count: take(embedded.showers, slice(start, start + count))
  parts = Parts(part(0, 240), part(240, 120), part(360, 8), None, embedded.geometry, {})
  method, state = gan
  config = tiny.config('published/cnn')
  trainer: Any = types.SimpleNamespace(parts=parts, method=method, config=config)
  kept = Kept()
  monitor.monitor(trainer, kept)(8, state)
  ratios = {f'validation/over_geant4/{name}' for name in (*gates.SHAPES, gates.SPREAD)}
  wanted = ratios | {f'validation/{n}' for n in ('auc', 'auc_error', 'score_gap', 'score_spread')}
  assert wanted < set(kept.values) and 'validation/prd_auc_raw/value' in kept.values
  assert np.isfinite([kept.values[name] for name in wanted]).all()
  assert kept.values['validation/auc'] > 0.9  # it has learnt nothing
  (line,) = [line for line in capsys.readouterr().out.splitlines() if 'step 8' in line]
  assert f'quick trees {kept.values["validation/auc"]:.3f}' in line and 'D(train) - D(held' in line
