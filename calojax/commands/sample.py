"""`calojax sample`: showers of a generator into a file; of an exported one with nothing of the
training.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from calojax import __version__, data, inference, interruption, spectrum
from calojax.commands import parts
from calojax.commands.start_up import start_up
from calojax.data.writer import smallest
from calojax.exit_codes import DONE
from calojax.files import check_room
from calojax.showers import Condition, Shower, at
from calojax.units import GEV


class Request(NamedTuple):
  """What is to be written.

  Attributes:
    output: the file.
    conditions: a file of any readable format, one shower is made for each of its particles; or
      None.
    count: how many showers, their particles drawn from the training spectrum; or None.
    layout: of the file.
    seed: of particles and noise.
    said: units and axes of the file of particles, and what to do with negative cells in it.
    wanted: what is asked of the particles, by name of `spectrum.QUANTITIES`.
    spectrum: a file of particles to draw from, in place of the training spectrum; or None.
    overwrite: whether a file that is there is replaced.
    checkpoint: of a run: `newest`, `best` or a step.
    part: number and count of the parts, of which this one is written; or None.
  """

  output: str
  conditions: str | None = None
  count: int | None = None
  layout: str = 'calojax'
  seed: int = 0
  said: data.Conventions = data.USUAL
  wanted: Mapping[str, float | spectrum.Range] = {}
  spectrum: str | None = None
  overwrite: bool = False
  checkpoint: str = 'newest'
  part: tuple[int, int] | None = None


def requested(values: Any) -> Request:
  """What the flags ask for.

  Raises:
    ValueError: flags that do not go together, or a quantity that is no number and no range.
  """
  texts = {name: values[name].value for name in spectrum.QUANTITIES}
  given = {name: text for name, text in texts.items() if text is not None}
  if (values.conditions is None) == (values.count is None):
    raise ValueError('expected either --conditions=FILE or --count=N, which draws the particles')
  drawn = [name for name in (*given, 'spectrum') if values[name].present]
  if values.conditions is not None and drawn:
    raise ValueError(
      f'--{drawn[0]}={values[drawn[0]].value} beside --conditions, whose particles are taken as '
      'they are: expected --count=N and --spectrum=FILE'
    )
  return Request(
    values.output,
    values.conditions,
    values.count,
    values.layout,
    values.seed,
    data.Conventions(values.units, values.axes, values.negative),
    {name: quantity(name, text) for name, text in given.items()},
    values.spectrum,
    values.overwrite,
    values.checkpoint,
    None if values.part is None else parts.part(values.part),
  )


def quantity(name: str, text: str) -> float | spectrum.Range:
  """The number or the range `LOW:HIGH` of a flag, an energy in MeV.

  >>> quantity('energy', '5:50')
  Range(low=5000.0, high=50000.0)

  Raises:
    ValueError: another text.
  """
  try:
    ends = [float(part) * (GEV if name == 'energy' else 1.0) for part in text.split(':')]
    return ends[0] if len(ends) == 1 else spectrum.Range(*ends)
  except (ValueError, TypeError):
    unit = 'GeV' if name == 'energy' else spectrum.QUANTITIES[name]
    raise ValueError(
      f'--{name} is {text!r}, expected a number or LOW:HIGH in {unit}, as 5 or 5:50'
    ) from None


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
  generator, provenance, wanted = prepared(request, model, workdir)
  writer = data.writer(request.output, generator.geometry, provenance, request.layout)
  first = 0
  if request.part:
    mine = parts.rows(*request.part, len(wanted.energy), generator.batch)
    wanted, first = at(wanted, mine), mine.start
  count = len(wanted.energy)
  _check_room(request, generator, count)
  return writing(writer, generator.stream(wanted, request.seed, first=first), count)


def prepared(
  request: Request, model: str | None, workdir: str | None
) -> tuple[inference.Model, dict[str, Any], Condition]:
  """The generator, how a file names it, and the particles of a request.

  Raises:
    ValueError: as `sampling`.
  """
  data.check_output(request.output, request.overwrite)
  if model is not None:
    generator, origin = _exported(model)
  elif workdir is not None:
    generator, origin = _of_workdir(workdir, request.checkpoint)
  else:
    raise ValueError('neither an exported model nor a workdir, expected one of them')
  provenance = {**origin, **_law(request), 'seed': request.seed, 'calojax': __version__}
  data.writer(request.output, generator.geometry, provenance, request.layout)  # refuses bad ones
  drawn = 0 if request.part else request.count or 0
  _check_room(request, generator, drawn)  # before so many particles are drawn
  return generator, provenance, particles(generator.spectrum, request)


def _check_room(request: Request, generator: inference.Model, count: int) -> None:
  """Raises ValueError if the disk has no room for so many showers."""
  folder = os.path.dirname(os.path.abspath(request.output))
  check_room(folder, smallest(count, generator.geometry), f'{count} showers')


def _law(request: Request) -> dict[str, Any]:
  """What a file says of how its particles were chosen, where they are not just the training's."""
  wanted = {
    f'{name} [{spectrum.QUANTITIES[name]}]': list(v) if isinstance(v, spectrum.Range) else v
    for name, v in request.wanted.items()
  }
  files = {
    name: os.path.basename(file)  # no path: a file may be published
    for name, file in (('spectrum', request.spectrum), ('conditions', request.conditions))
    if file is not None
  }
  return {**({'particles': wanted} if wanted else {}), **files}


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
  """The particles of the request's file, or as many as it counts, drawn from those known where it
  does not say more.

  Raises:
    ValueError: a file cannot be read, the count is not positive, or no particle has what is
      asked for.
  """
  if request.conditions is not None:
    return _of_file(request.conditions, request.said)
  if request.count is None:
    raise ValueError('neither a file of particles nor a count of showers, expected one of them')
  if request.spectrum is not None:
    known = _of_file(request.spectrum, request.said)
  return spectrum.asked(known, request.wanted, request.count, request.seed)


def _of_file(path: str, said: data.Conventions) -> Condition:
  """The particles of a file."""
  with data.flagged('--'):
    return data.conditions(path, conventions=said)


def writing(writer: data.Writer, pieces: Iterable[Shower], total: int) -> Callable[[], int]:
  """A function that writes the showers, shows how far it is, and returns the exit code."""

  def work() -> int:
    """Writes all showers."""
    from tqdm import tqdm

    with writer as file, tqdm(total=total, unit='shower', desc='sampling', mininterval=0.5) as bar:
      for showers in pieces:
        interruption.check()
        file.append(showers)
        bar.update(len(showers.energies))
    print(f'{total} showers in {writer.path}')
    return DONE

  return work
