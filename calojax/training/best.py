"""The best of the monitored states, kept in `checkpoints/best`, and the end of a training that gets
no better.

`best.json` of the workdir has the figure (`train.best_by`) and what each monitoring found of it,
`[[step, value], ...]`. What was found after the step from which a run goes on is forgotten, and is
found again: an interrupted run keeps the same states and ends at the same step.
"""

from __future__ import annotations

import json
import math
import os
import shutil

from calojax.config.rules import SMALLEST
from calojax.files import folder_aside, write_text
from calojax.training.checkpoint import BEST, folder_of, steps_in

FILE = 'best.json'


class Best:
  """What the monitorings of one workdir have found.

  Args:
    folder: the workdir.
    figure: by which the best is chosen; '' for none.
    patience: monitorings without a better one that are the end; 0: none are.
    start: the step from which the run goes on.

  Raises:
    ValueError: the file is not what was written.
  """

  def __init__(self, folder: str, figure: str, patience: int, start: int):
    self._folder = folder
    self._figure, self._patience = figure, patience
    self._found = [(step, value) for step, value in _stored(folder, figure) if step <= start]
    step, kept = self.step, folder_of(folder)
    # A process can end between a checkpoint and its copy.
    if step in steps_in(kept) and step not in steps_in(os.path.join(kept, BEST)):
      self.keep(step)

  @property
  def step(self) -> int | None:
    """The step of the best, the first of several; None before the first monitoring."""
    known = [(value, -step) for step, value in self._found if math.isfinite(value)]
    sign = -1 if self._figure in SMALLEST else 1
    return -max(known, key=lambda pair: (sign * pair[0], pair[1]))[1] if known else None

  @property
  def over(self) -> bool:
    """Whether the patience is at its end."""
    later = sum(step > (self.step or 0) for step, _ in self._found)
    return bool(self._figure and self._patience and later >= self._patience)

  def note(self, step: int, value: float | None) -> bool:
    """Whether the figure of a step is the best so far; keeps it."""
    if not self._figure or value is None:
      return False
    self._found.append((step, value))
    kept = {'figure': self._figure, 'monitored': [[s, _plain(v)] for s, v in self._found]}
    write_text(os.path.join(self._folder, FILE), json.dumps(kept) + '\n')
    return self.step == step

  def keep(self, step: int) -> None:
    """Copies the checkpoint of a step, which is there, to `checkpoints/best`.

    Raises:
      OSError: there is no room for it.
    """
    folder = folder_of(self._folder)
    with folder_aside(os.path.join(folder, BEST)) as part:
      shutil.copytree(os.path.join(folder, str(step)), os.path.join(part, str(step)))

  def words(self) -> str:
    """Which is the best, and why the training ends."""
    values = dict(self._found)
    return (
      f'no better {self._figure} in {self._patience} monitorings (train.patience): the best, '
      f'{values[self.step]:.4g} at step {self.step}, is --checkpoint=best'
      if self.step
      else f'no {self._figure} in {self._patience} monitorings (train.patience)'
    )


def _plain(value: float) -> float | None:
  """The value as JSON has it."""
  return value if math.isfinite(value) else None


def _stored(folder: str, figure: str) -> list[tuple[int, float]]:
  """What earlier runs found of the same figure."""
  path = os.path.join(folder, FILE)
  if not os.path.exists(path):
    return []
  try:
    with open(path, encoding='utf-8') as file:
      kept = json.load(file)
    found = [(int(s), math.nan if v is None else float(v)) for s, v in kept['monitored']]
    return found if kept['figure'] == figure else []
  except (ValueError, KeyError, TypeError, RecursionError):
    raise ValueError(
      f'{path} is damaged, expected a figure and what was monitored: remove it'
    ) from None
