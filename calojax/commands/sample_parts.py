"""`calojax sample --parts=N`: showers in as many files, each written by a job, and an index that
reads as one file of the same showers.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from calojax.commands import jobs, parts, sample
from calojax.commands.arguments import Asked, repeated
from calojax.commands.jobs import Task
from calojax.commands.sample import Request
from calojax.data.endings import HDF5, ending
from calojax.data.index import write_index
from calojax.exit_codes import DONE

OURS = ('model', 'workdir', 'output', 'overwrite', 'parts', 'workers', 'engine')


def sampling(
  asked: Asked, request: Request, *, model: str | None = None, workdir: str | None = None
) -> Callable[[], int]:
  """Has jobs write the parts of a request, checked first: a function that does it and returns the
  exit code. The same command leaves parts alone that are there.

  Args:
    asked: the flags.
    request: of all showers.
    model: the folder of an exported model, or the name of one that comes with the package.
    workdir: of a training, in place of a model.

  Raises:
    ValueError: as `sample.sampling`, or a number of parts that cannot be.
  """
  values, output = asked.values, pathlib.Path(request.output)
  if request.part:
    raise ValueError(f'--part={values.part} with --parts={values.parts}, expected one of them')
  if values.parts < 1:
    raise ValueError(f'--parts={values.parts}, expected at least 1')
  if ending(output) not in HDF5:
    raise ValueError(f'--output={output} with --parts, expected an ending of {" or ".join(HDF5)}')
  jobs.check(values.engine, values.workers)
  generator, _, wanted = sample.prepared(request, model, workdir)
  parts.rows(1, values.parts, len(wanted.energy), generator.batch)  # refuses too many
  folder = output.with_suffix('.parts')
  source = f'--model={model}' if model else f'--workdir={workdir}'
  words = [*repeated(asked, OURS), source, '--overwrite']
  tasks = {_path(folder, number): number for number in range(1, values.parts + 1)}

  def work() -> int:
    """Has the parts made that are not there, and writes their index."""
    with jobs.claimed(folder, 'sampling'):
      found = [
        Task(path.stem, [*words, f'--part={n}/{values.parts}'], f'--output={path}')
        for path, n in tasks.items()
      ]
      there = lambda task: (folder / f'{task.name}.h5').is_file()
      codes = jobs.run(found, folder, there, values.engine, values.workers, 'parts')
      code = next((code for code in codes.values() if code != DONE), DONE)
      if code == DONE:
        count = write_index(output, [str(path) for path in tasks])
        print(f'{count} showers in {len(tasks)} parts, {folder}, indexed by {output}')
    return code

  return work


def _path(folder: pathlib.Path, number: int) -> pathlib.Path:
  """The file of a part."""
  return folder / f'{number:05d}.h5'
