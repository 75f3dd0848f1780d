"""`--mode=export`: a workdir's generator into a folder that other programs run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calojax import export, interruption
from calojax.commands.start_up import start_up
from calojax.exit_codes import DONE
from calojax.training import workdir
from calojax.training.trained import trained


def exporting(
  folder: str, output: str, frameworks: Sequence[str], checkpoint: str = 'newest'
) -> Callable[[], int]:
  """Writes a workdir's generator, of a checkpoint (`newest`, `best` or a step), to a folder that
  other programs run: StableHLO, ONNX, a description; ONNX for these frameworks too.

  Raises:
    ValueError: the workdir is not complete, a package is missing, the generator cannot serve a
      framework, or the folder cannot be written.
  """
  start_up()
  export.check(output)
  generator, config = trained(folder, checkpoint), workdir.stored_config(folder)
  export.adapters.chosen(frameworks, generator)

  def work() -> int:
    told = interruption.progress(print)
    export.write(generator, config, output, folder, told=told, frameworks=frameworks)
    print(f'exported to {output}')
    return DONE

  return work
