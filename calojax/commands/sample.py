"""Showers of a generator into a file; of an exported one with nothing of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from calojax import __version__, data, inference, spectrum
from calojax.exit_codes import DONE
from calojax.showers import Condition, Shower


def sampling(
  model: str, output: str, conditions: str | None, count: int | None, layout: str, seed: int
) -> Callable[[], int]:
  """Writes showers of an exported model, checked first: a function that does the work and returns
  the exit code.

  Args:
    model: its folder, or the name of one that comes with the package.
    output: the file to write, HDF5.
    conditions: a file of any readable format, one shower is made for each of its particles; or
      None.
    count: how many showers, their particles drawn from the training spectrum; or None.
    layout: of the file.
    seed: of particles and noise.

  Raises:
    ValueError: no such model or no runtime for it, the conditions cannot be read, or the output
      cannot be written.
  """
  generator = inference.load(model)
  wanted = particles(generator.spectrum, conditions, count, seed)
  card = generator.card
  provenance = {
    'generator': card['name'],
    'files': {name: file['sha256'] for name, file in card['files'].items()},
    'runtime': generator.runtime,
    'step': card['step'],
    'seed': seed,
    'calojax': __version__,
    'trained_on': card['data']['fingerprint'],
  }
  return writing(
    data.Writer(output, generator.geometry, provenance, layout),
    generator.stream(wanted, seed),
    len(wanted.energy),
  )


def particles(known: Condition, conditions: str | None, count: int | None, seed: int) -> Condition:
  """The particles of the file `conditions`, or `count` drawn from those known.

  Raises:
    ValueError: the file cannot be read, or count is not positive.
  """
  return data.conditions(conditions) if conditions else spectrum.draw(known, count, seed)


def writing(writer: data.Writer, pieces: Iterable[Shower], total: int) -> Callable[[], int]:
  """A function that writes the showers, shows how far it is, and returns the exit code."""

  def work() -> int:
    from tqdm import tqdm

    with writer as file, tqdm(total=total, unit='shower', desc='sampling', mininterval=0.5) as bar:
      for showers in pieces:
        file.append(showers)
        bar.update(len(showers.energies))
    print(f'{total} showers in {writer.path}')
    return DONE

  return work
