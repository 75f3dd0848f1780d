"""The folder of an evaluation: `summary.json` for machines, `report.html` for people, `report.tex`
for a paper, and the pictures. A run and a comparison of files both write it here.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from calojax.evaluation.figures.rendering import rendered
from calojax.evaluation.report.html import page
from calojax.evaluation.report.latex import table
from calojax.files import write_text, written_aside

if TYPE_CHECKING:
  from matplotlib.figure import Figure


def write_evaluation(
  directory: str | os.PathLike,
  summary: dict[str, Any],
  figures: dict[str, Figure] | None = None,
  vectors: Sequence[str] = (),
) -> pathlib.Path:
  """The path of `summary.json`.

  Args:
    directory: made if need be; every file is written aside and renamed.
    summary: of `study.evaluate`.
    figures: by name; without them there are neither pictures nor reports.
    vectors: formats in which they are written too, beside PNG: pdf, svg.
  """
  directory = pathlib.Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  if figures is not None:
    images = rendered(figures)
    write_images(directory, images)
    for kind in vectors:
      write_images(directory, rendered(figures, kind), kind)
    write_report(directory, summary, images)
  # Last: where there is a summary, all else is there too.
  path = directory / 'summary.json'
  write_text(path, json.dumps(summary, indent=1, allow_nan=False) + '\n')
  return path


def write_images(
  directory: str | os.PathLike, images: dict[str, bytes], kind: str = 'png'
) -> list[pathlib.Path]:
  """The paths of the images, written as `<name>.<kind>` into the directory."""
  paths = [pathlib.Path(directory) / f'{name}.{kind}' for name in images]
  for path, image in zip(paths, images.values()):
    with written_aside(path) as part, open(part, 'wb') as file:
      file.write(image)
  return paths


def write_report(
  directory: str | os.PathLike, summary: dict[str, Any], images: dict[str, bytes]
) -> pathlib.Path:
  """The path of `report.html`, which needs no other file and no network; `report.tex` is beside it.

  Args:
    directory: made if need be.
    summary: of `study.evaluate`.
    images: name -> PNG; they become part of the page.
  """
  directory = pathlib.Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  write_text(directory / 'report.tex', table(summary))
  path = directory / 'report.html'
  # The page looks the same in whatever encoding it is opened.
  write_text(path, page(summary, images).encode('ascii', 'xmlcharrefreplace').decode())
  return path
