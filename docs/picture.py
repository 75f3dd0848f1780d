"""Puts the picture of the README among the pages, from where the results are."""

import pathlib
from typing import Any

from mkdocs.structure.files import File, Files

PICTURE = pathlib.Path(__file__).parents[1] / 'experiments' / 'results' / 'samples.png'


def on_files(files: Files, config: Any) -> Files:
  """The files of the site, with the picture."""
  files.append(File.generated(config, PICTURE.name, abs_src_path=str(PICTURE)))
  return files
