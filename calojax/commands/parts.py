"""The parts in which showers are written."""

from __future__ import annotations


def part(text: str) -> tuple[int, int]:
  """Number and count of `K/N`.

  >>> part('3/8')
  (3, 8)

  Raises:
    ValueError: another text.
  """
  number, slash, count = text.partition('/')
  if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
    return int(number), int(count)
  raise ValueError(f'--part is {text!r}, expected K/N with K from 1 to N, as 3/8')


def rows(number: int, parts: int, count: int, batch: int) -> slice:
  """Which of `count` showers a part has: whole pieces of `batch`, so that the showers of all parts
  are those of one file bit for bit.

  >>> [rows(number, 2, 250, 100) for number in (1, 2)]
  [slice(0, 100, None), slice(100, 250, None)]

  Raises:
    ValueError: there are fewer pieces than parts.
  """
  pieces = -(-count // batch)
  if parts > pieces:
    raise ValueError(f'{parts} parts of {count} showers, expected at most {pieces}')
  start, stop = (pieces * n // parts * batch for n in (number - 1, number))
  return slice(start, min(stop, count))
