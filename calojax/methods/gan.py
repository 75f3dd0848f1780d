"""Generative adversarial training of a conditional generator: the parts of a GAN, and the steps of
its two players.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from calojax.methods import losses, regressor, state
from calojax.methods.regressor import Pretrained
from calojax.methods.state import Method, Network, Player, Variables
from calojax.methods.transforms import Transform
from calojax.showers import Condition, Shower, take

STATS = ['batch_stats', 'spectral']


class GanState(NamedTuple):
  """Everything that a step of a GAN changes, and what it does not: the root random key `rng`, and
  the variables of the regressor trained beforehand, if there is one.
  """

  step: Array
  rng: Array
  generator: Player
  discriminator: Player
  frozen: Variables | None


class Gan(NamedTuple):
  """What a GAN is made of.

  Attributes:
    generator, discriminator: modules; called as (z or x, condition features, train).
    transform: between MeV and network space.
    features: `Condition[b] -> [b, m]`.
    shown: `Shower[b] -> [b, s]`, the observables that the discriminator sees behind the condition
      features; None for none.
    target: `Shower[b] -> [b, t]`, the scaled quantities that the discriminator's regressor head
      learns; None for no regressor.
    error: the regressor's, a function of (predicted, target).
    adversarial: the losses on scores.
    flips: fraction of showers that carry the wrong label before the discriminator (Salimans et al.
      2016).
    penalty: on the discriminator's gradient, a function of (score, real x, generated x, key).
    penalised: share of a micro-batch that the penalty is computed of: its mean is the same, and it
      costs more than all else of a step.
    energy: the generator's energy term, a function of (generated, real).
    pretrained: the parameter regressor that the generator answers to, or None.
    weights: of the terms, by name. In D's loss: `adversarial`, `regression` (the regressor on real
      showers), `regression_fake` (on generated ones: the papers do not say whether it learns on
      them), `gradient_penalty`. In G's: `adversarial`, `regression_generator` (what the head reads
      off generated showers against its target), `energy`, `mean_image`, `outputs` and `perceptual`
      (the frozen regressor's outputs against the condition; its features against those of the real
      shower of the same particle; Chekalina et al. 2018).
    generator_steps: of G an update.
    generator_optimiser, discriminator_optimiser: optax transformations.
    ema_decay: of the generator's moving average.
    latent: number of noise variables.
  """

  generator: Network
  discriminator: Network
  transform: Transform
  features: Callable[[Condition], Array]
  shown: Callable[[Shower], Array] | None
  target: Callable[[Shower], Array] | None
  error: Callable[[Array, Array], Array]
  adversarial: losses.Adversarial
  flips: float
  penalty: Callable[..., Array]
  penalised: float
  energy: Callable[[Shower, Shower], Array]
  pretrained: Pretrained | None
  weights: dict[str, float]
  generator_steps: int
  generator_optimiser: optax.GradientTransformation
  discriminator_optimiser: optax.GradientTransformation
  ema_decay: float
  latent: int


def method(gan: Gan) -> Method:
  """The GAN as a method: k discriminator steps, one on each micro-batch, then the generator's steps
  an update.
  """

  def init(key: Array, showers: Shower) -> GanState:
    """The state at step 0; of the showers the particles matter, and the number."""
    g_key, d_key, root = jax.random.split(key, 3)
    features = gan.features(showers.condition)
    g = gan.generator.init(g_key, jnp.zeros((len(features), gan.latent)), features, True)
    x = jnp.zeros_like(showers.energies)
    d = gan.discriminator.init(d_key, x, _seen(gan, x, showers.condition), True)
    return GanState(
      jnp.zeros((), jnp.int32),
      root,
      state.player(g, gan.generator_optimiser, averaged=True),
      state.player(d, gan.discriminator_optimiser),
      regressor.start(gan.pretrained, jax.random.fold_in(key, 1), x),
    )

  def update(train: GanState, showers: Shower) -> tuple[GanState, dict[str, Array]]:
    """The state after a step on showers `[k, b]`: k of D, then those of G; and its scalars."""
    *keys, g_key = jax.random.split(
      jax.random.fold_in(train.rng, train.step), len(showers.energies) + 1
    )
    d, g = train.discriminator, train.generator
    for i, key in enumerate(keys):  # a loop: scanned convolution gradients are slow on a CPU
      micro = jax.tree.map(operator.itemgetter(i), showers)
      d, d_metrics = _discriminator_step(gan, d, g, key, micro)
    train = train._replace(discriminator=d)
    for i in range(gan.generator_steps):
      # The first step's key is g_key itself: a GAN of one step draws as it did before there were
      # several.
      key = jax.random.fold_in(g_key, i) if i else g_key
      g, g_metrics = _generator_step(gan, train._replace(generator=g), key, micro)
    g = state.average(g, train.step, gan.ema_decay)
    metrics = {f'discriminator/{k}': v for k, v in d_metrics.items()} | {
      f'generator/{k}': v for k, v in g_metrics.items()
    }
    return train._replace(step=train.step + 1, generator=g), metrics

  def sample(variables: Variables, z: Array, condition: Condition) -> Float[Array, 'b v']:
    x = gan.generator.apply(variables, z, gan.features(condition), False)
    return gan.transform.inverse(x, condition.energy)

  def score(train: GanState, showers: Shower) -> Float[Array, ' b']:
    x = gan.transform.forward(showers.energies, showers.condition.energy)
    seen = _seen(gan, x, showers.condition)
    return gan.discriminator.apply(train.discriminator.variables, x, seen, False)['score']

  return Method(init, update, sample, gan.latent, score=score)


def _generate(
  gan: Gan, variables: Variables, key: Array, features: Array
) -> tuple[Array, Variables]:
  """Fresh showers in network space `[b, v]` and the generator's new statistics."""
  z = jax.random.normal(key, (len(features), gan.latent))
  return gan.generator.apply(
    variables, z, features, True, mutable=STATS, rngs={'dropout': jax.random.fold_in(key, 1)}
  )


def _seen(gan: Gan, x: Array, condition: Condition) -> Array:
  """What the discriminator sees beside the cells: the condition features and the observables that
  it is shown `[b, m + s]`.
  """
  features = gan.features(condition)
  if gan.shown is None:
    return features
  return jnp.concatenate([features, gan.shown(_shower(gan, x, condition))], axis=-1)


def _shower(gan: Gan, x: Array, condition: Condition) -> Shower:
  """Network space `[b, v]` back in MeV."""
  return Shower(gan.transform.inverse(x, condition.energy), condition)


def _judge(
  gan: Gan, variables: Variables, x: Array, condition: Condition, key: Array
) -> tuple[dict[str, Array], Variables]:
  """The discriminator's outputs on showers `[b, v]` and its new statistics."""
  return gan.discriminator.apply(
    variables, x, _seen(gan, x, condition), True, mutable=STATS, rngs={'dropout': key}
  )


def _discriminator_step(
  gan: Gan, d: Player, g: Player, key: Array, real: Shower
) -> tuple[Player, dict[str, Array]]:
  """One step of the discriminator on one micro-batch."""
  real_x = gan.transform.forward(real.energies, real.condition.energy)
  # Outside of the loss: the discriminator's gradient does not reach the generator. Its statistics
  # move in its own steps.
  fake_x, _ = _generate(gan, g.variables, key, gan.features(real.condition))
  # For dropout on real and on generated showers, for flips, for the penalty; 1 is taken by the
  # dropout of `_generate`, the key itself by its noise.
  keys = [jax.random.fold_in(key, i) for i in range(2, 6)]
  flipped = tuple(jax.random.bernoulli(keys[2], gan.flips, (2, len(real_x)))) if gan.flips else None

  def loss(params):
    """Of the discriminator, with its statistics and scalars."""
    variables = {'params': params, **d.stats}
    # Both calls start from the same statistics, so they use the same spectral norms; those of the
    # real call are kept.
    (on_real, stats), (on_fake, _) = (
      _judge(gan, variables, x, real.condition, key) for x, key in zip((real_x, fake_x), keys)
    )
    terms = {
      'adversarial': gan.adversarial.discriminator(on_real['score'], on_fake['score'], flipped)
    }
    if gan.target and gan.weights['regression']:
      terms['regression'] = gan.error(on_real['targets'], gan.target(real))
    if gan.target and gan.weights['regression_fake']:
      terms['regression_fake'] = gan.error(
        on_fake['targets'], gan.target(_shower(gan, fake_x, real.condition))
      )
    if gan.weights['gradient_penalty']:
      few = slice(max(1, round(gan.penalised * len(real_x))))
      score = lambda x: _judge(gan, variables, x, take(real, few).condition, keys[0])[0]['score']
      terms['gradient_penalty'] = gan.penalty(score, real_x[few], fake_x[few], keys[3])
    value, means = losses.total(terms, gan.weights)
    return value, (
      stats,
      means | {'score_real': on_real['score'].mean(), 'score_fake': on_fake['score'].mean()},
    )

  gradients, (stats, metrics) = jax.grad(loss, has_aux=True)(d.params)
  metrics['gradient_norm'] = optax.tree.norm(gradients)
  # Near 0 for a generator that gives one shower whatever its noise: the losses do not tell.
  metrics['diversity'] = fake_x.std(0).mean() / real_x.std(0).mean()
  return state.descend(d, gradients, gan.discriminator_optimiser)._replace(stats=stats), metrics


def _generator_step(
  gan: Gan, train: GanState, key: Array, real: Shower
) -> tuple[Player, dict[str, Array]]:
  """One step of the generator, asked for the real showers' conditions."""
  g, d = train.generator, train.discriminator

  def loss(params):
    """Of the generator, with its statistics and scalars."""
    x, stats = _generate(gan, {'params': params, **g.stats}, key, gan.features(real.condition))
    # The discriminator's statistics are left alone: they move in its own steps.
    judged, _ = _judge(gan, d.variables, x, real.condition, jax.random.fold_in(key, 2))
    terms = {'adversarial': gan.adversarial.generator(judged['score'])}
    if gan.target and gan.weights['regression_generator']:
      terms['regression_generator'] = gan.error(
        judged['targets'], gan.target(_shower(gan, x, real.condition))
      )
    if gan.weights['energy']:
      terms['energy'] = gan.energy(_shower(gan, x, real.condition), real)
    if gan.weights['mean_image']:
      real_x = gan.transform.forward(real.energies, real.condition.energy)
      terms['mean_image'] = losses.mean_distance(x, real_x, gan.features(real.condition))
    generated = _shower(gan, x, real.condition)
    terms |= regressor.terms(gan.pretrained, train.frozen, generated, real)
    value, means = losses.total(terms, gan.weights)
    return value, (stats, means)

  gradients, (stats, metrics) = jax.grad(loss, has_aux=True)(g.params)
  metrics['gradient_norm'] = optax.tree.norm(gradients)
  return state.descend(g, gradients, gan.generator_optimiser)._replace(stats=stats), metrics
