"""What a training says of itself, and what it refuses to go on with."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calojax.methods.state import Player, SinglePlayer
from calojax.training import trackers
from calojax.training.callbacks import Diverged, Scalars

STATE = SinglePlayer(
  jnp.zeros((), int),
  jax.random.key(0),
  Player(
    {},
    {'spectral': {'layer': {'kernel/sigma': jnp.float32(1.5), 'kernel/u': jnp.ones(3)}}},
    (),
    None,
  ),
)


class Tracker(trackers.Tracker):
  def __init__(self):
    self.kept = {}

  def scalars(self, step, values):
    self.kept |= {(name, step): value for name, value in values.items()}


def feed(scalars, values, start=0, name='generator/adversarial'):
  for step, value in enumerate(values, start + 1):
    scalars(step, STATE, {name: np.array([value])})


def test_means_over_each_period_under_the_same_names_everywhere(tmp_path):
  tracker = Tracker()
  feed(Scalars(str(tmp_path), tracker, 2, 8, 0), [1.0, 3.0, 10.0, 20.0])
  lines = [json.loads(line) for line in (tmp_path / 'metrics.jsonl').read_text().splitlines()]
  assert [(line['step'], line['generator/adversarial']) for line in lines] == [(2, 2.0), (4, 15.0)]
  assert tracker.kept['generator/adversarial', 4] == 15.0
  assert tracker.kept['spectral/generator/layer/kernel', 4] == 1.5
  assert tracker.kept['throughput/showers_per_second', 2] > 0


def test_the_first_step_that_is_not_finite_is_named_with_its_terms(tmp_path):
  scalars = Scalars(str(tmp_path), Tracker(), 4, 8, 100)
  with pytest.raises(Diverged, match='step 103: discriminator/regression is not finite'):
    feed(scalars, [1.0, 1.0, np.nan, np.inf], 100, 'discriminator/regression')
  assert not (tmp_path / 'metrics.jsonl').exists()


def test_a_generator_that_stopped_varying_is_stopped(tmp_path):
  feed(Scalars(str(tmp_path), Tracker(), 2, 8, 0), [1e-9, 0.5], name='discriminator/diversity')
  with pytest.raises(Diverged, match='step 4: discriminator/diversity'):
    feed(Scalars(str(tmp_path), Tracker(), 2, 8, 2), [1e-9, 0.0], 2, 'discriminator/diversity')


def test_resuming_drops_the_lines_that_will_be_written_again_and_half_a_line(tmp_path):
  path = tmp_path / 'metrics.jsonl'
  path.write_text(
    ''.join(json.dumps({'step': step}) + '\n' for step in (2, 4, 6)) + '{"step": 8, "gen'
  )
  Scalars(str(tmp_path), Tracker(), 2, 8, 4)
  assert path.read_text() == '{"step": 2}\n{"step": 4}\n'
