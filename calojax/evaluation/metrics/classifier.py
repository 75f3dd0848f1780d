"""Classifier two-sample test (Lopez-Paz and Oquab 2017): how well a network tells generated from
real showers.

The recipe is CaloChallenge's (Krause et al. 2024): a multilayer perceptron with leaky ReLU, Adam at
2e-4, batches of 1000, 60 / 20 / 20 % for training, for the choice of the epoch and for the score.
The area under the ROC curve is 0.5 where the network finds no difference and 1 where it is never
wrong. A low area is only as convincing as the classifier: 2 x 512 units serve on a CPU where the
published numbers took 3 x 2048. `judges` has the others, and what each is shown.

The one file of the evaluation that uses JAX, inside the functions that train: an import of it loads
none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from calojax.evaluation.metrics.areas import AUC, area, area_error, check_inputs

RATE, BATCH, SLOPE = 2e-4, 1000, 0.01  # learning rate, showers a step, slope of the leaky ReLU
STEPS = 12  # a small set has smaller batches, so that an epoch has so many steps at least
SMALLEST = 32  # showers in a batch at least
PARTS = (0.6, 0.8)  # where the training and the validation part end
PATIENCE = 8  # epochs without a better validation score after which training stops
FAR = 10.0  # standard deviations at which inputs are cut: a rarely lit cell would lie hundreds away

Weights = list[tuple[np.ndarray, np.ndarray]]  # matrix and bias of each layer
Labelled = tuple[np.ndarray, np.ndarray]  # inputs `[n, d]`, and 0 or 1 `[n]`


def classifier_auc(
  real: np.ndarray,
  fake: np.ndarray,
  repeats: int = 3,
  *,
  epochs: int = 50,
  hidden: tuple[int, ...] = (512, 512),
  seed: int = 0,
  progress: Callable[[int], None] | None = None,
) -> AUC:
  """The area under the ROC curve of a network trained to tell the two sets apart.

  Args:
    real: `[n, d]`; of the larger set a random part of the smaller one's size is used.
    fake: `[m, d]`.
    repeats: trainings, each with its own split and initial weights.
    epochs: at most; training ends `PATIENCE` epochs after the best.
    hidden: width of each hidden layer.
    seed: of splits, weights and batches.
    progress: called with the number of trainings done.

  Returns:
    the area; its error is the spread of the repeats, and at least what the size of the test part
    allows (Hanley and McNeil 1982).

  Raises:
    ValueError: unequal numbers of inputs, too few showers, an input that is not finite, or no
      repeat.
  """
  if repeats < 1:
    raise ValueError(f'{repeats} repeats of the classifier, expected at least 1')
  check_inputs(real, fake)
  areas = []
  for repeat in range(repeats):
    areas.append(_repeat(real, fake, epochs, hidden, np.random.default_rng((seed, repeat))))
    if progress:
      progress(repeat + 1)
  mean, tested = float(np.mean(areas)), int(min(len(real), len(fake)) * (1 - PARTS[1]))
  spread = float(np.std(areas, ddof=1)) if repeats > 1 else 0.0
  return AUC(mean, max(spread, area_error(mean, tested)), np.array(areas))


def _repeat(
  real: np.ndarray, fake: np.ndarray, epochs: int, hidden: tuple[int, ...], rng: np.random.Generator
) -> float:
  """The area on the test part of one training."""
  count = min(len(real), len(fake))
  ends = [0, *(int(part * count) for part in PARTS), count]
  # Equal numbers of both kinds: else knowing the more frequent one would be worth something.
  orders = [rng.permutation(len(inputs))[:count] for inputs in (real, fake)]
  parts = []
  for start, end in zip(ends, ends[1:]):
    inputs = [sample[order[start:end]] for sample, order in zip((real, fake), orders)]
    labels = np.repeat(np.array([0, 1], np.float32), end - start)
    parts.append((np.concatenate(inputs).astype(np.float32, copy=False), labels))
  # Of the training part alone: the others are as unknown as any new shower.
  standardise = _standard(parts[0][0])
  training, validation, test = ((standardise(inputs), labels) for inputs, labels in parts)
  best = _trained(training, validation, epochs, hidden, rng)
  _, _, score = _functions()
  return area(np.asarray(score(best, test[0])), test[1])


def _standard(training: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
  """The function that brings inputs to mean 0 and deviation 1 on the training part, in place."""
  mean, deviation = training.mean(axis=0, dtype=np.float64), training.std(axis=0, dtype=np.float64)
  mean, scale = mean.astype(np.float32), np.where(deviation > 0, deviation, 1).astype(np.float32)

  def standardise(inputs: np.ndarray) -> np.ndarray:
    inputs -= mean
    inputs /= scale
    return np.clip(inputs, -FAR, FAR, out=inputs)

  return standardise


def _trained(
  training: Labelled,
  validation: Labelled,
  epochs: int,
  hidden: tuple[int, ...],
  rng: np.random.Generator,
) -> Weights:
  """The weights that did best on the validation part."""
  import jax

  (inputs, labels), (seen, truth) = training, validation
  batch = min(BATCH, max(SMALLEST, len(inputs) // STEPS), len(inputs))
  weights = _weights((inputs.shape[1], *hidden, 1), rng)
  optimiser, update, score = _functions()
  state, best, since = optimiser.init(weights), (-1.0, weights), 0
  # Once on the device; the host draws the order, so that it does not depend on the device.
  inputs, labels = jax.numpy.asarray(inputs), jax.numpy.asarray(labels)
  for _ in range(epochs):
    order = rng.permutation(len(labels))
    for start in range(
      0, len(order) - batch + 1, batch
    ):  # the rest of less than a batch waits for another epoch
      weights, state = update(weights, state, inputs, labels, order[start : start + batch])
    reached = area(np.asarray(score(weights, seen)), truth)
    best, since = ((reached, weights), 0) if reached > best[0] else (best, since + 1)
    # A perfect score cannot be bettered.
    if since == PATIENCE or reached == 1.0:
      break
  return best[1]


def _weights(widths: tuple[int, ...], rng: np.random.Generator) -> Weights:
  """Matrix and bias of each layer, uniform within 1 / sqrt(inputs)."""
  bounds = [(rows, columns, rows**-0.5) for rows, columns in zip(widths, widths[1:])]
  return [
    (
      rng.uniform(-b, b, (rows, columns)).astype(np.float32),
      rng.uniform(-b, b, columns).astype(np.float32),
    )
    for rows, columns, b in bounds
  ]


@functools.cache
def _functions() -> tuple[Any, Callable[..., Any], Callable[..., Any]]:
  """The optimiser, the compiled training step and the compiled scores `[n]` (log odds of being
  generated).
  """
  import jax
  import optax

  optimiser = optax.adam(RATE)

  def score(weights, inputs):
    *inner, (matrix, bias) = weights
    for kernel, offset in inner:
      inputs = jax.nn.leaky_relu(inputs @ kernel + offset, SLOPE)
    return (inputs @ matrix + bias)[:, 0]

  def loss(weights, inputs, labels):
    return optax.sigmoid_binary_cross_entropy(score(weights, inputs), labels).mean()

  def update(weights, state, inputs, labels, index):
    gradient = jax.grad(loss)(weights, inputs[index], labels[index])
    changes, state = optimiser.update(gradient, state)
    return optax.apply_updates(weights, changes), state

  return optimiser, jax.jit(update), jax.jit(score)
