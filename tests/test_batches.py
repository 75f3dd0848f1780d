"""Batches as functions of (seed, step), in memory and streamed."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from calojax import data
from calojax.data import batches
from calojax.detectors import LHCB_ECAL
from calojax.geometry import Geometry, Layer
from calojax.showers import Condition, Shower

GEOMETRY = Geometry('toy', (Layer((3, 4), (5.0, 6.0), 10.0),))


def numbered(count: int, geometry: Geometry) -> Shower:
  """Showers whose first cell is their number plus one."""
  energies = np.zeros((count, geometry.cells), np.float32)
  energies[:, 0] = np.arange(count) + 1
  return Shower(energies, Condition.of(np.full(count, 1e3)))


def write(path, count: int, geometry: Geometry = GEOMETRY, layout: str = 'calojax'):
  with data.Writer(path, geometry, {}, layout) as writer:
    writer.append(numbered(count, geometry))
  return path


def numbers(showers: Shower) -> np.ndarray:
  return np.rint(showers.energies[..., 0]).astype(int).ravel() - 1


@pytest.fixture
def small_windows(monkeypatch):
  monkeypatch.setattr(batches, 'WINDOW', 3 * 4 * 256 * (GEOMETRY.cells + 6))  # 3 chunks


def test_indices_visit_every_shower_once_an_epoch():
  steps = [batches.indices(120, 10, 3, 7, step) for step in range(8)]
  epochs = [np.concatenate(steps[:4]), np.concatenate(steps[4:])]
  for epoch in epochs:
    assert epoch.shape == (12, 10)
    np.testing.assert_array_equal(np.sort(epoch.ravel()), np.arange(120))
  assert not np.array_equal(epochs[0], epochs[1])


def test_indices_are_a_function_of_seed_and_step():
  np.random.seed(1)
  first = [batches.indices(100, 8, 2, 5, step) for step in (9, 3, 40)]
  batches._permutation.cache_clear()
  np.random.seed(2)
  again = [batches.indices(100, 8, 2, 5, step) for step in (40, 3, 9)][::-1]
  np.testing.assert_array_equal(first, again)
  assert not np.array_equal(first[0], batches.indices(100, 8, 2, 6, 9))
  assert first[0].shape == (2, 8) and len(np.unique(first[0])) == 16


def test_order_is_that_of_earlier_versions():
  """A run that was interrupted goes on with the batches it would have had."""
  assert batches.indices(12, 3, 2, 7, 3).tolist() == [[9, 1, 3], [4, 2, 5]]


@pytest.mark.parametrize('batch, micro', [(51, 2), (0, 1), (1, -1)])
def test_indices_refuse(batch, micro):
  with pytest.raises(
    ValueError, match=f'{micro} batches of {batch} showers a step do not fit 100 showers'
  ):
    batches.indices(100, batch, micro, 0, 0)


def test_streamed_visits_every_shower_of_its_chunks_once_an_epoch(tmp_path, small_windows):
  path = write(tmp_path / 'a.h5', 256 * 9 + 200)  # chunk 9 is shorter
  chunks = np.array([9, 0, 2, 3, 4, 5, 7, 8])  # 1992 showers in windows of 3, 3 and 2 chunks
  stream = batches.Streamed(path, chunks, 83, 2, seed=1)
  assert stream.count == 1992 and stream.geometry == GEOMETRY
  expected = np.concatenate([np.arange(256 * c, min(256 * c + 256, 2504)) for c in np.sort(chunks)])
  epochs = [
    np.concatenate([numbers(stream.batch(step)) for step in range(12 * e, 12 * e + 12)])
    for e in range(3)
  ]
  for epoch in epochs:
    np.testing.assert_array_equal(np.sort(epoch), expected)
  assert not np.array_equal(epochs[0], epochs[1])
  # Shuffled over a window: the first 100 showers come from three chunks and are not in order.
  assert len(np.unique(epochs[0][:100] // 256)) == 3 and (np.diff(epochs[0][:100]) < 0).sum() > 20


def test_streamed_resumes_in_the_middle(tmp_path, small_windows):
  path = write(tmp_path / 'a.h5', 2000)
  stream = batches.Streamed(path, np.arange(8), 100, 3, seed=4)
  run = [stream.batch(step) for step in range(14)]
  assert run[0].energies.shape == (3, 100, 12) and run[0].condition.position.shape == (3, 100, 2)
  for step in (13, 6, 7, 0):
    fresh = batches.Streamed(path, np.arange(8), 100, 3, seed=4).batch(step)
    for a, b in zip((run[step].energies, *run[step].condition), (fresh.energies, *fresh.condition)):
      np.testing.assert_array_equal(a, b)
  other = batches.Streamed(path, np.arange(8), 100, 3, seed=5).batch(0)
  assert not np.array_equal(other.energies, run[0].energies)


def test_a_window_is_not_shuffled_as_the_chunks_are_ordered(tmp_path):
  """To numpy the seeds (a, b, 0) and (a, b) are the same: the two orders would be one."""
  stream = batches.Streamed(write(tmp_path / 'a.h5', 250), np.arange(1), 250, 1, seed=2)
  of_chunks = batches.indices(250, 250, 1, seed=2, step=0).ravel()
  assert np.mean(numbers(stream.batch(0)) == of_chunks) < 0.1


def test_batch_larger_than_a_window(tmp_path, monkeypatch):
  monkeypatch.setattr(batches, 'WINDOW', 1)
  stream = batches.Streamed(write(tmp_path / 'a.h5', 1000), np.arange(4), 900, 1, seed=0)
  assert len(np.unique(numbers(stream.batch(0)))) == 900


def test_streamed_reads_the_lhcb_layout(tmp_path):
  path = write(tmp_path / 'a.h5', 600, LHCB_ECAL, 'lhcb')
  stream = batches.Streamed(
    path, data.split_chunks(path, 0, (0.4, 0.3, 0.3))['train'], 64, 1, seed=0
  )
  assert stream.geometry == LHCB_ECAL and stream.batch(5).energies.shape == (1, 64, 900)


def test_memory_is_bounded_by_windows(tmp_path, monkeypatch):
  geometry = Geometry('wide', (Layer((30, 30), (1.0, 1.0), 0.0),))
  window = 2 * 4 * 256 * (geometry.cells + 6)
  monkeypatch.setattr(batches, 'WINDOW', window)
  path = write(tmp_path / 'a.h5', 256 * 40, geometry)  # 20 windows
  stream = batches.Streamed(path, np.arange(40), 64, 1, seed=0)
  tracemalloc.start()
  for step in range(stream._steps + 5):
    stream.batch(step)
  peak = tracemalloc.get_traced_memory()[1]
  tracemalloc.stop()
  assert window < peak < 6 * window
  assert len(stream._windows) <= 3


def test_next_window_is_read_ahead(tmp_path, small_windows):
  stream = batches.Streamed(write(tmp_path / 'a.h5', 2000), np.arange(8), 100, 1, seed=0)
  stream.batch(0)
  deadline = time.monotonic() + 20
  while not stream._windows[0, 1].done() and time.monotonic() < deadline:
    time.sleep(0.01)
  assert stream._windows[0, 1].done()


def test_reader_errors_reach_the_caller(tmp_path, small_windows):
  path = write(tmp_path / 'a.h5', 2000)
  stream = batches.Streamed(path, np.arange(8), 100, 1, seed=0)
  stream.batch(0)
  path.unlink()
  with pytest.raises(ValueError, match='a.h5: '):
    for step in range(20):
      stream.batch(step)


def test_streamed_refuses(tmp_path):
  path = write(tmp_path / 'a.h5', 600)
  for chunks in ([0, 3], [-1], [1, 1], []):
    with pytest.raises(ValueError, match='expected different numbers from 0 to 2'):
      batches.Streamed(path, np.array(chunks, int), 10, 1, 0)
  with pytest.raises(ValueError, match='2 batches of 50 showers a step do not fit 88 showers'):
    batches.Streamed(path, np.array([2]), 50, 2, 0)
