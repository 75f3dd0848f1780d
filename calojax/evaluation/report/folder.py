"""The report of an evaluation: a page for people and a table for a paper, beside the summary for
machines.
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

from calojax.evaluation.report.html import page
from calojax.evaluation.report.latex import table
from calojax.files import write_text


def write_report(
  directory: str | os.PathLike, summary: dict[str, Any], figures: dict[str, bytes]
) -> pathlib.Path:
  """The path of `report.html`, which needs no other file and no network; `report.tex` is beside it.

  Args:
    directory: made if need be; both files are written aside and renamed.
    summary: of `summary.evaluate`.
    figures: name -> PNG, see `plots.rendered`; they become part of the page.
  """
  text = (
    page(summary, figures).encode('ascii', 'xmlcharrefreplace').decode()
  )  # the same in whatever encoding files are opened
  directory = pathlib.Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  write_text(directory / 'report.tex', table(summary))
  path = directory / 'report.html'
  write_text(path, text)
  return path
