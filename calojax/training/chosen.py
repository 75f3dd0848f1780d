"""Which checkpoint of a workdir is taken: the newest, the best, or that of a step."""

from __future__ import annotations

from calojax.training.checkpoint import BEST, Checkpoints, folder_of, steps_in

NEWEST = 'newest'


def chosen(workdir: str, which: str = NEWEST) -> tuple[Checkpoints, int | None]:
  """The checkpoints of a workdir among which a chosen one lies, to be closed, and its step; of the
  newest None, as a damaged one gives way to the one before.

  Args:
    workdir: the folder.
    which: `newest`, `best`, or a step.

  Raises:
    ValueError: there is no such checkpoint; those that there are are named.
  """
  if which == NEWEST:
    return Checkpoints(workdir, create=False), None
  newest, best = (steps_in(folder_of(workdir, kept)) for kept in (False, True))
  if which == BEST and best:
    return Checkpoints(workdir, create=False, best=True), best[-1]
  for steps, kept in ((newest, False), (best, True)):
    for step in steps:
      if which == str(step):
        return Checkpoints(workdir, create=False, best=kept), step
  there = [*([NEWEST] if newest else []), *([BEST] if best else []), *map(str, newest)]
  raise ValueError(
    f'--checkpoint={which}: {workdir} has no such checkpoint, expected one of {there}'
    + ('; train.best_by keeps a best one from the first monitoring on' if which == BEST else '')
  )
