"""Gates: what tells early that a training comes to nothing, while it could still be ended.

A discriminator that does not learn, one that knows the training showers by heart, and quick figures
of what is generated beside Geant4. They end no training: they tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np

from calojax.evaluation.features import observe, scalars
from calojax.evaluation.metrics.trees import crossed_auc
from calojax.geometry import Geometry
from calojax.methods.state import Method, TrainState
from calojax.showers import Shower, take, thinned
from calojax.training import sharding
from calojax.training.callbacks import tell

LOSS = 'discriminator/adversarial'
UPDATES = 500  # within which a discriminator's loss is to leave its start
FIRST, WINDOW = 10, 50  # updates whose mean is the start, and of which each later mean is taken
MOVED = 0.02  # of the start, by which one of the means has to differ from it
# The start is taken for at least this: a critic's loss starts near 0, and where it learns becomes
# of the size of 1 and more; the start of the others is ln 2 to 2.
UNIT = 1.0
# D(train) - D(held out) in spreads of the scores from which on a discriminator knows its training
# showers: of two normal laws so far apart it tells training from held-out ones with an area of
# 0.64, which is no longer what both have in common.
KNOWS = 0.5
SURE = 3.0  # errors that it has to be above 0 as well: of few showers it may be chance
ENOUGH = 100  # showers a side for quick trees, whose area then has an error of 0.04
# Observables whose means are told as ratios to Geant4's; what a line calls them.
SHAPES = {
  'width_longitudinal': 'width along',
  'width_transverse': 'across',
  'response': 'E/E_p',
  'occupancy': 'cells lit',
}
SPREAD = 'response_spread'


class Standstill:
  """Tells once, in one line, if the discriminator's adversarial loss has not left its start within
  `UPDATES` updates, whatever the loss: of every `WINDOW` updates the mean is compared with that of
  the `FIRST`.

  Args:
    begun: the step from which the run goes on; the start of a loss that was not seen is not known,
      and such a run is not judged.
    tell: of the line.
  """

  def __init__(self, begun: int, tell: Callable[[str], None] = tell):
    self._known, self._tell = begun == 0, tell
    self._losses = np.zeros(0)
    self._over = False

  def __call__(self, step: int, values: Mapping[str, np.ndarray]) -> None:
    """Looks at the values `[steps]` of the steps up to this one."""
    if self._over or LOSS not in values:
      return
    found = np.asarray(values[LOSS], np.float64)
    self._losses = np.concatenate([self._losses, found])
    self._over = not self._known or len(self._losses) >= UPDATES
    if self._known and self._over:
      self._judge(step - len(self._losses) + UPDATES)

  def _judge(self, step: int) -> None:
    losses = self._losses[:UPDATES]
    start = losses[:FIRST].mean()
    margin = MOVED * max(abs(start), UNIT)
    if np.abs(losses.reshape(-1, WINDOW).mean(1) - start).max() <= margin:
      self._tell(
        f'warning: step {step}: {LOSS} has not left its start, {start:.3g}, by {margin:.2g} '
        f'in {UPDATES} updates: the discriminator does not learn'
      )


class Scored(NamedTuple):
  """Mean scores of a discriminator on training less held-out showers, its error, and the spread of
  the scores of held-out ones.
  """

  gap: float
  error: float
  spread: float

  @property
  def knows(self) -> bool:
    """Whether the discriminator knows its training showers."""
    return 0 < KNOWS * self.spread < self.gap and self.gap > SURE * self.error


def scored(train: np.ndarray, held: np.ndarray) -> Scored:
  """What scores `[n]` of training and `[m]` of held-out showers say."""
  error = np.hypot(train.std() / np.sqrt(len(train)), held.std() / np.sqrt(len(held)))
  return Scored(float(train.mean() - held.mean()), float(error), float(held.std()))


def scorer(
  method: Method, train: Shower, held: Shower, batch: int
) -> Callable[[TrainState], Scored] | None:
  """A function of the state that scores held-out and as many training showers, in pieces of a
  batch; None for a method without a discriminator.
  """
  if method.score is None:
    return None
  score, count = jax.jit(method.score), min(len(train.energies), len(held.energies))
  size = min(batch, count)  # what is over is left out: a program for it would have to be compiled
  sets = [thinned(showers, count // size * size) for showers in (train, held)]

  def scores(state: TrainState, showers: Shower) -> np.ndarray:
    starts = range(0, len(showers.energies), size)
    return np.concatenate([score(state, take(showers, slice(i, i + size))) for i in starts])

  def judge(state: TrainState) -> Scored:
    return scored(*(scores(sharding.local(state), showers) for showers in sets))

  return judge


class Beside:
  """Quick figures of generated showers beside these real ones `[n, v]`.

  Args:
    real: held-out showers.
    geometry: of all.
  """

  def __init__(self, real: Shower, geometry: Geometry):
    layers = ('layer_fractions',) if len(geometry.layers) > 1 else ()
    particle = ('log_energy', 'slope_x', 'slope_y', 'impact_x', 'impact_y')
    self._names, self._geometry = (*particle, *scalars(geometry), 'occupancy', *layers), geometry
    self._shown = observe(self._names, real, geometry)
    self._shape = _shape(real, geometry)

  def __call__(self, generated: Shower, paired: Shower) -> dict[str, float]:
    """`auc`, the area of quick trees on observables and particles, with `auc_error`, where there
    are `ENOUGH` showers, and `over_geant4/<observable>`, ratios of means, and of the spread of
    E / E_p.

    Args:
      generated: of other particles than the real showers: trees could know shared ones.
      paired: of the real showers' own, with which a ratio has less noise.
    """
    shape = _shape(paired, self._geometry)
    figures = {
      f'over_geant4/{name}': value / self._shape[name]
      for name, value in shape.items()
      if self._shape[name] and np.isfinite(value)
    }
    if min(len(self._shown), len(generated.energies)) >= ENOUGH:
      shown = observe(self._names, generated, self._geometry)
      if np.isfinite(shown).all():  # sums of finite cells may overflow
        found = crossed_auc(self._shown, shown)
        figures |= {'auc': found.value, 'auc_error': found.error}
    return figures


def _shape(showers: Shower, geometry: Geometry) -> dict[str, float]:
  """Means of `SHAPES` (of the occupancies the one of lowest threshold), and the spread of
  E / E_p.
  """
  columns = dict(zip(SHAPES, observe(tuple(SHAPES), showers, geometry).T))
  means = {name: float(column.mean()) for name, column in columns.items()}
  return means | {SPREAD: float(columns['response'].std())}


def lines(step: int, figures: Mapping[str, float], count: int, found: Scored | None) -> list[str]:
  """The figures of a monitoring, of `Beside` with `count` showers and of the scores, in a line; a
  second one warns of a discriminator that knows its training showers.
  """
  auc = (
    f'AUC of quick trees {figures["auc"]:.3f} +- {figures["auc_error"]:.3f}'
    if 'auc' in figures
    else f'no AUC of {count} showers ({ENOUGH} are needed, with finite observables)'
  )
  names = SHAPES | {SPREAD: 'spread of E/E_p'}
  ratios = [
    f'{spoken} {figures[f"over_geant4/{name}"]:.3f}'
    for name, spoken in names.items()
    if f'over_geant4/{name}' in figures
  ]
  parts = [auc, f'over Geant4: {", ".join(ratios)}'] if ratios else [auc]
  if found:
    parts.append(f'D(train) - D(held out) {found.gap:.3g}, spread {found.spread:.3g}')
  told = [f'step {step}: {"; ".join(parts)}']
  if found and found.knows:
    told.append(
      f'warning: step {step}: D(train) - D(held out) is {found.gap / found.spread:.2g} spreads of '
      'its scores: the discriminator knows its training showers by heart (more showers, '
      'data.symmetries or fewer steps help)'
    )
  return told
