"""Puts the pictures of the README and of the pages among the pages, from where the results are."""

import pathlib
from typing import Any

from mkdocs.structure.files import File, Files

RESULTS = pathlib.Path(__file__).parents[1] / 'experiments' / 'results'
PICTURES = (
  'samples.png',
  'coverage.png',
  'side_by_side.png',
  'quality.png',
  'regression_weight.png',
)


def on_files(files: Files, config: Any) -> Files:
  """The files of the site, with the pictures."""
  for name in PICTURES:
    files.append(File.generated(config, name, abs_src_path=str(RESULTS / name)))
  return files
