"""Loss terms: functions of network outputs that return one value per shower."""

from __future__ import annotations

from typing import Callable, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Adversarial(NamedTuple):
  """The two players' losses: `discriminator(real scores [b], fake scores [b])` and `generator(fake scores [b])`, each `[b]`."""

  discriminator: Callable[[Array, Array], Array]
  generator: Callable[[Array], Array]


# Rogachev and Ratnikov 2021: L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), L_G = -E D(G(z)).
hinge = Adversarial(
    lambda real, fake: jax.nn.relu(1 - real) + jax.nn.relu(1 + fake),
    lambda fake: -fake)

# Goodfellow et al. 2014 on logits: -ln sigmoid(s) = softplus(-s); the generator's form is the non-saturating one.
non_saturating = Adversarial(
    lambda real, fake: jax.nn.softplus(-real) + jax.nn.softplus(fake),
    lambda fake: jax.nn.softplus(-fake))

ADVERSARIAL = {'hinge': hinge, 'non_saturating': non_saturating}


def absolute_error(predicted: Float[Array, 'b m'], target: Float[Array, 'b m']) -> Float[Array, 'b']:
  """Mean absolute error over the m predicted quantities, `[b]`."""
  return jnp.abs(predicted - target).mean(-1)


def zero_centred_penalty(score: Callable[[Array], Array], x: Float[Array, 'b v']) -> Float[Array, 'b']:
  """Squared gradient norm of the score at real showers, one value a shower `[b]` (R1; Mescheder et al. 2018, eq. 9, without its 1/2).

  `score` maps `[b, v]` to `[b]`, each shower's score its own: no batch norm inside.
  """
  return jnp.square(jax.grad(lambda x: score(x).sum())(x)).sum(-1)


def total(terms: dict[str, Array], weights: dict[str, float]) -> tuple[Array, dict[str, Array]]:
  """The weighted sum of the terms' means over the batch, and those means under the terms' names."""
  means = {name: term.mean() for name, term in terms.items()}
  return sum(weights[name] * mean for name, mean in means.items()), means
