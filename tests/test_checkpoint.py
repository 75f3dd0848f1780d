"""Checkpoints and workdirs: exact round trips and clear refusals."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax.methods.build import build
from calojax.methods.state import Player, SinglePlayer
from calojax.showers import take
from calojax.training import sharding, workdir
from calojax.training.checkpoint import Checkpoints
from calojax.training.loop import shapes


def counted(step: int) -> SinglePlayer:
  """A state that holds nothing but its step."""
  return SinglePlayer(jnp.int32(step), jnp.zeros(2), Player({}, {}, (), None))


def states(name, embedded, few, **changes):
  method = build(tiny.config(name, **changes), embedded.geometry, few)
  example = take(few, slice(2))
  state: Any = jax.jit(method.init)(jax.random.key(3), example)  # this method's own fields
  return state, shapes(method, example, sharding.data_mesh())


def test_a_state_comes_back_bit_for_bit_with_key_and_spectral_vectors(tmp_path, embedded, few):
  state, like = states('cnn_aux_sn', embedded, few)
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


def test_a_state_of_another_network_is_refused_and_the_array_named(tmp_path, embedded, few):
  state, _ = states('cnn', embedded, few)
  checkpoints = Checkpoints(str(tmp_path))
  checkpoints.save(state)
  checkpoints.wait()
  _, other = states('cnn', embedded, few, latent=9)
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
  config = tiny.config('cnn_aux')
  workdir.claim(folder, config)
  workdir.claim(folder, tiny.config('cnn_aux'))
  assert workdir.stored_config(folder).to_json() == config.to_json()
  with pytest.raises(ValueError, match=r'latent was 8, now 5'):
    workdir.claim(folder, tiny.config('cnn_aux', latent=5))
  workdir.describe_data(folder, embedded.geometry, embedded.provenance, 'abc', few.condition)
  geometry, description, spectrum = workdir.stored_data(folder)
  assert geometry == embedded.geometry and description['fingerprint'] == 'abc'
  jax.tree.map(np.testing.assert_array_equal, spectrum, few.condition)
  with pytest.raises(ValueError, match='fingerprint abc, now def'):
    workdir.describe_data(folder, embedded.geometry, embedded.provenance, 'def', few.condition)


def test_a_folder_that_is_no_workdir_is_refused(tmp_path):
  with pytest.raises(ValueError, match='not a workdir'):
    workdir.stored_config(str(tmp_path))
