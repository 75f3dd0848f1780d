"""The page of an evaluation: verdict, all statistics worst first, plots, provenance; one HTML text,
no script, no network.
"""

from __future__ import annotations

import base64
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
  statistics,
  worst_first,
)
from calojax.evaluation.report.style import STYLE
from calojax.evaluation.report.verdict import headlines

FAMILY = 4  # statistics that differ by a number only, from which on they make a group of their own
WORST = 15  # statistics shown openly
FULL_BAR = 20.0  # standard deviations
BY_CHANCE = 0.0455  # share of a normal law beyond `AGREES` = 2 standard deviations
LATER = (
  'reference_file',
  'generated_file',
  'versions',
  'config',
)  # of the provenance: in sections of their own
MARKS = {
  'good': '\N{BLACK CIRCLE}',
  'off': '\N{BLACK UP-POINTING TRIANGLE}',
  'far': '\N{BLACK SQUARE}',
  'unknown': '\N{WHITE CIRCLE}',
}


def page(summary: dict[str, Any], figures: dict[str, bytes]) -> str:
  """The whole page.

  Args:
    summary: of `study.evaluate`; a figure may lack its error or its target, and `meta` any of its
      entries.
    figures: title -> figure, put into the page as PNG.
  """
  found = {entry.key: entry for entry in statistics(summary)}
  first = [found[key] for key in headlines(summary) if key in found]
  rest = worst_first(entry for entry in found.values() if entry not in first)
  meta = summary.get('meta', {})
  title = 'Evaluation of generated showers' + (
    f': {meta["geometry"]}' if 'geometry' in meta else ''
  )
  sections = [
    f'<h1>{_text(title)}</h1>',
    f'<p class="quiet">{_text(_subtitle(meta))}</p>',
    _lead(first),
    '<h2>Verdict</h2>',
    _statistics(first),
    '<h2>All other statistics, worst first</h2>',
    _tally(rest),
    _statistics(rest[:WORST]),
    *map(_group, _groups(rest)),
    '<h2>Plots</h2>',
    *(_figure(name, figure) for name, figure in figures.items()),
    '<h2>Provenance</h2>',
    _provenance(meta),
  ]
  # The browser itself refuses what the page should not do: load anything or run a script.
  policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
  return '\n'.join(
    [
      '<!DOCTYPE html>',
      '<html lang="en">',
      '<head>',
      '<meta charset="utf-8">',
      f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      f'<title>{_text(title)}</title>',
      f'<style>{STYLE}</style>',
      '</head>',
      '<body>',
      *sections,
      '</body>',
      '</html>',
      '',
    ]
  )


def _text(value: Any) -> str:
  return html.escape(str(value))


def _subtitle(meta: dict[str, Any]) -> str:
  """What was compared with what."""
  parts = []
  if 'count' in meta:
    parts.append(f'{meta["count"]:,} generated against {meta["count"]:,} Geant4 showers')
  if 'ceiling' in meta:
    each = meta.get('ceiling_count', meta.get('count', '?'))
    parts.append(f'ceilings and floors, Geant4 against Geant4: {meta["ceiling"]}, {each} each')
  return '; '.join(parts) + '.' * bool(parts)


def _lead(first: list[Statistic]) -> str:
  """The score in one sentence."""
  score = next((entry for entry in first if entry.key == 'prd_auc/min'), None)
  if score is None:
    return ''
  ceiling = (
    f' where Geant4 against Geant4 reaches {rounded(*aim(score))}'
    if score.kind == 'ceiling'
    else ''
  )
  value = rounded(score.value, score.error)
  text = f'PRD-AUC, the smaller of raw and physics: {value}{ceiling}: {_words(score)}.'
  return f'<p class="lead {level(score)}">{_text(text)}</p>'


def _words(entry: Statistic) -> str:
  return in_words(entry).replace('sigma', 'σ')


def _tally(found: list[Statistic]) -> str:
  """How many are off, and how many chance alone would put there."""
  known = [entry for entry in found if entry.pull is not None]
  off, far = (sum(entry.badness > limit for entry in known) for limit in (AGREES, FAR))
  chance = BY_CHANCE * len(known)
  text = (
    f'Of {len(known)} statistics with an error, {off} are off by more than {AGREES:g} σ '
    f'(of a perfect generator: about {chance:.0f}) and {far} by more than {FAR:g} σ. '
    'The pull is the difference from the target over its error; the target is the value for Geant4 '
    '(reference) or the same statistic of independent Geant4 showers (ceiling, floor).'
  )
  return f'<p>{_text(text)}</p>'


def _statistics(found: Iterable[Statistic]) -> str:
  """A table with one row a statistic."""
  rows = '\n'.join(map(_row, found))
  names = ('name', 'number', 'number', 'kind', 'pull', 'bars', 'words')
  columns = ''.join(f'<col class="{name}">' for name in names)
  head = (
    '<tr><th>Statistic</th><th>Generated</th><th>Geant4</th><th>as</th><th>Pull</th>'
    '<th class="bars"></th><th>Verdict</th></tr>'
  )
  return (
    f'<table class="statistics"><colgroup>{columns}</colgroup><thead>{head}</thead>'
    f'<tbody>\n{rows}\n</tbody></table>'
  )


def _row(entry: Statistic) -> str:
  kind = level(entry)
  width = 100 * min(max(entry.badness, 0) / FULL_BAR, 1)
  sign = '' if sigmas(entry) in ('', '0.0') else '+' if (entry.pull or 0) > 0 else '−'
  target = rounded(*aim(entry)) if entry.kind else '–'
  return (
    f'<tr title="{_text(entry.key)}"><td>{_text(spoken(entry.key))}</td>'
    f'<td class="n">{rounded(entry.value, entry.error)}</td>'
    f'<td class="n">{target}</td><td>{entry.kind}</td><td class="n">{sign}{sigmas(entry)}</td>'
    f'<td class="bars {kind}"><span class="bar" style="width:{width:.0f}%"></span></td>'
    f'<td class="{kind}">{MARKS[kind]} {_text(_words(entry))}</td></tr>'
  )


def _groups(found: list[Statistic]) -> list[tuple[str, list[Statistic]]]:
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


def _group(group: tuple[str, list[Statistic]]) -> str:
  """A group that opens on a click, with its worst pull in the title."""
  name, members = group
  far, off = (sum(limit < entry.badness for entry in members) for limit in (FAR, AGREES))
  worst = f'worst {sigmas(members[0])} σ, ' if members[0].pull is not None else ''
  about = (
    f'{len(members)} statistic{"s" * (len(members) > 1)}: {worst}{off} beyond {AGREES:g} σ, '
    f'{far} beyond {FAR:g} σ'
  )
  kind = level(members[0])
  title = f'<b>{_text(spoken(name))}</b> <span class="{kind}">{MARKS[kind]}</span> {_text(about)}'
  return f'<details><summary>{title}</summary>\n{_statistics(members)}\n</details>'


def _figure(name: str, png: bytes) -> str:
  """A picture inside the page."""
  image, title = base64.b64encode(png).decode(), spoken(name)
  caption = f'<figcaption>{_text(title[:1].upper() + title[1:])}</figcaption>'
  return f'<figure>{caption}<img alt="{_text(title)}" src="data:image/png;base64,{image}"></figure>'


def _provenance(meta: dict[str, Any]) -> str:
  """Both files side by side, then the settings, the config and the versions."""
  files = ''.join(
    f'<div><h3>{title}</h3>{_entries(meta.get(key) or {})}</div>'
    for key, title in (('reference_file', 'Reference'), ('generated_file', 'Generated'))
  )
  parts = [f'<div class="files">{files}</div>', '<h3>Settings</h3>']
  parts.append(_entries({key: value for key, value in meta.items() if key not in LATER}))
  for key, title in (('config', 'Config'), ('versions', 'Versions')):
    if meta.get(key):
      parts.append(f'<h3>{title}</h3>{_entries(meta[key])}')
  return '\n'.join(parts)


def _entries(values: Any) -> str:
  """Names and values, those of nested dicts with a dot."""
  rows = list(_flat(values))
  if not rows:
    return '<p class="quiet">not recorded</p>'
  return (
    '<dl>'
    + ''.join(
      f'<dt>{_text(name.replace("_", " "))}</dt><dd>{_text(value)}</dd>' for name, value in rows
    )
    + '</dl>'
  )


def _flat(values: Any, prefix: str = '') -> Iterable[tuple[str, Any]]:
  if not isinstance(values, dict):
    yield prefix, '–' if values is None else values
    return
  for key, value in values.items():
    yield from _flat(value, f'{prefix}.{key}' if prefix else str(key))
