"""What is said over a connection between two processes: a line of JSON first, then bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import Any

HERE = '127.0.0.1'
# A machine without power closes no connection: seconds of silence before it is asked, between two
# questions, and how many stay without answer.
_ALIVE = {'TCP_KEEPIDLE': 10, 'TCP_KEEPINTVL': 5, 'TCP_KEEPCNT': 4, 'TCP_USER_TIMEOUT': 30_000}

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(host: str, port: int) -> Ends:
  """A connection, as soon as somebody listens there."""
  while True:
    try:
      return await asyncio.open_connection(host, port)
    except OSError:  # not there yet, or a name that is not known yet
      await asyncio.sleep(0.2)


async def pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
  """Hands on what comes, to the end of one of the two."""
  with contextlib.suppress(OSError):
    while data := await source.read(2**16):
      target.write(data)
      await target.drain()


def tell(writer: asyncio.StreamWriter, **words: Any) -> None:
  """Says some values by name."""
  writer.write(json.dumps(words).encode() + b'\n')


async def said(reader: asyncio.StreamReader, seconds: float) -> dict[str, Any]:
  """What the other says first; nothing if it is not of calojax; `gone` if it has."""
  with contextlib.suppress(TimeoutError, ValueError, RecursionError):
    try:
      line = await asyncio.wait_for(reader.readline(), seconds)
    except ConnectionError:
      line = b''
    words = json.loads(line) if line else {'gone': True}
    return words if isinstance(words, dict) else {}
  return {}


def keep_alive(writer: asyncio.StreamWriter) -> None:
  """Makes the system notice when the other machine is no longer there."""
  connection = writer.get_extra_info('socket')
  connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
  for name, value in _ALIVE.items():
    if number := getattr(socket, name, None):  # each system has its own of them
      connection.setsockopt(socket.IPPROTO_TCP, number, value)


def free_port() -> int:
  """A port that nobody listens at now."""
  with socket.socket() as probe:
    probe.bind((HERE, 0))
    return probe.getsockname()[1]
