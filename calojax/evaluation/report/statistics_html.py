"""The tables of the page of an evaluation: statistics with their pulls, in groups that open."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

from calojax.evaluation.report.pulls import (
  AGREES,
  FAR,
  Statistic,
  aim,
  in_words,
  level,
  rounded,
  sigmas,
  spoken,
  worst_first,
)

FAMILY = 4  # statistics that differ by a number only, from which on they make a group of their own
FULL_BAR = 20.0  # standard deviations
BY_CHANCE = 0.0455  # share of a normal law beyond `AGREES` = 2 standard deviations
MARKS = {
  'good': '\N{BLACK CIRCLE}',
  'off': '\N{BLACK UP-POINTING TRIANGLE}',
  'far': '\N{BLACK SQUARE}',
  'unknown': '\N{WHITE CIRCLE}',
}


def text(value: Any) -> str:
  """The value as text of a page."""
  return html.escape(str(value))


def words(entry: Statistic) -> str:
  """The figure in plain words, with the sign that physicists write."""
  return in_words(entry).replace('sigma', 'σ')


def tally(found: list[Statistic]) -> str:
  """How many are off, and how many chance alone would put there."""
  known = [entry for entry in found if entry.pull is not None]
  off, far = (sum(entry.badness > limit for entry in known) for limit in (AGREES, FAR))
  chance = BY_CHANCE * len(known)
  told = (
    f'Of {len(known)} statistics with an error, {off} are off by more than {AGREES:g} σ '
    f'(of a perfect generator: about {chance:.0f}) and {far} by more than {FAR:g} σ. '
    'The pull is the difference from the target over its error; the target is the value for Geant4 '
    '(reference) or the same statistic of independent Geant4 showers (ceiling, floor).'
  )
  return f'<p>{text(told)}</p>'


def rows(found: Iterable[Statistic]) -> str:
  """A table with one row a statistic."""
  body = '\n'.join(map(_row, found))
  names = ('name', 'number', 'number', 'kind', 'pull', 'bars', 'words')
  columns = ''.join(f'<col class="{name}">' for name in names)
  head = (
    '<tr><th>Statistic</th><th>Generated</th><th>Geant4</th><th>as</th><th>Pull</th>'
    '<th class="bars"></th><th>Verdict</th></tr>'
  )
  return (
    f'<table class="statistics"><colgroup>{columns}</colgroup><thead>{head}</thead>'
    f'<tbody>\n{body}\n</tbody></table>'
  )


def _row(entry: Statistic) -> str:
  kind = level(entry)
  width = 100 * min(max(entry.badness, 0) / FULL_BAR, 1)
  sign = '' if sigmas(entry) in ('', '0.0') else '+' if (entry.pull or 0) > 0 else '−'
  target = rounded(*aim(entry)) if entry.kind else '–'
  return (
    f'<tr title="{text(entry.key)}"><td>{text(spoken(entry.key))}</td>'
    f'<td class="n">{rounded(entry.value, entry.error)}</td>'
    f'<td class="n">{target}</td><td>{entry.kind}</td><td class="n">{sign}{sigmas(entry)}</td>'
    f'<td class="bars {kind}"><span class="bar" style="width:{width:.0f}%"></span></td>'
    f'<td class="{kind}">{MARKS[kind]} {text(words(entry))}</td></tr>'
  )


def groups(found: list[Statistic]) -> list[tuple[str, list[Statistic]]]:
  """Statistics by the first part of their keys, worst group first; those that differ by a number
  only, by themselves.
  """
  families: dict[str, list[Statistic]] = {}
  for entry in found:
    # A number at the end of a part counts layers or bins; that of `prd_f1_8` is its name.
    families.setdefault(re.sub(r'(?<!f1)_\d+(?=/|$)', '', entry.key), []).append(entry)
  groups: dict[str, list[Statistic]] = {}
  for name, members in families.items():
    groups.setdefault(name if len(members) >= FAMILY else name.split('/')[0], []).extend(members)
  ordered = [(name, worst_first(members)) for name, members in groups.items()]
  return sorted(ordered, key=lambda group: -group[1][0].badness)


def group(group: tuple[str, list[Statistic]]) -> str:
  """A group that opens on a click, with its worst pull in the title."""
  name, members = group
  far, off = (sum(limit < entry.badness for entry in members) for limit in (FAR, AGREES))
  worst = f'worst {sigmas(members[0])} σ, ' if members[0].pull is not None else ''
  about = (
    f'{len(members)} statistic{"s" * (len(members) > 1)}: {worst}{off} beyond {AGREES:g} σ, '
    f'{far} beyond {FAR:g} σ'
  )
  kind = level(members[0])
  title = f'<b>{text(spoken(name))}</b> <span class="{kind}">{MARKS[kind]}</span> {text(about)}'
  return f'<details><summary>{title}</summary>\n{rows(members)}\n</details>'
