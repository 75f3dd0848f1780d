"""Puts the pictures of the README and of the pages among the pages, from where the results are."""

import pathlib
from typing import Any

from mkdocs.structure.files import File, Files

RESULTS = pathlib.Path(__file__).parents[1] / 'experiments' / 'results'


def on_files(files: Files, config: Any) -> Files:
  """The files of the site, with the pictures."""
  for path in sorted(RESULTS.glob('*.png')):
    files.append(File.generated(config, path.name, abs_src_path=str(path)))
  return files
