"""Checkpoints and workdirs: exact round trips and clear refusals."""

import collections
import shutil
import sys
import types
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax import inference, spectrum
from calojax.methods.build import build
from calojax.methods.state import Player, SinglePlayer
from calojax.showers import take
from calojax.training import callbacks, sharding, workdir
from calojax.training.checkpoint import Checkpoints, late_writes_untold
from calojax.training.loop import shapes


def counted(step: int) -> SinglePlayer:
  """A state that holds nothing but its step."""
  return SinglePlayer(jnp.int32(step), jnp.zeros(2), Player({}, {}, (), None))


def sized(numbers: int) -> SinglePlayer:
  """A state of so many numbers of four bytes."""
  empty = jnp.zeros(0)
  return SinglePlayer(jnp.zeros(numbers, jnp.float32), empty, Player({}, {}, (), None))


def states(name, embedded, few, **changes):
  method = build(tiny.config(name, **changes), embedded.geometry, few)
  example = take(few, slice(2))
  state: Any = jax.jit(method.init)(jax.random.key(3), example)  # this method's own fields
  return state, shapes(method, example, sharding.data_mesh())


def test_a_state_comes_back_bit_for_bit_with_key_and_spectral_vectors(tmp_path, embedded, few):
  state, like = states('published/cnn_aux_sn', embedded, few)
  checkpoints = Checkpoints(str(tmp_path))
  checkpoints.save(state._replace(step=jnp.int32(7)))
  checkpoints.wait()
  back: Any = Checkpoints(str(tmp_path)).restore(like)
  assert int(back.step) == 7
  np.testing.assert_array_equal(jax.random.key_data(back.rng), jax.random.key_data(state.rng))
  for part in ('generator', 'discriminator'):
    assert jax.tree.structure(getattr(back, part)) == jax.tree.structure(getattr(state, part))
    chex.assert_trees_all_equal(getattr(back, part), getattr(state, part))
  checkpoints.close()


def test_a_checkpoint_from_before_a_field_without_arrays_is_still_one(tmp_path, embedded, few):
  state, like = states('vae_gan', embedded, few)
  assert state.frozen is None
  before: Any = collections.namedtuple('before', [n for n in state._fields if n != 'frozen'])
  checkpoints = Checkpoints(str(tmp_path))
  checkpoints.save(before(*(getattr(state, name) for name in before._fields)))
  checkpoints.wait()
  back: Any = Checkpoints(str(tmp_path)).restore(like)
  assert back.frozen is None
  chex.assert_trees_all_equal(back.generator, state.generator)
  checkpoints.close()
  _, answering = states(
    'vae_gan',
    embedded,
    few,
    weights__outputs=0.1,
    pretraining__steps=1,
    pretraining__targets=('log_energy',),
  )
  with pytest.raises(ValueError, match='frozen'):
    Checkpoints(str(tmp_path)).restore(answering)


def test_a_state_of_another_network_is_refused_and_the_array_named(tmp_path, embedded, few):
  state, _ = states('published/cnn', embedded, few)
  checkpoints = Checkpoints(str(tmp_path))
  checkpoints.save(state)
  checkpoints.wait()
  _, other = states('published/cnn', embedded, few, latent=9)
  with pytest.raises(
    ValueError, match=r'generator.*kernel has shape \(13, 64\), expected \(14, 64\)'
  ):
    checkpoints.restore(other)
  checkpoints.close()


def test_only_the_last_two_are_kept(tmp_path):
  checkpoints = Checkpoints(str(tmp_path))
  for step in (1, 2, 3):
    checkpoints.save(counted(step))
  checkpoints.wait()
  assert (
    sorted(int(path.name) for path in (tmp_path / 'checkpoints').iterdir()) == [2, 3]
    and checkpoints.latest() == 3
  )
  checkpoints.close()


def test_the_newest_of_several_is_restored(tmp_path):
  checkpoints = Checkpoints(str(tmp_path))
  for step in (4, 8):
    checkpoints.save(counted(step))
  checkpoints.wait()
  assert int(checkpoints.restore(counted(0)).step) == 8
  checkpoints.close()


def test_no_checkpoint_is_a_clear_error(tmp_path):
  with pytest.raises(ValueError, match='no checkpoint in'):
    Checkpoints(str(tmp_path)).restore(counted(0))


def test_a_workdir_remembers_its_config_and_its_data(tmp_path, embedded, few):
  folder = str(tmp_path / 'run')
  config = tiny.config('published/cnn_aux')
  workdir.claim(folder, config)
  workdir.claim(folder, tiny.config('published/cnn_aux'))
  assert workdir.stored_config(folder).to_json() == config.to_json()
  with pytest.raises(ValueError, match=r'latent was 8, now 5'):
    workdir.claim(folder, tiny.config('published/cnn_aux', latent=5))
  workdir.describe_data(folder, embedded.geometry, embedded.provenance, 'abc', few.condition)
  geometry, description, spectrum = workdir.stored_data(folder)
  assert geometry == embedded.geometry and description['fingerprint'] == 'abc'
  jax.tree.map(np.testing.assert_array_equal, spectrum, few.condition)
  with pytest.raises(ValueError, match='fingerprint abc, now def'):
    workdir.describe_data(folder, embedded.geometry, embedded.provenance, 'def', few.condition)


def test_a_folder_that_is_no_workdir_is_refused(tmp_path):
  with pytest.raises(ValueError, match='not a workdir'):
    workdir.stored_config(str(tmp_path))


@pytest.fixture
def two(tmp_path):
  """A workdir with the checkpoints 4 and 8, and the files of their arrays."""
  checkpoints = Checkpoints(str(tmp_path))
  for step in (4, 8):
    checkpoints.save(counted(step))
  checkpoints.close()
  folder = tmp_path / 'checkpoints'
  return tmp_path, {
    step: sorted(p for p in (folder / str(step)).rglob('*') if p.is_file()) for step in (4, 8)
  }


def flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 4
  path.write_bytes(content)


def restored(folder, create):
  checkpoints = Checkpoints(str(folder), create=create)
  try:
    return int(checkpoints.restore(counted(0)).step), checkpoints.latest()
  finally:
    checkpoints.close()


def test_a_damaged_checkpoint_gives_way_to_the_one_before(two):
  folder, written = two
  for path in written[8]:
    whole = path.read_bytes()
    if whole:
      flip(path)
      with pytest.warns(UserWarning, match=r'8.*Step 4 is taken in its place.*lost'):
        assert restored(folder, create=False) == (4, 4)
      path.write_bytes(whole)
  assert restored(folder, create=False) == (8, 8)
  flip(max(written[8], key=lambda path: path.stat().st_size))
  with pytest.warns(UserWarning, match='Step 4 is taken'):
    assert restored(folder, create=True) == (4, 4)
  assert (folder / 'checkpoints' / 'damaged-8').is_dir()
  checkpoints = Checkpoints(str(folder))  # which goes on from 4, as often as need be
  checkpoints.save(counted(8))
  checkpoints.close()
  assert restored(folder, create=True) == (8, 8)


def test_where_all_checkpoints_are_damaged_nothing_begins_again_silently(two):
  folder, written = two
  for paths in written.values():
    flip(max(paths, key=lambda path: path.stat().st_size))
  with pytest.raises(ValueError, match='no intact checkpoint'):
    restored(folder, create=True)


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_one_line(two):
  folder, _ = two
  checkpoints = Checkpoints(str(folder))
  shutil.rmtree(folder / 'checkpoints')
  (folder / 'checkpoints').write_text('no folder')
  checkpoints.save(counted(12))
  with pytest.raises(OSError, match=r'checkpoint 12 could not be written to .*checkpoints: '):
    checkpoints.wait()
  checkpoints.close()


def test_writes_that_end_behind_a_failed_one_are_not_told_of(monkeypatch):
  # Arrange
  told: list[str] = []
  usual: Any = lambda found: told.append(str(found.exc_value))
  monkeypatch.setattr(sys, 'unraisablehook', usual)
  late = RuntimeError('Event loop is closed')
  # Act
  with late_writes_untold():
    pass
  after_none = sys.unraisablehook
  with pytest.raises(OSError), late_writes_untold():
    raise OSError('No space left on device')
  for error in (late, RuntimeError('another')):
    found: Any = types.SimpleNamespace(exc_type=type(error), exc_value=error)
    sys.unraisablehook(found)
  # Assert
  assert after_none is usual
  assert told == ['another']


def test_room_for_checkpoints_is_asked_for_before(two, monkeypatch):
  folder, _ = two
  checkpoints = Checkpoints(str(folder))
  usage = shutil.disk_usage(folder)._replace(free=2**22 + 100)
  monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
  checkpoints.check_room(sized(25))
  with pytest.raises(ValueError, match='expected at least 4 MiB for the checkpoints'):
    checkpoints.check_room(sized(26))
  checkpoints.close()


@pytest.mark.parametrize('name', [workdir.CONFIG, workdir.DATA, spectrum.FILE])
def test_a_changed_file_of_a_workdir_is_refused(name, tmp_path, embedded, few):
  folder = str(tmp_path)
  workdir.claim(folder, tiny.config('published/cnn'))
  workdir.describe_data(folder, embedded.geometry, {}, 'abc', few.condition)
  both = lambda: (workdir.stored_config(folder), workdir.stored_data(folder))
  both()
  path = tmp_path / name
  path.write_bytes(path.read_bytes().replace(b'0', b'1', 1))
  with pytest.raises(ValueError, match=f'{name}.*'):
    both()


@pytest.mark.parametrize('text', ['null', '[1]', '{}', '"', '{"a": {}}', '\xff', '[' * 9999])
def test_what_is_no_config_is_refused_by_name(text, tmp_path):
  (tmp_path / workdir.CONFIG).write_text(text, encoding='latin1')
  with pytest.raises(ValueError, match=r'config\.json (is not|holds|.* is missing)'):
    workdir.stored_config(str(tmp_path))


@pytest.mark.parametrize('text', ['null', '[1]', '{}', '"', '3', '[' * 9999])
def test_what_is_no_description_of_data_is_refused_by_name(text, tmp_path):
  (tmp_path / workdir.DATA).write_text(text)
  with pytest.raises(ValueError, match=r'is not a complete workdir: ') as refused:
    workdir.stored_data(str(tmp_path))
  assert str(tmp_path) in str(refused.value)
  with pytest.raises(ValueError, match='it is no npz file of numbers') as refused:
    spectrum.load(tmp_path / workdir.DATA)
  assert 'allow_pickle' not in str(refused.value)


@pytest.mark.parametrize('text', ['null', '[1]', '{}', '"', '', '\xff', '[' * 100_000])
def test_what_is_no_description_of_a_model_is_refused_by_name(text, tmp_path):
  (tmp_path / 'model.json').write_text(text, encoding='latin1')
  with pytest.raises(ValueError, match=r'model\.json is not the description of a model'):
    inference.load(str(tmp_path))


NOBODY: Any = None  # the tracker of a training that tells nothing


@pytest.mark.parametrize('line', ['null', '[1]', '{}', '{"step": null}', 'x', '\xff'])
def test_a_damaged_line_of_the_metrics_is_named(line, tmp_path):
  path = tmp_path / 'metrics.jsonl'
  text = f'{{"step": 2}}\n{line}\n{{"step": 9}}\n'
  path.write_text(text, encoding='latin1')
  with pytest.raises(ValueError, match=r'metrics\.jsonl: line 2 is damaged'):
    callbacks.Scalars(str(tmp_path), NOBODY, 1, 1, 4)
  assert path.read_text(encoding='latin1') == text
  path.write_text('{"step": 2}\n{"step": 9}\n{"st')  # a kill cut the last line short
  callbacks.Scalars(str(tmp_path), NOBODY, 1, 1, 4)
  assert path.read_text() == '{"step": 2}\n'
