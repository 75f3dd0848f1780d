"""Areas under the ROC curve, with their errors: what every judge hands back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FEWEST = 20  # showers of each kind, so that each part of a training has some


class AUC(NamedTuple):
  """Area under the ROC curve: mean of the repeats, its error, and each repeat's area
  `[repeats]`.
  """

  value: float
  error: float
  aucs: np.ndarray


def area(scores: np.ndarray, labels: np.ndarray) -> float:
  """The area under the ROC curve: the chance that a shower labelled 1 scores above one labelled 0;
  ties count half.
  """
  from scipy.stats import rankdata

  positive = labels == 1
  count, others = int(positive.sum()), int((~positive).sum())
  return float((rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * others))


def area_error(value: float, count: int) -> float:
  """Standard deviation of an area measured with `count` showers of each kind (Hanley and McNeil
  1982, eq. 1 and 2).
  """
  # An area of 0.3 is as far from chance as one of 0.7, and as uncertain.
  value = max(value, 1 - value)
  first, second = value / (2 - value), 2 * value**2 / (1 + value)
  variance = value * (1 - value) + (count - 1) * (first + second - 2 * value**2)
  return float(np.sqrt(max(variance, 0.0)) / count)


def check_inputs(real: np.ndarray, fake: np.ndarray) -> None:
  """Raises ValueError for sets `[n, d]` and `[m, d]` that no judge can tell apart: of unequal
  numbers of inputs, of fewer than 20 showers, or with an input that is not finite.
  """
  if real.ndim != 2 or real.shape[1:] != fake.shape[1:]:
    raise ValueError(
      f'classifier inputs of shape {real.shape} and {fake.shape}, expected [n, d] and [m, d]'
    )
  for name, inputs in (('real', real), ('generated', fake)):
    if len(inputs) < FEWEST:
      raise ValueError(
        f'{len(inputs)} {name} showers for the classifier, expected at least {FEWEST}'
      )
    # Trees would take a NaN for a value of its own kind, and say nothing.
    if not np.isfinite(inputs).all():
      raise ValueError(f'the {name} inputs of the classifier have values that are not finite')
