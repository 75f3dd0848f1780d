"""Boosted trees as a judge: scikit-learn's histogram trees (after Ke et al. 2017, LightGBM).

Trees ask one input after the other for a threshold. A network has to find the few cells that
matter among hundreds of others from some thousand showers; trees find them at once, and see a
smeared cell or a shifted width long before the networks of `classifier` do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calojax.evaluation.metrics.areas import AUC, area, area_error, check_inputs

TRAINED = 0.7  # part of the showers that trees are grown on
TREES, RATE, LEAVES = 100, 0.1, 15


def trees_auc(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> AUC:
  """The area under the ROC curve of boosted trees, of the showers that they were not grown on.

  Args:
    real: `[n, d]`; of the larger set a random part of the smaller one's size is used.
    fake: `[m, d]`.
    seed: of the division. The number of threads changes nothing.

  Raises:
    ValueError: unequal numbers of inputs, too few showers, or an input that is not finite.
  """
  check_inputs(real, fake)
  rng, count = np.random.default_rng(seed), min(len(real), len(fake))
  # Equal numbers of both kinds: else knowing the more frequent one would be worth something.
  sets = [inputs[rng.permutation(len(inputs))[:count]] for inputs in (real, fake)]
  border = int(TRAINED * count)
  scores = _judged([part[:border] for part in sets], [part[border:] for part in sets], seed)
  value = area(scores, np.repeat([0, 1], count - border))
  return AUC(value, area_error(value, count - border), np.array([value]))


def crossed_auc(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> AUC:
  """The same of all showers: each half is judged by trees that were grown on the other. Trees grown
  on fewer see less, but the area of few showers has a smaller error.

  Arguments and errors as in `trees_auc`.
  """
  check_inputs(real, fake)
  rng, count = np.random.default_rng(seed), min(len(real), len(fake)) // 2 * 2
  halves = [np.split(one[rng.permutation(len(one))[:count]], 2) for one in (real, fake)]
  labels = np.repeat([0, 1], count // 2)
  first, second = zip(*halves)
  areas = np.array(
    [area(_judged(*pair, seed), labels) for pair in ((first, second), (second, first))]
  )
  value = float(areas.mean())
  return AUC(value, area_error(value, count), areas)


def _judged(grown: Sequence[np.ndarray], judged: Sequence[np.ndarray], seed: int) -> np.ndarray:
  """How generated each of the `judged` showers looks to trees grown on others; real ones `[n, d]`
  come first, then as many generated ones, in both.
  """
  from sklearn.ensemble import HistGradientBoostingClassifier
  from threadpoolctl import threadpool_limits

  model = HistGradientBoostingClassifier(
    max_iter=TREES,
    learning_rate=RATE,
    max_leaf_nodes=LEAVES,
    # pyright guesses the type from the default, 'auto'.
    early_stopping=False,  # pyright: ignore[reportArgumentType]
    random_state=seed,
  )
  # Threads of OpenMP wait for each other by spinning: where others use the cores too, two threads
  # take a hundred times as long as one. The limit holds for the calling thread alone.
  with threadpool_limits(1, 'openmp'):
    model.fit(np.concatenate(grown), np.repeat([0, 1], len(grown[0])))
    return model.predict_proba(np.concatenate(judged))[:, 1]
