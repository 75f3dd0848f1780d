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
from collections.abc import Iterator

import numpy as np
from outcomes import Outcome, Seed, of_process

import tiny
from calojax import data
from calojax.showers import take

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 1800.0  # seconds a command may take; on a machine of its own it takes 20
PF_EXITING = 0x4  # of the kernel's flags of a process
SOONER = 0.85  # by which the random times shrink when a command ended before its fault
# As the tests compile: the code under attack is that around the programs of XLA.
QUICK = {
  'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
  'XLA_FLAGS': '--xla_cpu_use_fusion_emitters=false',
  'OMP_NUM_THREADS': '1',
}


def command(*arguments: str, module: str = 'calojax.main', limit: int | None = None):
  """A running command; with `limit` it can write no longer file."""

  def confine() -> None:
    assert limit is not None
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

  return subprocess.Popen(
    [sys.executable, '-m', module, *arguments],
    cwd=ROOT,
    env={**os.environ, **QUICK, 'PYTHONPATH': str(ROOT)},
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


def training(folder: pathlib.Path, name: str) -> tuple[str, ...]:
  """A small training in the workdir `name` of a folder, on showers that are written there once."""
  showers = folder / 'showers.h5'
  if not showers.exists():
    few = data.load('lhcb_ecal')
    with data.Writer(showers, few.geometry, {'origin': 'campaign'}) as writer:
      writer.append(take(few.showers, slice(600)))
  small = tiny.flags(
    'published/cnn',
    data__source=str(showers),
    train__steps=24,
    train__checkpoint_every=4,
    train__monitor_every=24,
    evaluation__metrics=('prd',),
  )
  return ('--config=configs/published/cnn.py', *small, f'--workdir={folder / name}')


def sampling(model: str, output: pathlib.Path, count: int) -> tuple[str, ...]:
  """Showers of a model of the package; the same command again makes the same file again."""
  files = (f'--output={output}', '--overwrite')
  return ('--mode=sample', f'--model={model}', f'--count={count}', *files)


def state(workdir: pathlib.Path) -> str:
  """A digest of the last state's arrays: the bytes on disk of the same numbers differ."""
  import jax

  from calojax.training.trained import trained

  variables = trained(str(workdir)).variables
  digest = hashlib.sha256()
  for leaf in jax.tree.leaves(variables):
    digest.update(np.asarray(leaf).tobytes())
  return digest.hexdigest()


def alive(process: subprocess.Popen) -> bool:
  """Whether a command has not ended; a process that the kernel is clearing away has, though nobody
  can wait for it yet.
  """
  if process.poll() is not None:
    return False
  try:
    stat = pathlib.Path(f'/proc/{process.pid}/stat').read_text()
  except OSError:
    return True  # a system without /proc
  return not int(stat.rpartition(')')[2].split()[6]) & PF_EXITING


def worked(process: subprocess.Popen) -> float | None:
  """Seconds of a processor that a command has had; None where the system does not tell."""
  try:
    fields = pathlib.Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
  except OSError:
    return None
  return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def until(rng: np.random.Generator, seconds: float, process: subprocess.Popen) -> None:
  """Waits until a command has worked for a random time, whatever else the machine does."""
  end, start = float(rng.uniform(0, seconds)), time.monotonic()
  while alive(process):
    had = worked(process)
    if (time.monotonic() - start if had is None else had) >= end:
      return
    time.sleep(0.01)


def measured(folder: pathlib.Path) -> tuple[float, str]:
  """Seconds of a processor that the training takes, here in the workdir `whole`, the second time,
  when its programs are compiled; and the digest of its last state.
  """
  for name in ('compiled', 'whole'):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = ended(command(*training(folder, name)))
    if process is None or process.returncode:
      raise RuntimeError(f'the training fails without a fault: {process and process.stderr}')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
  seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
  return seconds, state(folder / 'whole')


def resumed(folder: pathlib.Path, name: str, expected: str, words: str) -> Outcome:
  """The outcome of the same command after faults: 'recovered' where it ends bitwise the same."""
  found = of_process(ended(command(*training(folder, name))), words, 'recovered')
  if found.word == 'recovered' and state(folder / name) != expected:
    return Outcome('silent', f'{words}: the resumed training ends elsewhere')
  return found


def kills(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """SIGKILL at random times of the work, ten in a training; then it ends bitwise the same."""
  rng, tried = np.random.default_rng((4, *seed)), 0
  seconds, expected = measured(folder)
  while tried < count:
    run, several = f'run{tried}-{seconds:.1f}', 0
    while several < min(10, count - tried):
      process = command(*training(folder, run))
      until(rng, seconds, process)
      hit = alive(process)
      process.kill()
      process.communicate()
      if not hit:  # no fault was made: it had little left to do, or takes less than was measured
        seconds *= 1 if several else SOONER
        break
      several += 1
    yield from [resumed(folder, run, expected, f'{several} kills')] * several
    tried += several


def signals(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """SIGTERM or SIGINT at random times, most in the first seconds, to all commands.

  A training goes on with the next signal, until it comes to its end: then its state is compared.
  """
  rng, tried, number, of_run = np.random.default_rng((5, *seed)), 0, 0, 0
  seconds, expected = measured(folder)
  whole = f'--workdir={folder / "whole"}'
  others = {
    'evaluate': ('--mode=evaluate', whole),
    'sample': sampling('lhcb_ecal', folder / 'a.h5', 20_000),
    'export': ('--mode=export', whole, f'--output={folder / "m"}'),
  }
  names = ('train', 'train', 'evaluate', 'train', 'sample', 'train', 'export')
  durations = dict.fromkeys(names, seconds)
  while tried < count:
    name, run = names[number % len(names)], f'run{of_run}'
    sent = (signal.SIGTERM, signal.SIGINT)[rng.integers(2)]
    begun = name == 'train' and (folder / run).exists()
    process = command(*others.get(name, training(folder, run)))
    # The interpreter itself starts before any line of a program can listen.
    time.sleep(0.2)
    until(rng, durations[name] / (1, 2, 6)[number % 3], process)
    before = alive(process)
    process.send_signal(sent)
    after = alive(process)
    found = of_signal(ended(process), f'{name} {sent.name}')
    # It may end by the signal before one looks; with code 0 it had ended by itself.
    hit = before and (after or process.returncode != 0)
    number += 1
    if not hit:  # no fault was made
      durations[name] *= 1 if begun else SOONER
    else:
      yield found
      tried += 1
    if name == 'train' and (process.returncode == 0 or tried > count - len(names)):
      of_run += 1
      found = resumed(folder, run, expected, 'the training goes on after signals')
      if found.word != 'recovered':
        yield found


def of_signal(process: subprocess.CompletedProcess | None, words: str) -> Outcome:
  """The outcome of a command that was sent a signal while it was alive."""
  if process and process.returncode == 75 and 'Traceback' not in process.stderr:
    return Outcome('refused', words)
  if process and process.returncode == 0:
    return Outcome('silent', f'{words}: swallowed')
  return of_process(process, words, 'unchanged')


def races(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Two trainings in one workdir: one is refused, the other ends as if alone."""
  rng = np.random.default_rng((7, *seed))
  seconds, expected = measured(folder)
  for number in range(count):
    run = f'run{number}'
    first = command(*training(folder, run))
    if number % 2:  # the one is at work for a while; else both begin at once
      until(rng, seconds / 2, first)
    found = [ended(process) for process in (command(*training(folder, run)), first)]
    codes = sorted(process.returncode if process else -1 for process in found)
    refused = [p.stderr for p in found if p and p.returncode == 2 and 'is at work in' in p.stderr]
    if codes == [0, 2] and len(refused) == 1 and state(folder / run) == expected:
      yield Outcome('refused')
    else:
      said = [process and process.stderr[-200:] for process in found]
      yield Outcome('silent', f'codes {codes}: {said}')


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


def disks(count: int, seed: Seed, folder: pathlib.Path) -> Iterator[Outcome]:
  """Samplings and trainings on disks that fill up at random places: refused in one line, nothing
  half is left, and with more room the training goes on.
  """
  rng = np.random.default_rng((6, *seed))
  for number in range(count):
    if number % 4 == 3:
      yield full_training(folder, int(rng.integers(2**20, 12 * 2**20)))
    else:
      yield full_sampling(folder / 'disk', int(rng.integers(10_000, 2_000_000)))


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


def full_training(folder: pathlib.Path, size: int) -> Outcome:
  """The outcome of a training on a disk of this size, which is then emptied of a stranger's file if
  it began.
  """
  words, disk, room = f'training on {size} bytes', folder / 'disk', 64 * 2**20
  asked = training(folder, 'disk/run')
  with small(disk, room) as limit:
    stranger = disk / 'stranger'
    if limit is None:
      stranger.write_bytes(bytes(room - size))
    first = of_process(ended(command(*asked, limit=limit and size)), words, 'unchanged')
    if first.word != 'refused':
      return first
    stranger.unlink(missing_ok=True)
    return of_process(ended(command(*asked)), f'{words}, then more', 'recovered')
