"""The figures of an evaluation as a LaTeX table; it needs the package booktabs and nothing else."""

from __future__ import annotations

import re
from typing import Any

from calojax.evaluation.report.pulls import (
  Statistic,
  aim,
  digits,
  sigmas,
  spoken,
  statistics,
  worst_first,
)
from calojax.evaluation.report.verdict import headlines

OTHERS = 10  # statistics below the headlines, the worst ones
ESCAPED = {'\\': r'\textbackslash{}', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}'} | {
  c: f'\\{c}' for c in '&%$#_{}'
}
UNKNOWN = '--'


def table(summary: dict[str, Any]) -> str:
  r"""A `table` environment of the headlines and of the statistics that are furthest off, to be
  `\input` into a paper.
  """
  found = {entry.key: entry for entry in statistics(summary)}
  first = [found[key] for key in headlines(summary) if key in found]
  rest = worst_first(entry for entry in found.values() if entry not in first)[:OTHERS]
  groups = [[_row(entry) for entry in group] for group in (first, rest) if group]
  body = '\n\\midrule\n'.join('\n'.join(group) for group in groups)
  return '\n'.join(
    [
      '% needs \\usepackage{booktabs}',
      '\\begin{table}',
      '\\centering\\small\\setlength{\\tabcolsep}{3pt}',
      f'\\caption{{{_caption(summary)}}}',
      '\\medskip',
      '\\begin{tabular}{@{}llllr@{}}',
      '\\toprule',
      'Statistic & Generated & \\multicolumn{2}{l}{Geant4} & Pull \\\\',
      '\\midrule',
      body,
      '\\bottomrule',
      '\\end{tabular}',
      '\\end{table}',
      '',
    ]
  )


def escape(text: str) -> str:
  """The text with LaTeX's special characters taken literally."""
  return re.sub('[' + re.escape(''.join(ESCAPED)) + ']', lambda match: ESCAPED[match[0]], text)


def number(value: float | None, error: float | None = None, bare: bool = False) -> str:
  """Value and error in mathematics, rounded as `pulls.rounded` does."""
  if value is None:
    return UNKNOWN
  mantissa, margin, exponent = digits(value, error)
  margin = '' if bare else margin
  mantissa = re.sub(r'e([+-]\d+)', lambda match: rf' \cdot 10^{{{int(match[1])}}}', mantissa)
  text = rf'{mantissa} \pm {margin}' if margin else mantissa
  if exponent:
    text = (f'({text})' if margin else text) + rf' \times 10^{{{exponent}}}'
  return f'${text}$'


def _row(entry: Statistic) -> str:
  sign = '-' if (entry.pull or 0) < 0 and sigmas(entry) != '0.0' else ''
  deviation = (
    UNKNOWN if entry.pull is None else f'${sign}{sigmas(entry)}$'.replace('\N{INFINITY}', r'\infty')
  )
  target = number(*aim(entry)) if entry.kind else UNKNOWN
  value = number(entry.value, entry.error)
  return f'{escape(spoken(entry.key))} & {value} & {target} & {entry.kind} & {deviation} \\\\'


def _caption(summary: dict[str, Any]) -> str:
  meta = summary.get('meta', {})
  sizes = (
    f' {meta["count"]} generated against {meta["count"]} Geant4 showers.' if 'count' in meta else ''
  )
  name = f' of {escape(str(meta["geometry"]))}' if 'geometry' in meta else ''
  return (
    f'Evaluation of generated showers{name}.{sizes} The ceiling or floor is the same statistic '
    'of independent Geant4 showers, the reference its value for Geant4; '
    'the pull is the difference over its error.'
  )
