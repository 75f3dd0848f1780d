"""Training from a file that is larger than the memory it may use."""

import gc
import os
import subprocess
import sys

import numpy as np
import pytest

import tiny
from calojax import data
from calojax.showers import take
from calojax.training import sharding
from calojax.training.feed import batches_of
from calojax.training.parts import load_parts
from conftest import ROOT


@pytest.fixture(scope='module')
def file(tmp_path_factory, embedded):
  """A canonical file of 4,096 showers, 14 MiB in memory."""
  path = tmp_path_factory.mktemp('stream') / 'showers.h5'
  with data.Writer(path, embedded.geometry, {'origin': 'test'}) as writer:
    writer.append(take(embedded.showers, slice(4096)))
  return str(path)


def test_a_large_file_is_streamed_and_its_parts_are_disjoint(file):
  config = tiny.config('published/cnn', data__source=file, data__memory_gib=0.01)
  parts = load_parts(config)
  assert (
    parts.chunks is not None
    and parts.geometry.name == 'lhcb_ecal'
    and parts.provenance == {'origin': 'test'}
  )
  energies = {
    name: set(getattr(parts, name).condition.energy.tolist())
    for name in ('train', 'validation', 'test')
  }
  assert not energies['train'] & energies['test'] and not energies['train'] & energies['validation']
  held = sum(map(len, energies.values()))
  assert held < 4096 / 2  # of the file, for the memory is small; but batches come from all of it
  trained = data.read_chunks(file, parts.chunks).condition.energy.tolist()
  assert energies['train'] < set(trained) and len(trained) > 2500
  assert not energies['test'] & set(trained)
  feed = batches_of(config, parts, sharding.data_mesh())
  seen = np.concatenate(
    [np.asarray(feed(step, 2).condition.energy).ravel() for step in range(0, 40, 2)]
  )
  assert set(seen.tolist()) <= set(trained) and len(set(seen.tolist())) > 0.98 * len(seen)


def test_a_small_file_is_held_in_memory_and_gives_the_same_data(file):
  parts = load_parts(tiny.config('published/cnn', data__source=file, data__memory_gib=1.0))
  assert (
    parts.chunks is None
    and sum(len(getattr(parts, name).energies) for name in ('train', 'validation', 'test')) == 4096
  )


def test_streamed_batches_are_a_function_of_the_step(file):
  config = tiny.config('published/cnn', data__source=file, data__memory_gib=0.01)
  parts, mesh = load_parts(config), sharding.data_mesh()
  first, second = batches_of(config, parts, mesh), batches_of(config, parts, mesh)
  for step in range(5):
    expected = first(step, 1)
  np.testing.assert_array_equal(second(4, 1).energies, expected.energies)


def test_too_few_showers_for_an_update_are_refused(file):
  config = tiny.config(
    'published/cnn', data__source=file, train__batch=1024, train__discriminator_steps=3
  )
  with pytest.raises(ValueError, match='1024'):
    batches_of(config, load_parts(config), sharding.data_mesh())


@pytest.mark.parametrize('memory', [1.0, 0.01])
def test_batches_give_their_memory_back(file, memory):
  import jax

  config = tiny.config('published/cnn', data__source=file, data__memory_gib=memory)
  parts = load_parts(config)
  gc.collect()  # of tests before
  before = sum(array.nbytes for array in jax.live_arrays())
  feed = batches_of(config, parts, sharding.data_mesh())
  feed(0, 1)
  held = sum(array.nbytes for array in jax.live_arrays()) - before
  assert held >= parts.train.energies.nbytes or parts.chunks is not None
  feed.release()
  assert sum(array.nbytes for array in jax.live_arrays()) == before


PEAK = """
import resource, sys
import tiny
from calojax import data
from calojax.training import sharding
from calojax.training.feed import batches_of
from calojax.training.parts import load_parts
from conftest import ROOT

mesh, path, limit = sharding.data_mesh(), sys.argv[1], float(sys.argv[2])
few = data.read(path, 0, 300)  # what reading itself needs
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
config = tiny.config('published/cnn', data__source=path, data__memory_gib=limit)
start = peak()
parts = load_parts(config)
feed = batches_of(config, parts, mesh)
for step in range(0, 60, 4):
  feed(step, 4)
middle = peak()
for step in range(60, 2000, 100):
  feed(step, 4)
print(start, middle, peak())
"""


def test_streaming_stays_within_its_memory_and_does_not_grow(tmp_path, embedded):
  path = tmp_path / 'large.h5'
  with data.Writer(path, embedded.geometry, {}) as writer:
    for _ in range(3):
      writer.append(take(embedded.showers, slice(16_000)))
  limit = 0.1  # GiB; in memory the file takes 0.16, read whole twice that
  environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (ROOT, ROOT / 'tests')))}
  command = [sys.executable, '-c', PEAK, str(path), str(limit)]
  environment['PYTHONPATH'] += f'{os.pathsep}{ROOT / "configs"}'
  process = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
  unit = 1 if sys.platform == 'darwin' else 2**10  # bytes of ru_maxrss
  start, middle, end = (int(number) * unit / 2**30 for number in process.stdout.split())
  assert middle - start < limit
  assert end - middle < 0.02
