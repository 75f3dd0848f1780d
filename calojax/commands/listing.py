"""`calojax list`: what comes with the package, a line each."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable

from calojax.commands import words
from calojax.exit_codes import DONE
from calojax.registry import find, plugins
from calojax.units import GEV

Rows = list[tuple[str, str]]
WIDTH = 100  # characters of a text


def listing(kind: str | None) -> Callable[[], int]:
  """Prints what there is of a kind, or all: a function that does it and returns the exit code.

  Raises:
    ValueError: no such kind.
  """
  wanted = {kind: find(KINDS, kind, 'kind')} if kind else KINDS

  def work() -> int:
    for name, (use, rows) in wanted.items():
      print(f'{name} ({use})\n{textwrap.indent(words.table(rows()), "  ")}\n')
    return DONE

  return work


def systems() -> Rows:
  """The configs, by the first sentence of what they say of themselves."""
  from calojax.config import shipped

  files = shipped.files().items()
  texts = {name: ast.get_docstring(ast.parse(file.read_text('utf-8'))) for name, file in files}
  return [(name, first_sentence(text or '')) for name, text in texts.items() if text]


def detectors() -> Rows:
  """The calorimeters known by name."""
  from calojax.detectors import DETECTORS

  return [(name, words.geometry(found)) for name, found in DETECTORS.usable().items()]


def models() -> Rows:
  """The trained generators of the package."""
  from calojax import zoo
  from calojax.inference import sidecar

  rows = []
  for name in zoo.names():
    card = sidecar.read(str(zoo.ROOT / name))
    low, high = (edge / GEV for edge in card['conditions']['ranges']['energy'])
    rows.append(
      (name, f'{card["config"]["method"]} of {card["step"]:,} steps, {low:.3g} to {high:.3g} GeV')
    )
  return rows


def embedded() -> Rows:
  """The Geant4 showers of the package."""
  from calojax.data import DATASETS

  return [(name, first_sentence(read.__doc__ or '')) for name, read in DATASETS.items()]


def plugged() -> Rows:
  """What installed packages bring."""
  rows = [(part.name, f'{part.kind} of {part.package}') for part in plugins()]
  return rows or [('none', 'docs/pages/extend.md tells how a package brings some')]


def first_sentence(text: str) -> str:
  """The first sentence of a docstring, on one line."""
  line = ' '.join(text.split('\n\n')[0].split())
  sentence = re.split(r'(?<!et al)[.:](?: |$)', line)[0]
  # The paper's figures and what is special in it are for who opens the file.
  sentence = re.sub(r' \(PRD-AUC.*', '', sentence)
  return textwrap.shorten(
    sentence + ')' * (sentence.count('(') - sentence.count(')')), WIDTH, placeholder=' ...'
  )


KINDS: dict[str, tuple[str, Callable[[], Rows]]] = {
  'systems': ('calojax train NAME', systems),
  'detectors': ('geometry of files; lhcb_ecal, calogan, clic: calojax simulate', detectors),
  'models': ('calojax sample NAME, calojax show NAME', models),
  'data': ('--config.data.source=NAME, calojax show NAME --kind=data', embedded),
  'plug-ins': ("by their names, like calojax's own", plugged),
}
