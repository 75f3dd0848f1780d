"""The strongest judge: classifiers of several kinds try to tell generated from real showers, and
the largest area under the ROC curve is the figure to quote.

Networks on cells in units of the incident energy do not see cells that are smeared by a fifth; trees
on observables do. Trees on logarithms of the cells, in the frame of the trajectory, say where in the
shower the distance lies: each group of cells is a judge of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from calojax.evaluation.metrics.classifier import (
  AUC,
  FEWEST,
  area,
  area_error,
  classifier_auc,
  high_inputs,
  low_inputs,
)
from calojax.geometry import Geometry, Layer
from calojax.observables import evaluate_observables
from calojax.showers import Condition, Shower

NOISE = 0.05  # MeV, added to a cell before the logarithm
PARTICLE = ('log_energy', 'slope_x', 'slope_y', 'impact_x', 'impact_y')
SIDES = {'core': (0, 8), 'ring_12': (8, 12), 'ring_20': (12, 20), 'halo': (20, 1000)}  # in cells
BLOCK, DEPTHS = 8, 4  # of several layers the central block, in at most so many groups
TRAINED = 0.7  # part of the showers that trees are grown on
TREES = {'max_iter': 150, 'learning_rate': 0.08, 'max_leaf_nodes': 15}

Inputs = Callable[[Shower, Geometry], np.ndarray]


class Judge(NamedTuple):
  """A kind of classifier and what it is shown of a shower."""

  inputs: Inputs
  classify: Callable[[np.ndarray, np.ndarray, int], AUC]


def judges(geometry: Geometry) -> dict[str, Judge]:
  """The judges of a calorimeter by name: `mlp_*` networks, `trees_*` boosted trees."""
  network = lambda real, fake, seed: classifier_auc(real, fake, repeats=1, seed=seed)
  found = {
    'mlp_low': Judge(low_inputs, network),
    'mlp_high': Judge(high_inputs, network),
    'mlp_log': Judge(log_inputs(np.arange(geometry.cells)), network),
    'trees_high': Judge(described, trees_auc),
  }
  return found | {
    f'trees_{name}': Judge(log_inputs(cells), trees_auc)
    for name, cells in cell_groups(geometry).items()
  }


def strongest(
  real: Shower, fake: Shower, pair: tuple[Shower, Shower], geometry: Geometry, seed: int = 0
) -> dict[str, dict[str, float]]:
  """`classifier/JUDGE` and `classifier/worst` -> `{value, error, floor, floor_error}`: areas of real
  against generated showers, and of real against real ones; with fewer than 20 of a kind nothing.

  The worst is the largest area of any judge; its floor the largest floor, as a largest of several
  is above 0.5 by chance.
  """
  if min(len(sample.energies) for sample in (real, fake, *pair)) < FEWEST:
    return {}
  figures = {}
  for name, judge in judges(geometry).items():
    found, floor = (
      judge.classify(judge.inputs(a, geometry), judge.inputs(b, geometry), seed)
      for a, b in ((real, fake), pair)
    )
    figures[f'classifier/{name}'] = {
      'value': found.value,
      'error': found.error,
      'floor': floor.value,
      'floor_error': floor.error,
    }
  worst = max(figures.values(), key=lambda figure: figure['value'])
  floor = max(figures.values(), key=lambda figure: figure['floor'])
  keys = ('floor', 'floor_error')
  return figures | {'classifier/worst': worst | {key: floor[key] for key in keys}}


def trees_auc(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> AUC:
  """The area under the ROC curve of boosted trees (scikit-learn's histogram trees), of the showers
  that they were not grown on; of the larger set a random part of the smaller one's size is used.
  """
  from sklearn.ensemble import HistGradientBoostingClassifier

  rng, count = np.random.default_rng(seed), min(len(real), len(fake))
  sets = [inputs[rng.permutation(len(inputs))[:count]] for inputs in (real, fake)]
  border = int(TRAINED * count)
  labels = lambda n: np.repeat([0, 1], n)
  model = HistGradientBoostingClassifier(**TREES, early_stopping=False, random_state=seed)
  model.fit(np.concatenate([a[:border] for a in sets]), labels(border))
  scores = model.predict_proba(np.concatenate([a[border:] for a in sets]))[:, 1]
  value = area(scores, labels(count - border))
  return AUC(value, area_error(value, count - border), np.array([value]))


def described(showers: Shower, geometry: Geometry) -> np.ndarray:
  """The observables that are one number a shower and the particle `[n, m]`."""
  particle = evaluate_observables(PARTICLE, showers, geometry)
  return np.concatenate([high_inputs(showers, geometry), particle], axis=1)


def log_inputs(cells: np.ndarray) -> Inputs:
  """The function that gives the logarithms of these cells in the frame of the trajectory, and the
  particle in it, `[n, 5 + m]` float32.
  """

  def inputs(showers: Shower, geometry: Geometry) -> np.ndarray:
    rolled, offset, slope = about_the_trajectory(showers, geometry)
    particle = [np.log(showers.condition.energy)[:, None], offset, slope]
    return np.concatenate([*particle, np.log(rolled[:, cells] + NOISE)], axis=1, dtype=np.float32)

  return inputs


def cell_groups(geometry: Geometry) -> dict[str, np.ndarray]:
  """Groups of cells: square rings about the middle of a single layer, or the middle blocks of
  consecutive layers.
  """
  if not all(isinstance(layer, Layer) for layer in geometry.layers):
    return {}
  rings, start = [], 0
  for layer in geometry.layers:
    x, y = ((layer.positions()[:, :2] - layer.centre) / layer.pitch).T
    rings.append(2 * np.maximum(abs(x), abs(y)) + 1)  # side of the square that holds the cell
  if len(rings) == 1:
    ring = rings[0]
    groups = {name: np.where((ring > a) & (ring <= b))[0] for name, (a, b) in SIDES.items()}
    return {name: cells for name, cells in groups.items() if len(cells)}
  blocks = []
  for ring in rings:
    blocks.append(start + np.where(ring <= BLOCK)[0])
    start += len(ring)
  parts = np.array_split(np.arange(len(blocks)), min(DEPTHS, len(blocks)))
  return {
    f'layers_{part[0]}_{part[-1]}': np.concatenate([blocks[i] for i in part]) for part in parts
  }


def about_the_trajectory(
  showers: Shower, geometry: Geometry
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The showers rolled until the trajectory crosses the middle of each layer `[n, v]`, and in the
  first layer turned until it does so in one octant (one quadrant of oblong cells); the crossing
  from there `[n, 2]` in cells, and dx/dz and dy/dz `[n, 2]`.

  The numpy twin of the generators' frame, written apart from it: a judge must not share its faults.
  """
  condition: Condition = showers.condition
  slope = condition.direction[:, :2] / condition.direction[:, 2:]
  if not all(isinstance(layer, Layer) for layer in geometry.layers):
    return np.asarray(showers.energies), condition.position, slope
  square = all(
    layer.shape[0] == layer.shape[1] and layer.pitch[0] == layer.pitch[1]
    for layer in geometry.layers
  )
  images, offset = [], np.zeros_like(slope)
  flip, turn = np.zeros(slope.shape, bool), np.zeros(len(slope), bool)
  for number, (layer, image) in enumerate(
    zip(geometry.layers, geometry.split(np.asarray(showers.energies)))
  ):
    point = (condition.position + layer.depth * slope - layer.centre) / layer.pitch
    shift = np.rint(point).astype(int)
    image = _rolled(image, shift)
    if number == 0:
      offset = point - shift
      flip = offset < 0
      offset = abs(offset)
      turn = (offset[:, 1] > offset[:, 0]) & square
    image = np.where(flip[:, :1, None], image[:, ::-1], image)
    image = np.where(flip[:, 1:, None], image[:, :, ::-1], image)
    if square:
      image = np.where(turn[:, None, None], image.swapaxes(1, 2), image)
    images.append(image.reshape(len(image), -1))
  slope = np.where(flip, -slope, slope)
  offset, slope = (np.where(turn[:, None], v[:, ::-1], v) for v in (offset, slope))
  return np.concatenate(images, axis=1), offset, slope


def _rolled(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
  """Images `[n, h, w]` moved by `shift` `[n, 2]` cells towards lower indices; 0 comes in."""
  places, inside = [], []
  for axis in (0, 1):
    size = image.shape[axis + 1]
    place = np.arange(size) + shift[:, axis, None]
    inside.append((place >= 0) & (place < size))
    places.append(np.clip(place, 0, size - 1))
  rows = np.arange(len(image))[:, None, None]
  moved = image[rows, places[0][:, :, None], places[1][:, None, :]]
  return moved * (inside[0][:, :, None] & inside[1][:, None, :])
