"""One process at a time in a folder, on one machine or on many that share a file system.

A lease is a small file that says which process works in the folder; the process touches it while it
lives. File locks are not enough: on file systems of networks they are often not kept, or kept for
ever.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

FILE = 'running.json'
BEAT = 5.0  # seconds between two touches
SILENCE = 30.0  # seconds without a touch after which a process of another machine counts as dead


class Lease:
  """The right to work in a folder, from now to `release` or to the end of the process, however it
  ends.

  Args:
    folder: which is there.
    work: what is done in it, in a word.

  Raises:
    ValueError: another process has it; its host and number are named.
  """

  def __init__(self, folder: str | os.PathLike, work: str = 'process'):
    self._folder = os.fspath(folder)
    self._path = os.path.join(self._folder, FILE)
    self._owner = {**_machine(), 'started': _started(os.getpid()), 'token': uuid.uuid4().hex}
    with _alone(self._folder):
      if other := self._other():
        raise ValueError(
          f'another {work} is at work in it, process {other["pid"]} on {other["host"]}: '
          'wait for it, or choose another folder'
        )
      part = f'{self._path}.{self._owner["token"]}'
      with open(part, 'w', encoding='utf-8') as file:
        json.dump(self._owner, file)
      os.replace(part, self._path)
    self._ended = threading.Event()
    threading.Thread(target=self._beat, name='lease', daemon=True).start()

  def _other(self) -> dict[str, Any] | None:
    """The living process that has the lease, if there is one."""
    owner = _read(self._path)
    return owner if owner and _lives(owner, self._path) else None

  def _beat(self) -> None:
    """Touches the file now and then, for other machines to see."""
    while not self._ended.wait(BEAT):
      with contextlib.suppress(OSError):
        if _read(self._path) == self._owner:
          os.utime(self._path)

  def check(self) -> None:
    """Raises ValueError if the folder was removed, or another process took it over, which can be
    where this one's machine slept.
    """
    if not os.path.exists(self._path):
      raise ValueError(
        f'{self._folder} was removed or moved while a process worked in it, expected it to stay'
      )
    owner = _read(self._path)  # None where a network stumbles: the next look tells
    if owner and owner != self._owner:
      raise ValueError(f'process {owner["pid"]} on {owner["host"]} has taken over {self._folder}')

  def release(self) -> None:
    """Lets other processes in."""
    self._ended.set()
    with contextlib.suppress(OSError):
      if _read(self._path) == self._owner:
        os.remove(self._path)


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[None]:
  """Keeps two processes of one machine from finding the same lease free. Between machines nothing
  can be relied on but the short time that it takes.
  """
  number = os.open(folder, os.O_RDONLY)
  try:
    with contextlib.suppress(OSError):  # not every file system locks folders
      fcntl.flock(number, fcntl.LOCK_EX)
    yield
  finally:
    os.close(number)


def _read(path: str) -> dict[str, Any] | None:
  """The owner that a lease names, None if there is no lease or it names none."""
  try:
    with open(path, encoding='utf-8') as file:
      owner = json.load(file)
    return owner if {'host', 'boot', 'pid', 'started', 'token'} <= set(owner) else None
  except (OSError, ValueError, TypeError, RecursionError):
    return None


def _machine() -> dict[str, Any]:
  """Host, boot and name space of process numbers: where they are the same, a number means the same
  process.
  """
  boot = namespace = ''
  with contextlib.suppress(OSError):
    with open('/proc/sys/kernel/random/boot_id') as file:
      boot = file.read().strip()
    namespace = os.readlink('/proc/self/ns/pid')  # containers of one machine have their own
  return {
    'host': socket.gethostname(),
    'boot': boot,
    'namespace': namespace,
    'pid': os.getpid(),
  }


def _started(pid: int) -> str | None:
  """When a living process was started, in the kernel's units; '' where the system does not tell,
  None if there is no such process.
  """
  try:
    with open(f'/proc/{pid}/stat') as file:
      fields = file.read().rpartition(')')[2].split()
    return None if fields[0] in 'ZX' else fields[19]  # a zombie works no more
  except OSError:
    pass
  try:
    os.kill(pid, 0)  # asks only
  except ProcessLookupError:
    return None
  except OSError:
    return ''
  return ''


def _lives(owner: dict[str, Any], path: str) -> bool:
  """Whether the process that a lease names is still there: by its number and start on this machine,
  by the touches of its file on another, whose clock does not matter.
  """
  here = _machine()
  if all(owner.get(key) == here[key] for key in ('host', 'boot', 'namespace')):
    started = _started(owner['pid'])
    return started is not None and started == owner['started']
  before, end = _touched(path), time.monotonic() + SILENCE
  while time.monotonic() < end:
    time.sleep(BEAT / 10)
    if _touched(path) != before:
      return _touched(path) is not None
  return False


def _touched(path: str) -> int | None:
  """When a file was last touched, its opening makes file systems of networks ask their server."""
  try:
    with open(path) as file:
      return os.fstat(file.fileno()).st_mtime_ns
  except OSError:
    return None
