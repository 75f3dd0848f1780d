"""Faults of the machine: signals, full disks, flipped bits, two processes in one folder."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import tiny
from calojax import data
from calojax.commands.outcome import LENGTH, line
from calojax.data import lhcb
from calojax.files import Lease, Steadfast, check_digests, check_room, damage, lease, write_digests
from calojax.files.digest import MANIFEST
from calojax.showers import take
from conftest import ROOT, save

# Signals.

SCRIPT = """
import sys, time
from calojax import interruption
interruption.listen()
interruption.ECHO = {echo}
if {begun}: interruption.begin({patience})
print('ready', flush=True)
{work}
interruption.leave(0)
"""
LOOKS = """
from calojax.commands.outcome import outcome
def work():
  while True:
    time.sleep(0.01)
    interruption.check()
interruption.leave(outcome(work))
"""
# A lock that another thread holds: the main thread runs no Python, as in a compiler.
STUCK = 'import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()'
SWALLOWS = """
try:
  while True: time.sleep(0.01)
except BaseException:
  pass
"""


def signalled(numbers, begun=True, patience=None, work=LOOKS, echo=60.0):
  """Exit code and standard error of a script that is sent these signals."""
  script = SCRIPT.format(begun=begun, patience=patience, work=work, echo=echo)
  process = subprocess.Popen(
    [sys.executable, '-c', script],
    cwd=ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert process.stdout is not None
  process.stdout.readline()
  process.send_signal(numbers[0])
  for number in numbers[1:]:
    time.sleep(0.5)  # two signals of one number at once are one
    process.send_signal(number)
  _, error = process.communicate(timeout=30)
  return process.returncode, error


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('begun, work', [(True, LOOKS), (False, STUCK), (False, SWALLOWS)])
def test_a_signal_ends_the_process_in_one_line(number, begun, work):
  code, error = signalled([number], begun, work=work)
  assert code == 75 and error.count('\n') == 1
  assert error.startswith(f'calojax: {number.name} received') and 'same command again' in error


@pytest.mark.parametrize('second, echo', [(signal.SIGINT, 60.0), (signal.SIGTERM, 0.0)])
def test_a_second_signal_ends_a_process_that_does_not_look(second, echo):
  code, error = signalled([signal.SIGTERM, second], work=STUCK, echo=echo)
  assert code == 128 + second and error.count('\n') == 1 and 'at once' in error


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_when_all_is_done_is_told(number):
  code, error = signalled([number], work='time.sleep(1)')
  assert code == 75 and error == (
    f'calojax: {number.name} received when all was done; run the same command again to see so\n'
  )


def test_patience_ends():
  code, error = signalled([signal.SIGTERM], patience=0.2, work=STUCK)
  assert code == 75 and error.count('\n') == 1


def test_the_two_signals_that_timeout_sends_are_one():
  code, error = signalled([signal.SIGTERM, signal.SIGTERM], work='time.sleep(1.5)' + LOOKS)
  assert code == 75 and error.count('\n') == 1


# Disks.


@pytest.fixture
def limit():
  """A function that lets this process write no file of more bytes, as if the disk were full."""
  resource = pytest.importorskip('resource')
  before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
  signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
  yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
  resource.setrlimit(resource.RLIMIT_FSIZE, before)
  signal.signal(signal.SIGXFSZ, handler)


def test_a_file_whose_disk_is_full_is_still_read_as_written_and_tells_it(tmp_path, limit):
  with Steadfast(tmp_path / 'a') as file:
    limit(100)
    file.write(bytes(range(90)))
    file.check()
    file.write(b'x' * 50)
    file.seek(80)
    file.write(b'y' * 20)
    file.seek(85)
    found = bytearray(80)
    assert file.readinto(found) == 55 and bytes(found[:55]) == b'y' * 15 + b'x' * 40
    with pytest.raises(OSError) as error:
      file.check()
  assert error.value.errno == errno.EFBIG and 'a' in error.value.filename
  assert (tmp_path / 'a').stat().st_size <= 100


def test_showers_on_a_full_disk_are_an_error_and_leave_nothing(tmp_path, embedded, limit):
  with pytest.raises(OSError), data.Writer(tmp_path / 'a.h5', embedded.geometry, {}) as writer:
    limit(50_000)
    for start in range(0, 5000, 500):
      writer.append(take(embedded.showers, slice(start, start + 500)))
  assert os.listdir(tmp_path) == []


def test_room_is_asked_for_before(tmp_path):
  check_room(tmp_path, 1, 'a byte')
  with pytest.raises(ValueError, match=r'are free on its disk, expected at least .* for two'):
    check_room(tmp_path, 2**60, 'two checkpoints')


# Digests.


@pytest.fixture
def folder(tmp_path):
  """A folder with digests."""
  (tmp_path / 'deep').mkdir()
  (tmp_path / 'a').write_bytes(b'one')
  (tmp_path / 'deep' / 'b').write_bytes(b'two')
  write_digests(tmp_path)
  return tmp_path


def test_any_flipped_bit_is_found(folder):
  assert damage(folder) is None
  for path in (folder / 'a', folder / 'deep' / 'b'):
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
      flipped = bytearray(whole)
      flipped[bit // 8] ^= 1 << bit % 8
      path.write_bytes(flipped)
      assert str(path) in (damage(folder) or '')
    path.write_bytes(whole)
  assert damage(folder) is None


def test_a_file_that_is_gone_and_damaged_digests_are_found(folder):
  (folder / 'a').unlink()
  assert damage(folder) == f'{folder / "a"} is missing'
  assert damage(folder, ['deep/b']) is None
  with pytest.raises(ValueError, match='if the change was meant, remove'):
    check_digests(folder, 'a')
  for text in ('', '[1]', 'null', '{"a": 1', '\xff'):
    (folder / MANIFEST).write_text(text, encoding='latin1')
    assert 'damaged' in (damage(folder) or '')
  (folder / MANIFEST).unlink()
  assert damage(folder) is None  # as what version 0.1.0 wrote


# Leases.


def test_a_folder_is_for_one_process_at_a_time(tmp_path):
  first = Lease(tmp_path)
  with pytest.raises(ValueError, match=rf'is at work in it, process {os.getpid()} on \S+: '):
    Lease(tmp_path)
  first.check()
  first.release()
  Lease(tmp_path).release()
  assert os.listdir(tmp_path) == []


def owned(folder, **changes):
  """A lease that another process left."""
  held = Lease(folder)
  owner = json.loads((folder / lease.FILE).read_text())
  held.release()
  (folder / lease.FILE).write_text(json.dumps(owner | {'token': 'other'} | changes))


def test_a_killed_process_does_not_block(tmp_path):
  command = [sys.executable, '-c', HOLD.format(machine=''), str(tmp_path)]
  with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(ValueError, match=f'process {process.pid} on'):
      Lease(tmp_path)
    process.kill()
    process.stdout.read()  # its end; nobody has waited for the process yet, which does not matter
    if os.path.isdir('/proc/self'):
      time.sleep(0.1)
    else:
      process.wait()
    Lease(tmp_path).release()


HOLD = """
import socket, sys, time
from calojax.files import Lease, lease
{machine}
Lease(sys.argv[1])
print('held', flush=True)
time.sleep(60)
"""


def test_another_process_of_the_same_number_does_not_block(tmp_path):
  owned(tmp_path, started='1')
  Lease(tmp_path).release()


def test_another_machine_is_believed_while_it_touches_the_lease(tmp_path, monkeypatch):
  monkeypatch.setattr(lease, 'BEAT', 0.05)
  monkeypatch.setattr(lease, 'SILENCE', 2.0)
  owned(tmp_path, host='elsewhere')
  path = tmp_path / lease.FILE
  process = subprocess.Popen(
    ['sh', '-c', f'for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; touch -d "2001-01-0$i" {path}; done']
  )
  with pytest.raises(ValueError, match='is at work in it, process .* on elsewhere'):
    Lease(tmp_path)
  process.wait()
  Lease(tmp_path).release()  # silent since


def test_a_process_of_another_machine_has_the_folder_until_it_dies(tmp_path, monkeypatch):
  """Two processes that share a file system and nothing else, as each takes the other's machine for
  another one: neither looks the other's number up.
  """
  monkeypatch.setattr(lease, 'BEAT', 0.1)
  monkeypatch.setattr(lease, 'SILENCE', 3.0)
  script = HOLD.format(machine="lease.BEAT = 0.1; socket.gethostname = lambda: 'elsewhere'")
  command = [sys.executable, '-c', script, str(tmp_path)]
  with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(ValueError, match=f'process {process.pid} on elsewhere: '):
      Lease(tmp_path)
    process.kill()
  begun = time.monotonic()
  held = Lease(tmp_path)
  assert time.monotonic() - begun > lease.SILENCE  # it waited, and then took the lease over
  held.check()
  held.release()


def test_a_folder_that_is_removed_or_taken_over_is_an_error(tmp_path):
  folder = tmp_path / 'run'
  folder.mkdir()
  held = Lease(folder)
  whole = (folder / lease.FILE).read_text()
  (folder / lease.FILE).write_text(json.dumps(json.loads(whole) | {'host': 'elsewhere'}))
  with pytest.raises(ValueError, match='on elsewhere has taken over'):
    held.check()
  (folder / lease.FILE).unlink()
  folder.rmdir()
  with pytest.raises(ValueError, match='was removed or moved'):
    held.check()
  held.release()


# What a user sees.


def test_a_key_that_the_config_lacks_is_told_in_words():
  assert line(KeyError("'rate'")) == "no key 'rate', expected one that the config has"
  assert line(KeyError('no metric, known: prd')) == 'no metric, known: prd'


def test_a_number_that_is_not_whole_is_told_in_words():
  words = "flag --count={}: invalid literal for int() with base 10: '{}'"
  for text, hint in (('1e6', ', as 1000000'), ('1.5', ''), ('many', '')):
    found = line(ValueError(words.format(text, text)))
    assert found == f'flag --count={text}: expected a whole number{hint}'


def test_a_message_is_one_line_of_bounded_length():
  assert line(ValueError('a\n  b')) == 'a b' and line(KeyError("no 'x'")) == "no 'x'"
  assert line(ValueError()) == 'ValueError' and len(line(ValueError('x' * 9999))) < LENGTH + 9


@pytest.mark.parametrize('byte', [0, 1])
def test_a_flipped_bit_in_a_file_of_showers_is_refused_or_changes_nothing(byte, tmp_path, embedded):
  path = tmp_path / 'a.h5'
  few = take(embedded.showers, slice(20))
  with data.Writer(path, embedded.geometry, {'a': 1}) as writer:
    writer.append(few)
  whole = path.read_bytes()
  places = np.random.default_rng(byte).integers(0, 8 * len(whole), 60)
  refused = 0
  for place in places:
    flipped = bytearray(whole)
    flipped[place // 8] ^= 1 << place % 8
    path.write_bytes(flipped)
    try:
      found = data.read(path)
    except ValueError as error:
      assert str(path) in str(error)
      refused += 1
    else:
      np.testing.assert_array_equal(found.showers.energies, few.energies)
      assert found.geometry == embedded.geometry and found.provenance == {'a': 1}
  assert refused > 20


def test_a_file_that_hdf5_would_read_for_ever_is_refused(tmp_path):
  path = tmp_path / 'a.h5'
  with h5py.File(path, 'w', libver='earliest') as file:
    file['energies'] = np.zeros((3, 900))
    file.attrs['geometry'] = 'x' * 100
  content = bytearray(path.read_bytes())
  size = content.index(b'GCOL') + 24  # of the first object of the heap that holds the text
  content[size : size + 8] = (2**64 - 16).to_bytes(8, 'little')  # the next lies before this one
  path.write_bytes(content)
  with pytest.raises(ValueError, match='reading it does not end'):
    data.read(path)


def refused(*arguments):
  """The one line of a command that is refused."""
  process = subprocess.run(
    [sys.executable, '-m', 'calojax.main', *arguments], cwd=ROOT, capture_output=True, text=True
  )
  assert process.returncode == 2 and process.stderr.count('\n') == 1, process.stderr
  return process.stderr


@pytest.mark.parametrize(
  'arguments, message',
  [
    (
      ('--config=published/cnn', '--count=3'),
      '--count=3 with --mode=train, expected --mode=sample',
    ),
    (
      ('--mode=evaluate', '--workdir=x', '--training=t.h5'),
      '--training=t.h5 with --mode=evaluate, expected --mode=evaluate of files',
    ),
    (('--mode=export', '--workdir=x', '--layout=lhcb'), 'expected --mode=sample'),
  ],
)
def test_a_flag_that_the_mode_does_not_look_at_is_refused(arguments, message):
  assert message in refused(*arguments)


def test_files_that_are_compared_are_told_their_units_by_flags(tmp_path, embedded):
  few = lhcb.encode(take(embedded.showers, slice(100)), embedded.geometry)
  few['ParticleMomentum'] *= 1000
  path = save(tmp_path / 'a.npz', few)
  files = ('--mode=evaluate', f'--reference={path}', f'--generated={path}', '--output=nowhere')
  assert '--units=ParticleMomentum:MeV' in refused(*files)
  line = refused(*files, '--units=ParticleMomentum:MeV', '--generated_axes=zx')
  assert "no order of the axes, --generated_axes, 'zx'" in line
  line = refused(
    '--mode=sample', '--model=lhcb_ecal', f'--conditions={path}', '--output=nowhere.h5'
  )
  assert '--units=ParticleMomentum:MeV' in line


def test_jax_without_the_device_that_is_asked_for_is_one_line(monkeypatch):
  monkeypatch.setenv('JAX_PLATFORMS', 'cuda')
  line = refused('--config=published/cnn', '--workdir=nowhere')
  assert "JAX_PLATFORMS is 'cuda', expected devices that this machine has" in line


def test_a_training_and_its_workdir(tmp_path):
  """A second process is refused, a signal saves, a workdir that goes is an error."""
  folder = tmp_path / 'run'
  command = [
    *(sys.executable, '-m', 'calojax.main', '--config=published/cnn', f'--workdir={folder}'),
    *tiny.flags(train__steps=100_000, train__monitor_every=100_000),
  ]

  def start():
    """The command, when it has saved something."""
    process = subprocess.Popen(
      command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    stack.callback(process.kill)
    before, end = time.time_ns(), time.monotonic() + 240
    saved = lambda path: path.name.isdigit() and path.stat().st_mtime_ns > before
    while process.poll() is None and time.monotonic() < end:
      with contextlib.suppress(OSError):  # an old one goes while it is looked at
        if any(map(saved, (folder / 'checkpoints').glob('*'))):
          break
      time.sleep(0.05)
    return process

  with contextlib.ExitStack() as stack:
    first = start()
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert second.returncode == 2 and second.stderr.count('\n') == 1, second.stderr
    assert f'another training is at work in it, process {first.pid} on' in second.stderr
    first.send_signal(signal.SIGINT)
    _, error = first.communicate(timeout=240)
    assert first.returncode == 75 and 'SIGINT received, saved at step' in error, error
    assert not (folder / lease.FILE).exists()
    third = start()
    folder.rename(tmp_path / 'moved')  # at once; a removal meets what is written meanwhile
    _, error = third.communicate(timeout=240)
    assert third.returncode == 2 and 'Traceback' not in error, error
