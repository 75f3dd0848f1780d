"""`calojax show`: what a file, a run or a model is, in words and as a picture."""

from __future__ import annotations

import os
from collections.abc import Callable

from calojax import data, zoo
from calojax.commands import told, words
from calojax.commands.sources import is_run
from calojax.commands.told import Shown
from calojax.exit_codes import DONE
from calojax.files import written_aside
from calojax.geometry import Geometry
from calojax.registry import find, near
from calojax.showers import Shower

PICTURES = ('.png', '.pdf', '.svg')


def showing(
  source: str,
  kind: str | None = None,
  output: str | None = None,
  overwrite: bool = False,
  said: data.Conventions = data.USUAL,
) -> Callable[[], int]:
  """Prints what a source is and draws it, if there is an output: a function that does it and
  returns the exit code.

  Args:
    source: a file, a run, the folder of an exported model, or a name of the package.
    kind: `model` or `data`, where a name is both; '' or None is the model.
    output: the picture, or None.
    overwrite: whether a picture that is there is replaced.
    said: what a file does not tell.

  Raises:
    ValueError: it is none of these or cannot be read, or the picture cannot be written.
  """
  if output is not None:
    _check_picture(output, overwrite)
  shown = described(source, kind, said)
  if output is not None and shown.showers is None:
    raise ValueError(f'{source} holds no showers, expected some for --output={output}')

  def work() -> int:
    print(f'{shown.title}\n{words.table(shown.rows)}')
    if shown.below:
      print(f'\n{shown.below}')
    if output is not None and shown.showers is not None:
      draw(*shown.showers(), os.path.basename(source), output)
      print(f'\n{output}')
    return DONE

  return work


def described(source: str, kind: str | None, said: data.Conventions) -> Shown:
  """What is told of a source; see `showing`."""
  if kind:
    find({'model': 0, 'data': 0}, kind, 'kind')
  if is_run(source):
    return told.of_run(source)
  if os.path.isfile(source):
    return told.of_file(source, said)
  if kind != 'data' and (os.path.isdir(source) or source in zoo.names()):
    return told.of_model(source)
  if source in data.DATASETS and kind != 'model':
    return told.of_dataset(f'embedded showers {source}', data.load(source))
  known = sorted({*zoo.names(), *data.DATASETS})
  raise ValueError(
    f'{source!r} is no file, no run and no model; {near(source, known, "by name there are")}'
  )


def _check_picture(output: str, overwrite: bool) -> None:
  """Raises ValueError if a picture cannot be written there."""
  if os.path.splitext(output)[1].lower() not in PICTURES:
    raise ValueError(f'{output}: expected a name that ends in one of {", ".join(PICTURES)}')
  if not os.path.isdir(os.path.dirname(os.path.abspath(output))):
    raise ValueError(f'{output}: expected the name of a file in a folder that exists')
  if os.path.exists(output) and not overwrite:
    raise ValueError(f'{output} is there, expected a new name, or --overwrite')


def draw(showers: Shower, geometry: Geometry, title: str, output: str) -> None:
  """Writes the picture of showers."""
  from calojax.evaluation.figures.portrait import portrait

  figure = portrait(showers, geometry, title)
  with written_aside(output) as part:
    figure.savefig(part, format=os.path.splitext(output)[1][1:].lower(), dpi=130)
