"""The config that a workdir keeps; as a config file too, so that a workdir can be named where a
config is: `get_config('RUN')`.
"""

from __future__ import annotations

import os

from calojax.config.migrations import Config, from_json
from calojax.config.rules import check
from calojax.files import check_digests

CONFIG = 'config.json'


def get_config(workdir: str) -> Config:
  """The config kept in a workdir, locked; if an earlier version kept it, with the defaults of what
  has been added since.

  Raises:
    ValueError: there is none, or it is not what was written.
  """
  path = os.path.join(workdir, CONFIG)
  try:
    with open(path, encoding='utf-8') as file:
      text = file.read()
  except (FileNotFoundError, NotADirectoryError):
    raise ValueError(f'{workdir} is not a workdir: no {CONFIG} in it') from None
  except ValueError as error:  # not UTF-8
    raise ValueError(f'{path} is not JSON: {error}') from None
  check_digests(workdir, CONFIG)
  try:
    return check(from_json(text))
  except ValueError as error:
    raise ValueError(f'{path} {error}') from None
