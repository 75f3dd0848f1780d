"""The strongest judge: classifiers of several kinds try to tell generated from real showers, and
the largest of their areas under the ROC curve, `classifier/worst`, is the figure to quote.

One judge is blind. A network on cells over the incident energy, the usual one, does not see that
each cell is smeared by a fifth; trees on observables do. Trees on the logarithms of cells about the
trajectory see what no observable sums up, and as each group of cells has a judge of its own, they
say where in the shower the distance lies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calojax.evaluation.metrics.areas import AUC, FEWEST
from calojax.evaluation.metrics.classifier import classifier_auc
from calojax.evaluation.metrics.inputs import View, cell_groups, scale_of
from calojax.evaluation.metrics.trees import trees_auc
from calojax.evaluation.sets import Figures, Progress, Sets, figure
from calojax.geometry import Geometry
from calojax.showers import Shower

REPEATS = 3  # trainings of each network, see `classifier_auc`
NAME = 'classifier/'
WORST, WORST_TREES = f'{NAME}worst', f'{NAME}worst_trees'
Inputs = Callable[[View], np.ndarray]
NETWORKS: dict[str, Inputs] = {
  'low': lambda view: view.low,
  'high': lambda view: view.high,
  'log': lambda view: view.logarithms(np.arange(view.geometry.cells)),
}


def trees(geometry: Geometry) -> dict[str, Inputs]:
  """What the boosted trees of a calorimeter are shown, by the name of the judge."""

  def of(cells: np.ndarray) -> Inputs:
    return lambda view: view.logarithms(cells)

  found: dict[str, Inputs] = {'trees_high': lambda view: view.described}
  found |= {f'trees_{name}': of(cells) for name, cells in cell_groups(geometry).items()}
  # The cells outside the cores of many layers are too many to be shown one by one.
  return found | ({'trees_rings': lambda view: view.rings} if len(geometry.layers) > 1 else {})


def network_metrics(
  sets: Sets[Shower],
  geometry: Geometry,
  repeats: int = REPEATS,
  seed: int = 0,
  progress: Progress | None = None,
) -> Figures:
  """`classifier/low`, `/high` and `/log` -> `{value, error, floor, floor_error}`: areas of networks
  on cells over the incident energy, on observables, and on logarithms of cells about the
  trajectory. The floor is the area of real against real showers, about 0.5.

  With fewer than 20 showers of a kind there is nothing.

  Args:
    sets: `[n, v]` showers.
    geometry: of all.
    repeats: trainings of each network.
    seed: of divisions, weights and batches.
    progress: called with (stage, done, total) after each training.

  Raises:
    ValueError: a cell or particle that is not finite.
  """
  if _few(sets):
    return {}
  views, figures = _views(sets, geometry), {}
  for name, inputs in NETWORKS.items():
    areas = []
    for stage, (real, fake) in zip((name, f'floor {name}'), views.pairs):
      report = _report(progress, f'classifier {stage}', repeats)
      pair = inputs(real), inputs(fake)
      areas.append(classifier_auc(*pair, repeats, seed=seed, progress=report))
    found, floor = areas
    figures[NAME + name] = _beside_floor(found, floor)
  return figures


def tree_metrics(
  sets: Sets[Shower], geometry: Geometry, seed: int = 0, progress: Progress | None = None
) -> Figures:
  """`classifier/trees_<what>` -> `{value, error, floor, floor_error}`: areas of boosted trees on
  observables (`high`) and on logarithms of cells about the trajectory: the 8 x 8 cells of the
  `core`, `ring_12` up to 12 x 12, `ring_20`, and the `halo` beyond; of several layers the cores of
  groups of `layers_<first>_<last>`, and energies and lit cells of all their `rings`.

  Arguments, errors and small sets as in `network_metrics`.
  """
  if _few(sets):
    return {}
  views, judges = _views(sets, geometry), trees(geometry)
  figures = {}
  for done, (name, inputs) in enumerate(judges.items()):
    shown = views.map(inputs)
    # One after the other: scikit-learn changes the filters of warnings, which all threads share.
    found, floor = (trees_auc(real, fake, seed) for real, fake in shown.pairs)
    figures[NAME + name] = _beside_floor(found, floor)
    if progress:
      progress('trees', done + 1, len(judges))
  return figures


def strongest(sets: Sets[Shower], geometry: Geometry, seed: int = 0) -> Figures:
  """The figures of all judges, networks and trees, and `classifier/worst`."""
  figures = network_metrics(sets, geometry, seed=seed) | tree_metrics(sets, geometry, seed)
  return figures | worst(figures)


def worst(figures: Figures) -> Figures:
  """`classifier/worst` of these figures, the largest area of any judge, if networks and trees were
  among them; `classifier/worst_trees` if trees alone were; else nothing.

  A worst of few judges is not called by the name of that of all: it flatters. The floor is the
  largest floor of the same judges, as the largest of several areas is above 0.5 by chance.
  """
  found = [figure for key, figure in figures.items() if key.startswith(NAME)]
  tree_like = [key.startswith(f'{NAME}trees_') for key in figures if key.startswith(NAME)]
  if not any(tree_like):
    return {}
  value = max(found, key=lambda figure: figure['value'])
  floor = max(found, key=lambda figure: figure['floor'])
  numbers = value['value'], value['error'], floor['floor'], floor['floor_error']
  about = figure('floor', numbers) | {'judges': float(len(found))}
  return {WORST_TREES if all(tree_like) else WORST: about}


def _few(sets: Sets[Shower]) -> bool:
  return min(len(sample.energies) for sample in sets) < FEWEST


def _views(sets: Sets[Shower], geometry: Geometry) -> Sets[View]:
  """The showers as judges see them; ValueError, which names the set, if one is not finite."""
  for name, sample in sets._asdict().items():
    for what, values in (('cells', sample.energies), *sample.condition._asdict().items()):
      if bad := int((~np.isfinite(values)).sum()):
        raise ValueError(f'the {name} showers have {bad} {what} that are not finite')
  scale = scale_of(sets.reference, geometry)
  return sets.map(lambda sample: View(sample, geometry, scale))


def _beside_floor(found: AUC, floor: AUC) -> dict[str, float]:
  return figure('floor', (found.value, found.error, floor.value, floor.error))


def _report(progress: Progress | None, stage: str, repeats: int) -> Callable[[int], None] | None:
  return progress and (lambda done: progress(stage, done, repeats))
