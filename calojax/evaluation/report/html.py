"""The page of an evaluation: verdict, all statistics worst first, plots, provenance; one HTML text,
no script, no network.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from calojax.evaluation.report.pulls import (
  Statistic,
  aim,
  level,
  rounded,
  spoken,
  statistics,
  worst_first,
)
from calojax.evaluation.report.statistics_html import group, groups, rows, tally, text, words
from calojax.evaluation.report.style import STYLE
from calojax.evaluation.report.verdict import headlines

WORST = 15  # statistics shown openly
LATER = (
  'reference_file',
  'generated_file',
  'versions',
  'config',
)  # of the provenance: in sections of their own
LEADS = {  # figures of the first sentences -> what they are, and the kind of their target
  'classifier/worst': ('Strongest of all judges, area under the ROC curve', 'floor'),
  'classifier/worst_trees': ('Strongest of the trees, area under the ROC curve', 'floor'),
  'prd_auc/min': ('PRD-AUC, the smaller of raw and physics', 'ceiling'),
}


def page(summary: dict[str, Any], figures: dict[str, bytes]) -> str:
  """The whole page.

  Args:
    summary: of `study.evaluate`; a figure may lack its error or its target, and `meta` any of its
      entries; `words` of `words.sentences` may be there.
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
    f'<h1>{text(title)}</h1>',
    f'<p class="quiet">{text(_subtitle(meta))}</p>',
    _lead(first),
    _told(summary.get('words', [])),
    '<h2>Verdict</h2>',
    rows(first),
    '<h2>All other statistics, worst first</h2>',
    tally(rest),
    rows(rest[:WORST]),
    *map(group, groups(rest)),
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
      f'<title>{text(title)}</title>',
      f'<style>{STYLE}</style>',
      '</head>',
      '<body>',
      *sections,
      '</body>',
      '</html>',
      '',
    ]
  )


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
  """The scores to quote, one sentence each."""
  found = {entry.key: entry for entry in first}
  told = [_sentence(found[key], *what) for key, what in LEADS.items() if key in found]
  return '\n'.join(told)


def _told(sentences: list[str]) -> str:
  """What is wrong, in words."""
  items = ''.join(f'<li>{text(sentence)}</li>' for sentence in sentences)
  return f'<ul>{items}</ul>' if items else ''


def _sentence(score: Statistic, name: str, reached: str) -> str:
  """A score beside what Geant4 reaches against itself."""
  beside = (
    f' where Geant4 against Geant4 reaches {rounded(*aim(score))}' if score.kind == reached else ''
  )
  told = f'{name}: {rounded(score.value, score.error)}{beside}: {words(score)}.'
  return f'<p class="lead {level(score)}">{text(told)}</p>'


def _figure(name: str, png: bytes) -> str:
  """A picture inside the page."""
  image, title = base64.b64encode(png).decode(), spoken(name)
  caption = f'<figcaption>{text(title[:1].upper() + title[1:])}</figcaption>'
  return f'<figure>{caption}<img alt="{text(title)}" src="data:image/png;base64,{image}"></figure>'


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
  found = list(_flat(values))
  if not found:
    return '<p class="quiet">not recorded</p>'
  return (
    '<dl>'
    + ''.join(
      f'<dt>{text(name.replace("_", " "))}</dt><dd>{text(value)}</dd>' for name, value in found
    )
    + '</dl>'
  )


def _flat(values: Any, prefix: str = '') -> Iterable[tuple[str, Any]]:
  if not isinstance(values, dict):
    yield prefix, '–' if values is None else values
    return
  for key, value in values.items():
    yield from _flat(value, f'{prefix}.{key}' if prefix else str(key))
