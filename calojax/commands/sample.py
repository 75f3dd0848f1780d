"""`--mode=sample`: showers of a generator into a file; of an exported one with nothing of the
training.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from calojax import __version__, data, inference, interruption, spectrum
from calojax.commands.start_up import start_up
from calojax.data.writer import smallest
from calojax.exit_codes import DONE
from calojax.files import check_room
from calojax.showers import Condition, Shower


class Request(NamedTuple):
  """What is to be written.

  Attributes:
    output: the file, HDF5.
    conditions: a file of any readable format, one shower is made for each of its particles; or
      None.
    count: how many showers, their particles drawn from the training spectrum; or None.
    layout: of the file.
    seed: of particles and noise.
    said: units and axes of the file of particles, and what to do with negative cells in it.
    checkpoint: of a workdir: `newest`, `best` or a step.
  """

  output: str
  conditions: str | None = None
  count: int | None = None
  layout: str = 'calojax'
  seed: int = 0
  said: data.Conventions = data.USUAL
  checkpoint: str = 'newest'


def sampling(
  request: Request, *, model: str | None = None, workdir: str | None = None
) -> Callable[[], int]:
  """Writes showers of an exported model or of a workdir's generator, checked first: a function that
  does the work and returns the exit code.

  Args:
    request: what to write.
    model: the folder of an exported model, or the name of one that comes with the package.
    workdir: of a training, in place of a model.

  Raises:
    ValueError: no such model or no runtime for it, the workdir is not complete, the conditions
      cannot be read, or the output cannot be written.
  """
  if model is not None:
    generator, origin = _exported(model)
  elif workdir is not None:
    generator, origin = _of_workdir(workdir, request.checkpoint)
  else:
    raise ValueError('neither an exported model nor a workdir, expected one of them')
  provenance = {**origin, 'seed': request.seed, 'calojax': __version__}
  writer = data.Writer(request.output, generator.geometry, provenance, request.layout)
  _check_room(request, generator, request.count or 0)  # before so many particles are drawn
  wanted = particles(generator.spectrum, request)
  count = len(wanted.energy)
  _check_room(request, generator, count)
  return writing(writer, generator.stream(wanted, request.seed), count)


def _check_room(request: Request, generator: inference.Model, count: int) -> None:
  """Raises ValueError if the disk has no room for so many showers."""
  folder = os.path.dirname(os.path.abspath(request.output))
  check_room(folder, smallest(count, generator.geometry), f'{count} showers')


def _exported(model: str) -> tuple[inference.Model, dict[str, Any]]:
  """An exported generator, and how a file names it."""
  generator = inference.load(model)
  card = generator.card
  return generator, {
    'generator': card['name'],
    'files': {name: file['sha256'] for name, file in card['files'].items()},
    'runtime': generator.runtime,
    'step': card['step'],
    'trained_on': card['data']['fingerprint'],
  }


def _of_workdir(workdir: str, checkpoint: str) -> tuple[inference.Model, dict[str, Any]]:
  """The generator of a workdir's checkpoint, and how a file names it: by the path as it was given,
  for an absolute one would tell of somebody's machine.
  """
  start_up()
  from calojax.training.trained import trained  # here: an exported model needs no training stack

  generator = trained(workdir, checkpoint)
  return generator, {
    'generator': workdir,
    'step': generator.step,
    'trained_on': generator.description['fingerprint'],
  }


def particles(known: Condition, request: Request) -> Condition:
  """The particles of the request's file, or as many as it counts, drawn from those known.

  Raises:
    ValueError: the file cannot be read, or the count is not positive.
  """
  if request.conditions is not None:
    with data.flagged('--'):
      return data.conditions(request.conditions, conventions=request.said)
  if request.count is None:
    raise ValueError('neither a file of particles nor a count of showers, expected one of them')
  return spectrum.draw(known, request.count, request.seed)


def writing(writer: data.Writer, pieces: Iterable[Shower], total: int) -> Callable[[], int]:
  """A function that writes the showers, shows how far it is, and returns the exit code."""

  def work() -> int:
    from tqdm import tqdm

    with writer as file, tqdm(total=total, unit='shower', desc='sampling', mininterval=0.5) as bar:
      for showers in pieces:
        interruption.check()
        file.append(showers)
        bar.update(len(showers.energies))
    print(f'{total} showers in {writer.path}')
    return DONE

  return work
