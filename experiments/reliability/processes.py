"""Whole commands: ended, two at a time, on disks that are full."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from outcome import Outcome, of_process

import tiny
from calojax import data

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 1800.0  # seconds a command may take; on a machine of its own it takes 20
STEPS = 40
TRAINING = (
  '--config=configs/cnn.py',
  *tiny.flags(
    'cnn',
    train__steps=STEPS,
    train__checkpoint_every=4,
    train__monitor_every=20,
    evaluation__metrics=('prd',),
  ),
)


def command(*arguments: str, module: str = 'calojax.main', limit: int | None = None):
  """A running command; with `limit` it can write no longer file."""

  def confine() -> None:
    assert limit is not None
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

  return subprocess.Popen(
    [sys.executable, '-m', module, *arguments],
    cwd=ROOT,
    env={**os.environ, 'JAX_DISABLE_MOST_OPTIMIZATIONS': '1', 'PYTHONPATH': str(ROOT)},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    preexec_fn=confine if limit else None,
  )


def ended(process: subprocess.Popen) -> subprocess.CompletedProcess | None:
  """The command at its end; None if it does not come to one."""
  try:
    output, error = process.communicate(timeout=LIMIT)
  except subprocess.TimeoutExpired:
    process.kill()
    process.communicate()
    return None
  return subprocess.CompletedProcess(process.args, process.returncode, output, error)


def training(workdir: pathlib.Path) -> tuple[str, ...]:
  """A small training."""
  return (*TRAINING, f'--workdir={workdir}')


def sampling(model: str, output: pathlib.Path, count: int) -> tuple[str, ...]:
  """Showers of a model of the package."""
  return ('--mode=sample', f'--model={model}', f'--count={count}', f'--output={output}')


def state(workdir: pathlib.Path) -> str:
  """A digest of the last state's arrays: the bytes on disk of the same numbers differ."""
  import jax

  from calojax.training.trained import trained

  variables = trained(str(workdir)).variables
  digest = hashlib.sha256()
  for leaf in jax.tree.leaves(variables):
    digest.update(np.asarray(leaf).tobytes())
  return digest.hexdigest()


def until(rng: np.random.Generator, seconds: float) -> None:
  """Waits for a random time."""
  time.sleep(float(rng.uniform(0, seconds)))


def measured(folder: pathlib.Path) -> tuple[float, str]:
  """How long the training takes, and the digest of its last state."""
  start = time.monotonic()
  process = ended(command(*training(folder)))
  if process is None or process.returncode:
    raise RuntimeError(f'the training fails without a fault: {process and process.stderr}')
  return time.monotonic() - start, state(folder)


def kills(count: int, seed: int, folder: pathlib.Path) -> list[Outcome]:
  """SIGKILL at random times, ten in a training; then it goes on, and ends bitwise the same."""
  rng, outcomes = np.random.default_rng((4, seed)), []
  seconds, expected = measured(folder / 'whole')
  while len(outcomes) < count:
    run = folder / f'run{len(outcomes)}'
    several = min(10, count - len(outcomes))
    for _ in range(several):
      process = command(*training(run))
      until(rng, seconds)
      process.kill()
      process.communicate()
    last = ended(command(*training(run)))
    found = of_process(last, f'{several} kills', 'recovered')
    if found.word == 'recovered' and state(run) != expected:
      found = Outcome('silent', 'the resumed training ends elsewhere')
    outcomes += [found] * several
  return outcomes


def signals(count: int, seed: int, folder: pathlib.Path) -> list[Outcome]:
  """SIGTERM or SIGINT at random times, most in the first seconds, to all commands; the same command
  goes on afterwards.
  """
  rng, outcomes = np.random.default_rng((5, seed)), []
  seconds, expected = measured(folder / 'whole')
  asked: dict[str, Callable[[], tuple[str, ...]]] = {
    'train': lambda: training(folder / 'run'),
    'evaluate': lambda: ('--mode=evaluate', f'--workdir={folder / "whole"}'),
    'sample': lambda: sampling('lhcb_ecal', folder / 'a.h5', 20_000),
    'export': lambda: (
      '--mode=export',
      f'--workdir={folder / "whole"}',
      f'--output={folder / "m"}',
    ),
  }
  names = ['train', 'train', *asked]
  for number in range(count):
    name = names[number % len(names)]
    sent = (signal.SIGTERM, signal.SIGINT)[rng.integers(2)]
    process = command(*asked[name]())
    # The interpreter itself starts before any line of a program can listen.
    time.sleep(0.2)
    until(rng, seconds if number % 3 == 0 else 6.0)
    alive = process.poll() is None
    process.send_signal(sent)
    found = ended(process)
    words = f'{name} {sent.name}'
    if found and found.returncode == 75 and found.stderr.count('Traceback') == 0:
      outcomes.append(Outcome('refused', words))
    elif found and found.returncode == 0 and not alive:
      outcomes.append(Outcome('unchanged', f'{words}: it had ended'))
    elif found and found.returncode == 0:
      outcomes.append(Outcome('silent', f'{words}: swallowed'))
    else:
      outcomes.append(of_process(found, words, 'unchanged'))
  last = ended(command(*training(folder / 'run')))
  found = of_process(last, 'the training goes on', 'recovered')
  if found.word == 'recovered' and state(folder / 'run') != expected:
    found = Outcome('silent', 'the resumed training ends elsewhere')
  return [*outcomes, found]


def races(count: int, seed: int, folder: pathlib.Path) -> list[Outcome]:
  """Two trainings in one workdir: one is refused, the other ends as if alone."""
  outcomes = []
  _, expected = measured(folder / 'whole')
  for number in range(count):
    run = folder / f'run{number}'
    both = [command(*training(run)) for _ in range(2)]
    found = [ended(process) for process in both]
    codes = sorted(process.returncode if process else -1 for process in found)
    refused = [p.stderr for p in found if p and p.returncode == 2 and 'is at work in' in p.stderr]
    if codes == [0, 2] and len(refused) == 1 and state(run) == expected:
      outcomes.append(Outcome('refused'))
    else:
      said = [process and process.stderr[-200:] for process in found]
      outcomes.append(Outcome('silent', f'codes {codes}: {said}'))
  return outcomes


@contextlib.contextmanager
def small(folder: pathlib.Path, size: int) -> Iterator[int | None]:
  """The folder as a disk of so many bytes; where that takes rights that are not there, the longest
  file that a command may write.
  """
  folder.mkdir(exist_ok=True)
  mount = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', str(folder)]
  if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
    yield size
    return
  try:
    yield None
  finally:
    subprocess.run(['umount', str(folder)], check=True)


def disks(count: int, seed: int, folder: pathlib.Path) -> list[Outcome]:
  """Samplings and trainings on disks that fill up at random places: refused in one line, nothing
  half is left, and with more room the training goes on.
  """
  rng, outcomes = np.random.default_rng((6, seed)), []
  disk = folder / 'disk'
  for number in range(count):
    if number % 4 == 3:
      outcomes.append(full_training(disk, int(rng.integers(2**20, 12 * 2**20))))
    else:
      outcomes.append(full_sampling(disk, int(rng.integers(10_000, 2_000_000))))
  return outcomes


def full_sampling(disk: pathlib.Path, size: int) -> Outcome:
  """The outcome of a sampling into a disk of this size."""
  output, words = disk / 'a.h5', f'sampling into {size} bytes'
  with small(disk, size) as limit:
    process = ended(command(*sampling('lhcb_ecal', output, 3000), limit=limit))
    found = of_process(process, words, 'unchanged')
    if found.word == 'unchanged' and len(data.load(output).showers.energies) != 3000:
      return Outcome('silent', f'{words}: too few showers')
    if found.word == 'refused' and os.listdir(disk):
      return Outcome('silent', f'{words}: left {os.listdir(disk)}')
  return found


def full_training(disk: pathlib.Path, size: int) -> Outcome:
  """The outcome of a training on a disk of this size, which is then emptied of a stranger's file if
  it began.
  """
  words = f'training on {size} bytes'
  room = 64 * 2**20
  with small(disk, room) as limit:
    stranger = disk / 'stranger'
    if limit is None:
      stranger.write_bytes(bytes(room - size))
    first = of_process(
      ended(command(*training(disk / 'run'), limit=limit and size)), words, 'unchanged'
    )
    if first.word != 'refused':
      return first
    stranger.unlink(missing_ok=True)
    return of_process(ended(command(*training(disk / 'run'))), f'{words}, then more', 'recovered')
