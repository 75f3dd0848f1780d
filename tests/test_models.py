"""Every network and config: shapes, parameter counts, finite steps, and a resume that changes
nothing.
"""

import json
import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from calojax import models
from calojax.config import shipped
from calojax.methods import state as state_
from calojax.methods.build import METHODS, build
from calojax.showers import take
from calojax.training import sharding, workdir
from calojax.training.checkpoint import Checkpoints
from calojax.training.loop import shapes

ROOT = pathlib.Path(__file__).resolve().parents[1]

# (generator, discriminator) parameters at full size; the VAE's generator holds its encoder, the
# discriminator of a system in the canonical frame that of its warm start; a library has none.
COUNTS = {
  'cnn': (464_756, 1_017_857),
  'cnn_aux': (464_756, 1_039_981),
  'cnn_aux_sn': (464_756, 1_039_981),
  'cnn_sa': (469_877, 1_022_978),
  'cnn_aux_sa_sn': (469_877, 1_229_422),
  'sagan_sn_d': (473_013, 954_434),
  'wgan_gp': (682_868, 1_079_169),
  'vae': (623_604, 1_255_489),
  'published/cnn': (656_321, 406_721),
  'published/cnn_aux': (656_321, 426_394),
  'published/cnn_aux_sn': (656_321, 426_394),
  'published/cnn_sa': (661_442, 411_842),
  'published/cnn_aux_sa_sn': (661_442, 615_835),
  'published/wgan_gp': (1_461_697, 528_001),
  'published/sagan_sn_d': (663_682, 390_658),
  'published/sagan_sn_gd': (663_682, 390_658),
  'published/vae': (1_083_042, 0),
  'sagan_sn_gd': (473_013, 954_434),
  'wgan_regressor': (682_868, 1_079_169),
  'published/wgan_regressor': (1_461_697, 528_001),
  'vae_gan': (1_385_072, 1_255_489),
  'autoregressive': (705_686, 0),
  'shower_library': (0, 0),
  'calogan': (2_553_672, 3_115_409),
  'calogan_conditional': (2_222_794, 705_821),
  'published/calogan': (7_663_176, 2_861_237),
  'published/calogan_conditional': (1_128_769, 445_374),
  'conv3d': (753_424, 6_645_801),
  'conv2d': (2_157_443, 7_036_079),
  'published/conv3d': (875_944, 405_458),
  'published/conv2d': (2_053_571, 713_988),
  'voxel': (412_024, 268_481),
}


def parameters(player) -> int:
  return sum(leaf.size for leaf in jax.tree.leaves(player.params))


def test_every_config_is_tested():
  assert set(shipped.files()) == set(COUNTS) == set(tiny.SYSTEMS)


def test_every_network_and_method_has_a_config_that_is_tested():
  configs = [tiny.full_config(name) for name in COUNTS]
  gans = [c for c in configs if c.method == 'gan']
  assert {c.generator.name for c in gans} == set(models.GENERATORS)
  assert {c.discriminator.name for c in gans} == set(models.DISCRIMINATORS)
  assert {c.pretraining.network for c in gans if c.pretraining.steps} == set(models.REGRESSORS)
  assert {c.method for c in configs} == set(METHODS)


@pytest.mark.parametrize('name', COUNTS)
def test_parameter_counts(name):
  config = tiny.full_config(name)
  few, geometry, _ = tiny.showers(config.data.source)
  state = jax.eval_shape(build(config, geometry, few).init, jax.random.key(0), take(few, slice(2)))
  players = [parameters(player) for player in state_.players(state).values()]
  assert tuple(players + [0])[:2] == COUNTS[name]


def batch_of(few, k, size=8):
  """Micro-batches `[k, size]` of the first showers."""
  return jax.tree.map(lambda leaf: leaf[: size * k].reshape(k, size, *leaf.shape[1:]), few)


# Of systems that differ in flags the one with most of them: to compile the steps of one takes up to
# half a minute.
COVERED = {
  *('cnn', 'cnn_aux', 'cnn_aux_sn', 'cnn_sa', 'wgan_gp', 'vae'),
  *(f'published/{name}' for name in ('cnn', 'cnn_aux', 'cnn_aux_sn', 'cnn_sa', 'sagan_sn_d')),
}
STEPPED = [name for name in COUNTS if name not in COVERED]


@pytest.mark.parametrize('name', STEPPED)
def test_steps_are_finite_move_every_player_and_resume_bitwise(name, tmp_path):
  config = tiny.config(name)
  few, geometry, _ = tiny.showers(config.data.source)
  method, example = build(config, geometry, few), take(few, slice(2))
  # Everything lies where a restored state will: otherwise the step is compiled a second time.
  place = sharding.replicated(sharding.data_mesh())
  update = jax.jit(method.update, in_shardings=(place, place), out_shardings=place)
  batch = batch_of(few, config.train.discriminator_steps, config.train.batch)
  start = jax.jit(method.init, out_shardings=place)(jax.random.key(0), example)
  halfway, metrics = update(start, batch)
  whole, _ = update(halfway, batch)
  assert int(whole.step) == 2 and all(np.isfinite(value) for value in metrics.values()), metrics
  for before, after in zip(*(state_.players(state).values() for state in (start, halfway))):
    if before.params:
      assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.variables))
      # The critic of a VAE-GAN waits for the second phase.
      first, second = (p.params.get('encoder', p.params) for p in (before, after))
      moved = [
        float(jnp.abs(a - b).max()) > 0
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second))
      ]
      assert np.mean(moved) > 0.5
  checkpoints = Checkpoints(str(tmp_path))
  checkpoints.save(halfway)
  checkpoints.wait()
  resumed, _ = update(
    checkpoints.restore(shapes(build(config, geometry), example, sharding.data_mesh())), batch
  )
  checkpoints.close()
  key = lambda state: state._replace(rng=jax.random.key_data(state.rng))
  chex.assert_trees_all_equal(key(resumed), key(whole))
  showers = np.asarray(
    jax.jit(method.sample)(
      whole.generator.ema, jnp.ones((3, method.latent)), take(few, slice(3)).condition
    )
  )
  assert (
    showers.shape == (3, geometry.cells) and np.isfinite(showers).all() and (showers >= 0).all()
  )


def test_regression_terms_appear_with_a_regressor_only(embedded, few):
  terms = {}
  for name in ('published/cnn', 'published/cnn_aux'):
    method = build(tiny.config(name), embedded.geometry, few)
    batch = jax.tree.map(lambda leaf: leaf[:8].reshape(1, 8, *leaf.shape[1:]), few)
    state = jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2)))
    terms[name] = set(jax.eval_shape(method.update, state, batch)[1])
  assert terms['published/cnn_aux'] - terms['published/cnn'] == {
    'discriminator/regression',
    'discriminator/regression_fake',
  }


def test_a_zero_weight_is_not_traced(embedded, few):
  method = build(
    tiny.config('published/cnn_aux', weights__regression_fake=0.0), embedded.geometry, few
  )
  batch = jax.tree.map(lambda leaf: leaf[:8].reshape(1, 8, *leaf.shape[1:]), few)
  metrics = jax.eval_shape(
    method.update, jax.eval_shape(method.init, jax.random.key(0), take(few, slice(2))), batch
  )[1]
  assert 'discriminator/regression_fake' not in metrics and 'discriminator/regression' in metrics


def test_unknown_names_are_refused_with_the_near_one(embedded):
  config = tiny.config('published/cnn_aux')
  config.adversarial = 'hing'
  with pytest.raises(ValueError, match="'hing'.*'hinge'"):
    build(config, embedded.geometry)
  config = tiny.config('published/cnn_aux', regressor__targets=('respons',))
  with pytest.raises(ValueError, match="'respons'.*'response'"):
    build(config, embedded.geometry)


@pytest.mark.parametrize(
  'name, changes, message',
  [
    ('published/vae', {'train__discriminator_steps': 2}, 'discriminator_steps is 2, expected 1'),
    ('shower_library', {'train__discriminator_steps': 2}, 'discriminator_steps is 2, expected 1'),
    ('wgan_regressor', {'pretraining__batch': 0}, 'pretraining.batch is 0'),
    ('published/cnn', {'train__generator_steps': 0}, 'train.generator_steps is 0'),
    ('published/cnn', {'flips': 0.6}, 'flips is 0.6'),
  ],
)
def test_numbers_that_make_no_sense_are_refused_before_anything_runs(name, changes, message):
  few, geometry, _ = tiny.showers('lhcb_ecal')
  with pytest.raises(ValueError, match=message):
    build(tiny.config(name, **changes), geometry, few)


@pytest.mark.parametrize('name', ['published/cnn_aux', 'published/vae', 'shower_library'])
def test_a_config_of_an_earlier_version_is_completed(name, tmp_path):
  """Keys that have been added since get their defaults; what a method does not have is not
  added.
  """
  config = tiny.full_config(name)
  stored = json.loads(config.to_json())
  for room, key in (
    (stored, 'format'),
    (stored, 'penalised'),
    (stored.get('weights', {}), 'mean_image'),
    (stored.get('optimiser', {}), 'clip'),
    (stored['evaluation'], 'metrics'),
    (stored['data'], 'binning'),
  ):
    room.pop(key, None)
  (tmp_path / 'config.json').write_text(json.dumps(stored))
  assert json.loads(workdir.stored_config(tmp_path).to_json()) == json.loads(config.to_json())
  workdir.check_config(tmp_path, config)
