"""A training that goes on: to another end, with other periods, with data that have moved; a new one
from another run's weights; the best state, and the end of a training that gets no better.
"""

import json
import os
import shutil
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.commands import evaluate
from calojax.commands import train as command
from calojax.config import Change
from calojax.files import damage
from calojax.methods import optimisers
from calojax.showers import take
from calojax.training import going_on, history, origin, run, workdir
from calojax.training.best import Best
from calojax.training.checkpoint import Checkpoints
from calojax.training.trained import stored, trained

STEPS, MORE = 8, 16
SHOWERS = 120


@pytest.fixture(scope='module', autouse=True)
def compiled_once(tmp_path_factory):
  """The same programs are compiled for one run after the other."""
  settings = {
    'jax_compilation_cache_dir': str(tmp_path_factory.mktemp('programs')),
    'jax_persistent_cache_min_compile_time_secs': 0.0,
  }
  before = {name: getattr(jax.config, name) for name in settings}
  for values in (settings, before):
    for name, value in values.items():
      jax.config.update(name, value)
    if values is settings:
      yield


@pytest.fixture(scope='module')
def source(embedded, tmp_path_factory):
  """A file of some showers: what is read and judged is quick."""
  return written(embedded, tmp_path_factory.mktemp('data') / 'showers.h5', slice(SHOWERS))


def written(dataset, path, rows) -> str:
  with data.Writer(str(path), dataset.geometry, {}) as file:
    file.append(take(dataset.showers, rows))
  return str(path)


class Silent:
  """A tracker that keeps nothing."""

  def scalars(self, step, values): ...

  def histogram(self, step, name, values): ...

  def figure(self, step, name, image): ...

  def result(self, figures): ...

  def close(self, done=True): ...


class Killed(Exception):
  """The process is gone."""


def asked(source, name='published/vae', **changes):
  usual = {
    'data__source': source,
    'train__steps': STEPS,
    'train__checkpoint_every': 4,
    'train__monitor_every': 2,
    'train__best_by': '',
  }
  return tiny.config(name, **{**usual, **changes})


def go(config, folder, monitor=lambda step, state: None, **more):
  """Trains in a folder as the command does, without the evaluation; the state and what was said."""
  trainer = run.prepare(config, str(folder), lambda config, parts: None, **more)
  try:
    return run.run(trainer, Silent(), monitor), trainer.told
  finally:
    trainer.close()


def killed_at(step):
  """A monitor under which the process is killed: what is not saved is lost."""

  def monitor(now, state):
    if now == step:
      raise Killed

  return monitor


def numbers(state) -> Any:
  return state._replace(rng=jax.random.key_data(state.rng))


def same(a, b):
  chex.assert_trees_all_equal(numbers(a), numbers(b))


@pytest.fixture(scope='module')
def finished(source, tmp_path_factory):
  """A workdir whose training has ended."""
  folder = tmp_path_factory.mktemp('runs') / 'finished'
  go(asked(source), folder)
  return folder


@pytest.fixture
def copied(finished, tmp_path):
  return shutil.copytree(finished, tmp_path / 'run')


def test_a_finished_training_goes_on_to_another_end(finished, copied, tmp_path):
  config = workdir.stored_config(str(copied))
  whole, told = go(config, copied, steps=MORE)
  assert int(whole.step) == MORE
  assert 'train.steps was 8, now 16: goes on from step 8' in told[0]
  assert 'the rates fall to zero from step 8 on' in told[0]
  entries = history.stored(str(copied), config)
  assert [(e['step'], e['steps']) for e in entries] == [(0, STEPS), (STEPS, MORE)]
  assert entries[1]['changed'] == {'train.steps': [STEPS, MORE]}
  assert all({'commit', 'calojax'} <= set(entry) for entry in entries)
  assert workdir.stored_config(str(copied)).train.steps == MORE
  assert 'history.json' in json.loads((copied / 'sha256.json').read_text())
  assert damage(copied) is None
  # The same once more, killed in the middle of what it went on with.
  other = shutil.copytree(finished, tmp_path / 'other')
  with pytest.raises(Killed):
    go(config, other, killed_at(14), steps=MORE)
  assert Checkpoints(str(other)).latest() == 12
  again, told = go(workdir.stored_config(str(other)), other)
  same(again, whole)
  assert told == [] and len(history.stored(str(other), config)) == 2


def test_the_rates_of_what_goes_on_are_those_of_the_new_end(finished):
  """At its first end the rate has fallen to zero; for the new one it is whole there."""
  player, config = stored(str(finished)).state.generator, workdir.stored_config(str(finished))

  def moved(config) -> float:
    chosen = optimisers.optimiser(config.optimiser, 1e-3, config.train.steps)
    gradients = jax.tree.map(jnp.ones_like, player.params)
    updates = jax.jit(chosen.update)(gradients, player.opt_state, player.params)[0]
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(updates))

  assert moved(config) == 0.0 and moved(run.with_steps(config, MORE)) > 1e-4


def test_an_unfinished_training_can_have_another_end_but_none_that_is_past(source, tmp_path):
  with pytest.raises(Killed):
    go(asked(source), tmp_path, killed_at(6))
  state, told = go(asked(source), tmp_path, steps=6)
  assert int(state.step) == 6 and 'goes on from step 4' in told[0]
  with pytest.raises(ValueError, match=r'--steps=4: 6 are made already'):
    go(workdir.stored_config(str(tmp_path)), tmp_path, steps=4)
  with pytest.raises(ValueError, match=r'train.steps is 0, expected a whole number'):
    go(asked(source), tmp_path, steps=0)


def test_another_end_is_not_taken_for_a_change_that_nobody_asked_for(copied, source):
  with pytest.raises(ValueError, match=r'train.steps was 8, now 9.*--steps=N goes on'):
    go(asked(source, train__steps=9), copied)
  assert workdir.stored_config(str(copied)).train.steps == STEPS


def prepared(config, folder, **more) -> run.Trainer:
  trainer = run.prepare(config, str(folder), lambda config, parts: None, **more)
  trainer.close()
  return trainer


def test_a_vae_gan_that_goes_on_keeps_its_warm_start(source, tmp_path):
  config = asked(source, 'vae_gan')
  prepared(config, tmp_path)
  trainer = prepared(config, tmp_path, steps=MORE)
  assert 'warm start stays at 4 steps, the second phase goes from 4 to 16' in trainer.told[0]
  schedule = trainer.method.update.args[0].schedule  # pyright: ignore
  assert (schedule.warm, schedule.steps) == (4, MORE)


def test_a_shower_library_has_the_room_of_its_first_end(source, tmp_path):
  config = asked(source, 'shower_library')
  go(config, tmp_path)
  with pytest.raises(ValueError, match=r'a shower library has room for .* of its first end'):
    go(config, tmp_path, steps=MORE)


def test_what_changes_no_number_may_change(copied, source, finished):
  with pytest.raises(Killed):
    go(workdir.stored_config(str(copied)), copied, killed_at(10), steps=12)
  changes = {
    'train__log_every': 4,
    'train__checkpoint_every': 2,
    'train__monitor_every': 6,
    'evaluation__runs': 3,
    'data__memory_gib': 2.0,
    'train__steps': 12,
  }
  state, told = go(asked(source, **changes), copied)
  assert 'train.log_every was 2, now 4' in told and 'data.memory_gib was 4.0, now 2.0' in told
  assert len(told) == 5 and int(state.step) == 12
  assert workdir.stored_config(str(copied)).evaluation.runs == 3
  with pytest.raises(ValueError, match=r'latent was 4, now 9'):
    go(asked(source, train__steps=12, latent=9), copied)


def test_memory_under_which_other_batches_would_come_is_refused(source, embedded):
  def check(old, new):
    changed = [Change('data.memory_gib', old, new)]
    config = asked(source, data__memory_gib=new)
    going_on.check_data(config, changed, embedded.geometry, embedded.geometry)

  check(4.0, 1.0)  # in memory with both
  check(1e-7, 1.02e-7)  # streamed with both, a shower of each part in memory
  for old, new in ((4.0, 1e-5), (1e-5, 4.0), (1e-5, 2e-4)):
    with pytest.raises(ValueError, match=f'memory_gib was {old}, now {new}: .* another order'):
      check(old, new)


def test_a_process_killed_while_it_keeps_a_change_leaves_a_workdir_that_loads(
  copied, source, monkeypatch
):
  """At every file that is written, in turn."""
  config = workdir.stored_config(str(copied))
  changed = workdir.check_config(str(copied), run.with_steps(config, MORE), steps=MORE)
  real = os.replace
  for left in range(4):
    count = iter(range(left))

    def replace(a, b, count=count):
      if next(count, None) is None:
        raise Killed
      real(a, b)

    monkeypatch.setattr(os, 'replace', replace)
    with pytest.raises(Killed):
      workdir.amend(str(copied), run.with_steps(config, MORE), changed, STEPS)
    monkeypatch.setattr(os, 'replace', real)
    assert workdir.stored_config(str(copied)).train.steps in (STEPS, MORE)
    assert workdir.stored_data(str(copied)) and history.stored(str(copied), config)
  go(workdir.stored_config(str(copied)), copied, steps=MORE)
  entries = history.stored(str(copied), config)
  assert [entry['changed'] for entry in entries] == [{}, {'train.steps': [STEPS, MORE]}]


def test_data_that_have_moved_are_known_by_their_fingerprint(copied, source, embedded, tmp_path):
  moved = str(shutil.copy(source, tmp_path / 'moved.h5'))
  config = workdir.stored_config(str(copied))
  state, told = go(workdir.with_data(config, str(copied), moved), copied, steps=12)
  assert int(state.step) == 12
  found = data.fingerprint(run.load_parts(config).train)
  assert any(
    'data.source was' in line and f'the same data, fingerprint {found}' in line for line in told
  )
  assert workdir.stored_config(str(copied)).data.source == moved
  other = written(embedded, tmp_path / 'other.h5', slice(SHOWERS, 2 * SHOWERS))
  with pytest.raises(ValueError, match=rf'of fingerprint {found}, now [0-9a-f]{{16}}\.'):
    go(workdir.with_data(config, str(copied), other), copied, steps=12)
  os.remove(moved)
  config = workdir.stored_config(str(copied))
  with pytest.raises(ValueError, match=r'moved.h5, data of .*, is not there; --data=PATH tells'):
    workdir.with_data(config, str(copied), None)


@pytest.fixture(scope='module')
def gan(source, tmp_path_factory):
  """A workdir of a GAN whose state is that of step 8, with an average of its own."""
  folder = tmp_path_factory.mktemp('runs') / 'gan'
  trainer = prepared(asked(source, 'published/cnn_aux'), folder)
  state: Any = trainer.state
  averaged = jax.tree.map(lambda leaf: 1.5 * leaf, state.generator.ema)
  generator = state.generator._replace(ema=averaged)
  checkpoints = Checkpoints(str(folder))
  checkpoints.save(state._replace(step=jnp.int32(STEPS), generator=generator))
  checkpoints.close()
  return folder


def test_a_new_run_starts_from_the_generator_of_another(gan, embedded, tmp_path):
  """On other data, and with every network of the other."""
  other = written(embedded, tmp_path / 'other.h5', slice(SHOWERS, 2 * SHOWERS))
  config = asked(other, 'published/cnn_aux', seed=5, train__steps=4)
  began = origin.read(str(gan), 'newest')
  new: Any = prepared(config, tmp_path / 'run', origin=began).state
  old: Any = began.found.state
  assert int(new.step) == 0
  chex.assert_trees_all_equal(new.generator.params, old.generator.ema['params'])
  chex.assert_trees_all_equal(new.generator.ema, old.generator.ema)
  chex.assert_trees_all_equal(new.discriminator.params, old.discriminator.params)
  assert not any(np.any(leaf) for leaf in jax.tree.leaves(new.generator.opt_state))
  new_key, old_key = (np.asarray(jax.random.key_data(state.rng)) for state in (new, old))
  assert not np.array_equal(new_key, old_key)
  about = history.stored(str(tmp_path / 'run'), config)[0]['from']
  assert (about['path'], about['step']) == (str(gan), STEPS)
  assert about['fingerprint'] == workdir.stored_data(str(gan))[1]['fingerprint']
  # It goes on without the other, and from no third.
  same(prepared(config, tmp_path / 'run').state, new)
  same(prepared(config, tmp_path / 'run', origin=began).state, new)
  with pytest.raises(ValueError, match=r'was made to start from .*gan, now from elsewhere'):
    prepared(config, tmp_path / 'run', origin=began._replace(path='elsewhere'))


def test_a_run_that_starts_from_another_and_is_killed_before_it_has_the_weights(
  gan, source, tmp_path, monkeypatch
):
  config, began = (
    asked(source, 'published/cnn_aux', train__steps=4),
    origin.read(str(gan), 'newest'),
  )

  def gone(*arguments):
    raise Killed

  monkeypatch.setattr(origin, 'started', gone)
  with pytest.raises(Killed):
    prepared(config, tmp_path, origin=began)
  monkeypatch.undo()
  with pytest.raises(ValueError, match=r'was made to start from .*gan, now from nothing'):
    prepared(config, tmp_path)
  state: Any = began.found.state
  gone_on = state._replace(step=jnp.int32(9))  # the other run has, since
  later = began._replace(found=began.found._replace(state=gone_on))
  prepared(config, tmp_path, origin=later)
  assert history.stored(str(tmp_path), config)[0]['from']['step'] == 9


def test_networks_that_are_not_the_same_are_refused_by_name(gan, finished, source, tmp_path):
  began, folder = origin.read(str(gan), 'newest'), tmp_path / 'run'
  for changes, message in (
    ({'latent': 9}, 'other networks: latent is 8 there, 9 here'),
    ({'transform__parameter': 0.5}, 'mean something else: transform.parameter is 0.25 there, 0.5'),
  ):
    with pytest.raises(ValueError, match=message):
      prepared(asked(source, 'published/cnn_aux', **changes), folder, origin=began)
  vae = origin.read(str(finished), 'newest')
  with pytest.raises(ValueError, match="method is 'vae' there, 'gan' here"):
    prepared(asked(source, 'published/cnn_aux'), folder, origin=vae)
  with pytest.raises(ValueError, match=r'its cells are those of lhcb_ecal \(1 layer\(s\): 30x30\)'):
    prepared(asked('calogan', 'voxel'), folder, origin=began)
  assert not folder.exists()
  with pytest.raises(ValueError, match='--from=lhcb_ecal is an exported model: .* no parameters'):
    origin.read('lhcb_ecal', 'newest')
  with pytest.raises(ValueError, match=r'--from=.*nowhere: .* is not a workdir'):
    origin.read(str(tmp_path / 'nowhere'), 'newest')


def figures(values):
  """A monitor that finds these."""
  return lambda step, state: values[step]


VALUES = {2: 0.1, 4: 0.5, 6: 0.3, 8: 0.2, 10: 0.9, 12: 0.4, 14: 0.4, 16: 0.4}


def test_the_best_state_is_kept_beside_the_newest(source, tmp_path):
  config = asked(source, train__best_by='prd_auc/raw', train__steps=MORE)
  go(config, tmp_path, figures(VALUES))
  assert sorted(os.listdir(tmp_path / 'checkpoints')) == ['12', '16', 'best']
  assert damage(tmp_path / 'checkpoints' / 'best' / '10') is None
  assert [trained(str(tmp_path), which).step for which in ('best', 'newest', '12')] == [10, 16, 12]
  with pytest.raises(
    ValueError, match=r"--checkpoint=7: .* expected one of \['newest', 'best', '12"
  ):
    trained(str(tmp_path), '7')
  smallest = asked(source, train__best_by='distances/fpd', train__steps=MORE)
  go(smallest, tmp_path / 'other', figures(VALUES))
  assert trained(str(tmp_path / 'other'), 'best').step == 2


def test_a_run_without_a_best_says_so(finished):
  with pytest.raises(ValueError, match=r"--checkpoint=best: .*\['newest', .*train.best_by keeps"):
    trained(str(finished), 'best')


def test_a_killed_run_keeps_the_same_best_and_ends_at_the_same_step(source, tmp_path, capsys):
  config = asked(source, train__best_by='prd_auc/raw', train__patience=2, train__steps=MORE)
  whole, _ = go(config, tmp_path / 'whole', figures(VALUES))
  assert int(whole.step) == 8  # 4 was the best, 6 and 8 were not
  said = capsys.readouterr().out
  assert 'ended at step 8: no better prd_auc/raw in 2 monitorings' in said and 'step 4' in said
  for step in (4, 8):
    folder = tmp_path / f'killed_at_{step}'

    def killed(now, state, step=step):
      if now == step:
        raise Killed
      return VALUES[now]

    with pytest.raises(Killed):
      go(config, folder, killed)
    again, _ = go(config, folder, figures(VALUES))
    same(again, whole)
    same(stored(str(folder), 'best').state, stored(str(tmp_path / 'whole'), 'best').state)
    assert (folder / 'best.json').read_text() == (tmp_path / 'whole' / 'best.json').read_text()
  # Ended is ended; with more patience it goes on.
  again, _ = go(config, folder, figures(VALUES))
  assert int(again.step) == 8
  more = asked(source, train__best_by='prd_auc/raw', train__patience=5, train__steps=MORE)
  state, told = go(more, folder, figures(VALUES))
  assert int(state.step) == MORE and told == ['train.patience was 2, now 5']
  assert trained(str(folder), 'best').step == 10


def test_a_copy_that_a_kill_came_before_is_made_up_for(source, tmp_path, monkeypatch):
  config = asked(source, train__best_by='prd_auc/raw')

  def gone(self, step):
    raise Killed

  monkeypatch.setattr(Best, 'keep', gone)
  with pytest.raises(Killed):
    go(config, tmp_path, figures(VALUES))
  monkeypatch.undo()
  assert not (tmp_path / 'checkpoints' / 'best').exists()
  with pytest.raises(Killed):
    go(config, tmp_path, killed_at(4))
  assert trained(str(tmp_path), 'best').step == 2


def test_nothing_finite_is_no_best(tmp_path):
  best = Best(str(tmp_path), 'prd_auc/raw', 2, 0)
  assert not best.note(2, float('nan')) and best.step is None and not best.over
  assert not best.note(4, float('nan')) and best.over
  assert 'no prd_auc/raw in 2 monitorings' in best.words()
  again = Best(str(tmp_path), 'prd_auc/raw', 3, 4)
  assert again.note(6, 0.1) and again.step == 6
  assert Best(str(tmp_path), 'prd_auc/min', 0, 6).step is None  # of another figure
  (tmp_path / 'best.json').write_text('[1]')
  with pytest.raises(ValueError, match=r'best.json is damaged'):
    Best(str(tmp_path), 'prd_auc/raw', 3, 4)


def test_the_commands_take_what_was_asked_for(source, tmp_path, capsys):
  """One real monitoring, one real evaluation, of the best."""
  folder = str(tmp_path / 'run')
  config = asked(source, train__best_by='separation/mean', train__monitor_every=4, train__steps=4)
  assert command.training(config, folder)() == 0
  assert command.training(None, folder, steps=6, source=source)() == 0
  said = capsys.readouterr().out
  assert 'train.steps was 4, now 6' in said
  assert evaluate.run(folder, checkpoint='best')() == 0
  assert sorted(os.listdir(tmp_path / 'run' / 'evaluation')) == ['4', '6']
  command.training(config, str(tmp_path / 'fine'), origin=folder, checkpoint='best')
  assert f'starts from {folder}, step 4' in capsys.readouterr().out
  with pytest.raises(ValueError, match='--checkpoint=best is of the run that --from names'):
    command.training(config, folder, checkpoint='best')
  with pytest.raises(ValueError, match=r'train.patience is 2 and train.best_by is'):
    command.training(asked(source, train__patience=2), str(tmp_path / 'other'))


def test_what_is_said_of_rates_that_stay():
  config = tiny.config('published/cnn', optimiser__cooldown=0.0)
  assert going_on.schedules(config) == 'rates stay'
