"""Damaged files, read in a process of their own that can be ended when it
hangs.
"""

from __future__ import annotations

import json
import multiprocessing
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from outcomes import Outcome, Seed

from calojax import data, inference, spectrum, zoo
from calojax.showers import take

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 120.0  # seconds; an intact file takes a fraction of one, but other work may go on beside
WRITTEN = ROOT / 'tests' / 'data' / 'written_by_0.1.0'


# Readers: each gives what a program would see of a file, to be compared.


def showers(path: str) -> Any:
  """The content of a file of showers."""
  found = data.load(path)
  return [*found.showers.condition, found.showers.energies, found.geometry, found.provenance]


def particles(path: str) -> Any:
  """A spectrum."""
  return list(spectrum.load(path))


def exported(path: str) -> Any:
  """What a file of an exported model makes, through the model: here its description."""
  model = inference.load(str(pathlib.Path(path).parent))
  return [json.dumps(model.card, sort_keys=True), model.geometry, *model.spectrum]


def workdir(path: str) -> Any:
  """Config and data of a workdir."""
  from calojax.training import workdir

  folder = str(pathlib.Path(path).parent)
  config = workdir.stored_config(folder).to_json()
  geometry, description, conditions = workdir.stored_data(folder)
  return [config, geometry, json.dumps(description, sort_keys=True), *conditions]


def checkpoint(path: str) -> Any:
  """The newest state of a workdir that holds a state of `Numbers`."""
  import jax

  from calojax.training.checkpoint import Checkpoints

  folder = path.partition('/checkpoints/')[0]
  checkpoints = Checkpoints(folder, create=False)
  try:
    state = checkpoints.restore(numbers(0))
  finally:
    checkpoints.close()
  return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]


def binning(path: str) -> Any:
  """A geometry."""
  return [data.geometry_from_xml(path, 'photon')]


def metrics(path: str) -> Any:
  """The lines of metrics.jsonl that a resumed training keeps."""
  from calojax.training.callbacks import _forget_after

  _forget_after(path, 10)
  return [pathlib.Path(path).read_bytes()]


class Numbers(NamedTuple):
  """A small training state."""

  step: Any
  weights: dict[str, Any]


def numbers(step: int) -> Any:
  """The state of a step."""
  import jax
  import jax.numpy as jnp

  values = jax.random.normal(jax.random.key(7), (40, 25))
  return Numbers(jnp.int32(step), {'a': values + step, 'b': values[0]})


READERS = {
  'showers': showers,
  'particles': particles,
  'exported': exported,
  'workdir': workdir,
  'checkpoint': checkpoint,
  'binning': binning,
  'metrics': metrics,
}


def serve(connection: Any) -> None:
  """Reads files until the pipe closes; answers with the word, and the content or the message."""
  import warnings

  warnings.simplefilter('ignore')
  while True:
    try:
      reader, path = connection.recv()
    except EOFError:
      return
    try:
      connection.send(('read', READERS[reader](path)))
    except (ValueError, OSError) as error:
      connection.send(('refused', str(error)))
    except Exception as error:
      connection.send(('traceback', repr(error)))


class Reader:
  """A process that reads, started again after a crash or a hang."""

  def __init__(self) -> None:
    self._start()

  def _start(self) -> None:
    self._ours, theirs = multiprocessing.get_context('spawn').Pipe()
    self._process = multiprocessing.get_context('spawn').Process(
      target=serve, args=(theirs,), daemon=True
    )
    self._process.start()
    theirs.close()
    self._fresh = True

  def read(self, reader: str, path: pathlib.Path) -> tuple[str, Any]:
    """(word, content or message)."""
    self._ours.send((reader, str(path)))
    limit, self._fresh = LIMIT + 600 * self._fresh, False  # it imports first
    if not self._ours.poll(limit):
      word = 'hang'
    else:
      try:
        return self._ours.recv()
      except (EOFError, OSError):
        word = 'crash'
    self._process.kill()
    self._process.join()
    self._start()
    return word, f'{reader} {path.name}'


def same(a: Any, b: Any) -> bool:
  """Whether two contents are the same, bit for bit."""
  return all(
    np.array_equal(x, y, equal_nan=True)
    if isinstance(x, np.ndarray) and x.dtype.kind == 'f'
    else bool(np.all(x == y))
    for x, y in zip(a, b)
  )


# Files.


def written(folder: pathlib.Path) -> dict[str, tuple[pathlib.Path, ...]]:
  """By reader, files as this version writes them."""
  from cnn import get_config

  from calojax.training.checkpoint import Checkpoints
  from calojax.training.workdir import claim, describe_data

  few = data.load('lhcb_ecal')
  few = few._replace(showers=take(few.showers, slice(64)))
  with data.Writer(folder / 'showers.h5', few.geometry, {'origin': 'campaign'}) as writer:
    writer.append(few.showers)
  model = pathlib.Path(shutil.copytree(zoo.find('lhcb_ecal'), folder / 'model'))
  run = folder / 'run'
  claim(str(run), get_config())
  describe_data(str(run), few.geometry, {'origin': 'campaign'}, 'abc', few.showers.condition)
  checkpoints = Checkpoints(str(run))
  for step in (4, 8):
    checkpoints.save(numbers(step))
  checkpoints.close()
  arrays = (run / 'checkpoints' / '8').rglob('*')
  return {
    'showers': (folder / 'showers.h5',),
    'exported': tuple(path for path in model.iterdir() if path.name != 'README.md'),
    'workdir': tuple(run / name for name in ('config.json', 'data.json', 'spectrum.npz')),
    'checkpoint': tuple(path for path in arrays if path.is_file()),
  }


def others(folder: pathlib.Path) -> dict[str, tuple[pathlib.Path, ...]]:
  """By reader, files as others or earlier versions write them."""
  few = data.load('lhcb_ecal')
  few = few._replace(showers=take(few.showers, slice(40)))
  momenta = few.showers.condition.energy[:, None] * few.showers.condition.direction / 1000
  np.savez(
    folder / 'lhcb.npz',
    EnergyDeposit=few.showers.energies.reshape(-1, 30, 30),
    ParticlePoint=np.c_[few.showers.condition.position / 10, np.zeros(40)],
    ParticleMomentum=momenta,
  )
  spectrum.save(folder / 'spectrum.npz', few.showers.condition, 100)
  lines = ''.join(json.dumps({'step': i, 'loss': 0.5 / i}) + '\n' for i in range(1, 20))
  (folder / 'metrics.jsonl').write_text(lines)
  kept = [
    pathlib.Path(shutil.copy(path, folder))
    for path in sorted(WRITTEN.iterdir())
    if path.suffix in ('.h5', '.hdf5', '.npz') and path.name != 'workdirs.npz'
  ]
  old = pathlib.Path(shutil.copytree(WRITTEN / 'cnn_aux', folder / 'cnn_aux'))
  return {
    'showers': (folder / 'lhcb.npz', *kept),
    'particles': (folder / 'spectrum.npz',),
    'workdir': tuple(old / name for name in ('config.json', 'data.json', 'spectrum.npz')),
    'metrics': (folder / 'metrics.jsonl',),
  }


def flip(rng: np.random.Generator, whole: bytes) -> bytes:
  """One bit the other way round."""
  place = int(rng.integers(8 * len(whole)))
  content = bytearray(whole)
  content[place // 8] ^= 1 << place % 8
  return bytes(content)


def mutate(rng: np.random.Generator, whole: bytes) -> bytes:
  """Bytes as accidents leave them: cut short, overwritten, doubled, swapped, emptied."""
  start, stop = sorted(int(i) for i in rng.integers(len(whole) + 1, size=2))
  stop = min(stop, start + int(rng.integers(1, 200)))
  noise = rng.bytes(stop - start)
  kinds = (
    lambda: whole[:start],
    lambda: whole[:start] + noise + whole[stop:],
    lambda: whole[:start] + b'\0' * (stop - start) + whole[stop:],
    lambda: whole[:start] + whole[stop:],
    lambda: whole[:stop] + whole[start:],
    lambda: whole[:start] + b'\xff' * (stop - start) + whole[stop:],
    lambda: flip(rng, flip(rng, whole)),
    lambda: noise,
    lambda: b'',
    lambda: WORDS[rng.integers(len(WORDS))],
  )
  return kinds[rng.choice(len(kinds), p=WEIGHTS)]()


WORDS = (b'null', b'[1]', b'{}', b'"', b'\xff\xfe', b'[' * 5000, b'1e999', b'{"step": null}\n')
WEIGHTS = np.array([4, 6, 4, 4, 4, 4, 8, 1, 1, 2]) / 38


def attacked(
  count: int,
  rng: np.random.Generator,
  sources: dict[str, tuple[pathlib.Path, ...]],
  change: Callable[[np.random.Generator, bytes], bytes],
  otherwise: str,
) -> Iterator[Outcome]:
  """The outcome of `count` changed files; `otherwise` is the word for other content."""
  process = Reader()
  pairs = [(reader, path) for reader, paths in sources.items() for path in paths]
  content = {path: path.read_bytes() for _, path in pairs}
  expected = {pair: process.read(*pair) for pair in pairs if pair[0] != 'metrics'}
  if broken := {pair: found for pair, found in expected.items() if found[0] != 'read'}:
    raise RuntimeError(f'files that should be read: {broken}')
  older: list[Any] = []
  if 'checkpoint' in sources:
    older = [4, *(np.asarray(numbers(4).weights[name]) for name in ('a', 'b'))]
  for number in range(count):
    # Turn by turn over the readers, for some have many files.
    reader = list(sources)[number % len(sources)]
    path = sources[reader][rng.integers(len(sources[reader]))]
    changed = change(rng, content[path])
    path.write_bytes(changed)
    word, found = process.read(reader, path)
    path.write_bytes(content[path])
    if word == 'read':
      if reader == 'metrics':  # each line is a record of its own, without a digest
        word = 'unknowable'
      elif same(found, expected[reader, path][1]):
        word = 'unchanged'
      elif reader == 'checkpoint' and older and same(found, older):
        word = 'recovered'
      else:
        word = otherwise
    yield Outcome(word, f'{reader} {path.name} fault {number}: {str(found)[:200]}')


def flips(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Single flipped bits in every kind of file that is written with a digest."""
  rng = np.random.default_rng((1, *seed))
  return attacked(count, rng, written(folder), flip, 'silent')


def inputs(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Files of others, and of earlier versions, damaged in many ways."""
  rng = np.random.default_rng((2, *seed))
  return attacked(count, rng, others(folder), mutate, 'unknowable')
