"""Loss terms: functions of network outputs that return one value per shower."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from calojax.geometry import Geometry
from calojax.registry import Registry
from calojax.showers import Shower
from calojax.units import GEV

Score = Callable[[Array], Array]  # [b, v] -> [b], each shower's score its own


class Adversarial(NamedTuple):
  """The two players' losses as functions of scores `[b]`, each `[b]`: of D on a shower labelled
  `real` or `fake`, of G on a generated one.
  """

  real: Callable[[Array], Array]
  fake: Callable[[Array], Array]
  generator: Callable[[Array], Array]

  def discriminator(
    self, real: Array, fake: Array, flipped: tuple[Array, Array] | None = None
  ) -> Array:
    """D's loss on the scores of real and generated showers; where a mask of `flipped` is set, that
    shower carries the other label.
    """
    if flipped is None:
      return self.real(real) + self.fake(fake)
    on_real, on_fake = flipped
    return jnp.where(on_real, self.fake(real), self.real(real)) + jnp.where(
      on_fake, self.real(fake), self.fake(fake)
    )


# Rogachev and Ratnikov 2021: L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), L_G = -E D(G(z)).
hinge = Adversarial(lambda s: jax.nn.relu(1 - s), lambda s: jax.nn.relu(1 + s), lambda s: -s)

# Goodfellow et al. 2014 on logits: -ln sigmoid(s) = softplus(-s); the generator's form is the
# non-saturating one.
non_saturating = Adversarial(
  lambda s: jax.nn.softplus(-s), jax.nn.softplus, lambda s: jax.nn.softplus(-s)
)

# Arjovsky et al. 2017: L_D = E D(G(z)) - E D(x), L_G = -E D(G(z)). The slides of Chekalina et al.
# 2018 print the signs otherwise.
wasserstein = Adversarial(lambda s: -s, lambda s: s, lambda s: -s)

ADVERSARIAL = Registry(
  'adversarial',
  {'hinge': hinge, 'non_saturating': non_saturating, 'wasserstein': wasserstein},
  Adversarial,
)


def absolute_error(
  predicted: Float[Array, 'b m'], target: Float[Array, 'b m']
) -> Float[Array, ' b']:
  """Mean absolute error over the m predicted quantities, `[b]`."""
  return jnp.abs(predicted - target).mean(-1)


def percentage_error(
  predicted: Float[Array, 'b m'], target: Float[Array, 'b m']
) -> Float[Array, ' b']:
  """Mean of |predicted / target - 1| over the m predicted quantities `[b]`, in percent as the
  weights of Carminati et al. 2018 expect it.
  """
  # The floor is for targets of exactly 0, whose relative error is no number.
  return 100 * (jnp.abs(predicted - target) / jnp.maximum(jnp.abs(target), 1e-6)).mean(-1)


ERRORS = {'absolute': absolute_error, 'percentage': percentage_error}


def requested_energy(generated: Shower, real: Shower, geometry: Geometry) -> Float[Array, ' b']:
  """|sum E / f - E_p| in GeV `[b]`, CaloGAN's energy term (Paganini et al. 2018, whose weight 0.05
  is for GeV).

  The paper compares the deposits themselves with E_p: its showers hold the absorber's energy too. A
  sampling calorimeter shows the fraction f of it, `geometry.sampling_fraction`.
  """
  visible = generated.energies.sum(-1) / geometry.sampling_fraction
  return jnp.abs(visible - real.condition.energy) / GEV


def paired_energy(generated: Shower, real: Shower, geometry: Geometry) -> Float[Array, ' b']:
  """|sum E / sum E_real - 1| in percent `[b]` against the real shower of the same particle, the 3D
  GAN's energy-sum term (Carminati et al. 2018).
  """
  return percentage_error(
    generated.energies.sum(-1, keepdims=True), real.energies.sum(-1, keepdims=True)
  )


ENERGY_TERMS = {'requested': requested_energy, 'paired': paired_energy}


def mean_distance(
  generated: Float[Array, 'b v'], real: Float[Array, 'b v'], features: Float[Array, 'b m']
) -> Float[Array, '']:
  """Squared distance of the means of two batches of the same conditions, and of how their showers
  change with its features.

  The unbiased squared maximum mean discrepancy (Gretton et al. 2012, eq. 3) with a kernel linear in
  the cells and in the features, these in units of their spread: what the spread within the batches
  adds is taken off, so that it costs no diversity.
  """
  spread = features.std(0)
  scaled = (features - features.mean(0)) / jnp.where(spread > 0, spread, 1.0)
  weights = jnp.concatenate([jnp.ones((len(features), 1)), scaled], axis=1)
  apart = jnp.einsum('bm,bv->bmv', weights, generated - real)
  # It may be negative, as an unbiased estimate of a small square must be.
  return jnp.square(apart.mean(0)).sum() - apart.var(0, ddof=1).sum() / len(apart)


def zero_centred_penalty(
  score: Score, real: Float[Array, 'b v'], fake: Array, key: Array
) -> Float[Array, ' b']:
  """Squared gradient norm of the score at real showers, one value a shower `[b]` (R1; Mescheder et
  al. 2018, eq. 9, without its 1/2).
  """
  del fake, key
  return jnp.square(_slope(score, real)).sum(-1)


def one_centred_penalty(
  score: Score, real: Float[Array, 'b v'], fake: Float[Array, 'b v'], key: Array
) -> Float[Array, ' b']:
  """(|gradient of the score| - 1)^2 at points between real and generated showers, one value a
  shower `[b]` (Gulrajani et al. 2017, eq. 3).

  One norm over a shower's cells: not one a cell, nor one over the batch.
  """
  # One place between a real and a generated shower for all of its cells.
  share = jax.random.uniform(key, (len(real), 1))
  square = jnp.square(_slope(score, share * real + (1 - share) * fake)).sum(-1)
  norm = jnp.sqrt(jnp.where(square > 0, square, 1.0)) * (
    square > 0
  )  # at a gradient of zero the root's own would be infinite
  return jnp.square(norm - 1)


PENALTIES = {'zero_centred': zero_centred_penalty, 'one_centred': one_centred_penalty}


def _slope(score: Score, x: Float[Array, 'b v']) -> Float[Array, 'b v']:
  """Gradient of each shower's score; a discriminator without batch norm, so that it is that
  shower's alone.
  """
  return jax.grad(lambda x: score(x).sum())(x)


def total(terms: dict[str, Array], weights: dict[str, float]) -> tuple[Array, dict[str, Array]]:
  """The weighted sum of the terms' means over the batch, and those means under the terms' names."""
  means = {name: term.mean() for name, term in terms.items()}
  return jnp.asarray(sum(weights[name] * mean for name, mean in means.items())), means
